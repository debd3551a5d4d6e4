"""Candles of one symbol as read-only columns, checked once at the door."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PRICE_COLUMNS = ("open", "high", "low", "close")
BLOCK = 8  # bars that ``extremes`` takes together


def utc(time_ns: int) -> datetime:
    """Nanoseconds since 1970 as an aware ``datetime`` (UTC, cut to microseconds)."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).replace(microsecond=time_ns % 1_000_000_000 // 1_000)


def utc_text(time_ns: int) -> str:
    """Nanoseconds since 1970 as ``2023-08-17 21:40 UTC``, with seconds only where there are any."""
    moment = utc(time_ns)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC" if moment.second else "%Y-%m-%d %H:%M UTC")


def _frozen(values: Any, dtype: type | None) -> npt.NDArray[Any]:
    """A contiguous, read-only array; a copy where somebody else could still write into ``values``."""
    array: npt.NDArray[Any] = np.ascontiguousarray(values, dtype=dtype)
    if array is values and array.flags.writeable:
        array = array.copy()
    array.flags.writeable = False
    return array


def _floats(values: Any) -> Floats:
    return _frozen(values, np.float64)


def _times(values: Any) -> Ints:
    return _frozen(values, np.int64)


def _flags(values: Any) -> Bools | None:
    return None if values is None else _frozen(values, np.bool_)


@attrs.frozen(eq=False, repr=False, slots=False)
class Bars:
    """The candles of one symbol and timeframe, oldest first.

    ``time`` holds bar OPEN times, int64 nanoseconds UTC; prices are float64 in quote currency,
    ``volume`` in base currency. All columns have one length, are contiguous and read-only.
    ``synthetic`` marks bars that were made to fill a gap (None: none). ``origin`` names where they
    came from, for messages. ``others`` holds informative series by (symbol, timeframe text).

    Raises DataError, naming origin, symbol, row and time, for times that do not increase, values
    that are not finite, prices that are not above zero, a high below open or close, a low above
    them, or a negative volume.
    """

    symbol: str
    timeframe: Timeframe
    time: Ints = attrs.field(converter=_times)
    open: Floats = attrs.field(converter=_floats)
    high: Floats = attrs.field(converter=_floats)
    low: Floats = attrs.field(converter=_floats)
    close: Floats = attrs.field(converter=_floats)
    volume: Floats = attrs.field(converter=_floats)
    synthetic: Bools | None = attrs.field(default=None, converter=_flags, kw_only=True)
    origin: str = attrs.field(default="", kw_only=True)
    others: Mapping[tuple[str, str], Bars] = attrs.field(factory=dict, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _validate(self)

    def __len__(self) -> int:
        return len(self.time)

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in attrs.fields(Bars)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Checked before they travelled; read-only again."""
        for value in state.values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        self.__dict__.update(state)

    def __repr__(self) -> str:
        span = f", {utc_text(self.time[0])} to {utc_text(self.time[-1])}" if len(self) else ""
        return f"Bars({self.symbol!r}, {self.timeframe}, {len(self)} bars{span})"

    @cached_property
    def tradable(self) -> Bools | None:
        """Which bars can decide, fill and be touched; None when all can.

        A synthetic bar cannot, nor a zero-volume bar of a series that has volume.
        """
        silent = self.volume <= 0.0
        blocked = silent if silent.any() and not silent.all() else None
        if self.synthetic is not None and self.synthetic.any():
            blocked = self.synthetic if blocked is None else blocked | self.synthetic
        return None if blocked is None else _frozen(~blocked, np.bool_)

    @cached_property
    def extremes(self) -> tuple[list[float], list[float]]:
        """Lowest low and highest high of each block of ``BLOCK`` bars, the last of them perhaps shorter."""
        edges = np.arange(0, len(self), BLOCK)
        if not len(edges):
            return [], []
        return np.minimum.reduceat(self.low, edges).tolist(), np.maximum.reduceat(self.high, edges).tolist()

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of times, prices, volume and synthetic flags (little-endian columns in that order)."""
        digest = sha256()
        for column in (self.time, self.open, self.high, self.low, self.close, self.volume):
            digest.update(column.astype(column.dtype.newbyteorder("<"), copy=False).data)
        if self.synthetic is not None and self.synthetic.any():
            digest.update(self.synthetic.data)
        return digest.hexdigest()

    @cached_property
    def memo(self) -> dict[Any, Any]:
        """Where ``indicators`` keeps what it computed for these bars."""
        return {}

    def index_at(self, time_ns: int) -> int:
        """Index of the last bar that opens at or before ``time_ns``; -1 before the first."""
        return int(self.time.searchsorted(time_ns, side="right")) - 1

    def slice(self, start: int, stop: int) -> Bars:
        """Bars ``start`` to ``stop`` (exclusive) as views; informative series cut to what had closed."""
        names = ("time", *PRICE_COLUMNS, "volume")
        part = self.with_checked(**{name: getattr(self, name)[start:stop] for name in names})
        put = part.__dict__.__setitem__
        put("synthetic", None if self.synthetic is None else self.synthetic[start:stop])
        put("others", _closed_others(self, part) if self.others else {})
        return part

    def where(self, keep: Bools) -> Bars:
        """The bars for which ``keep`` is true; informative series are not kept."""
        names = ("time", *PRICE_COLUMNS, "volume")
        part = self.with_checked(**{name: _frozen(getattr(self, name)[keep], None) for name in names})
        part.__dict__["synthetic"] = None if self.synthetic is None else _frozen(self.synthetic[keep], np.bool_)
        return part

    def with_checked(self, **columns: Any) -> Bars:
        """Bars of the same series with other columns, which were checked before: read-only arrays of one length."""
        part = object.__new__(Bars)
        names = ("symbol", "timeframe", "origin")
        part.__dict__.update({name: getattr(self, name) for name in names}, synthetic=None, others={}, **columns)
        return part

    def informative(self, timeframe: str, symbol: str | None = None) -> Informative:
        """Another timeframe or symbol, declared in ``[data] informative``, without look-ahead.

        Row i of what it aligns is the last of its bars that had closed by the close of bar i.
        Raises DataError when the pipeline does not declare it.
        """
        key = (symbol or self.symbol, timeframe)
        if key not in self.others:
            wanted = timeframe if symbol is None else f"{symbol}@{timeframe}"
            raise DataError(
                f"{self.symbol}: informative series {wanted!r} is not loaded; "
                f'add it to [data] informative = ["{wanted}"]'
            )
        return Informative(self, self.others[key])

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, symbol: str, timeframe: str | Timeframe, *, origin: str = "") -> Bars:
        """Bars from a DataFrame with a UTC ``DatetimeIndex`` of open times, or a ``timestamp`` column of them.

        Raises DataError for times that are none or have no zone, and for missing columns.
        """
        import pandas as pd

        times = pd.Series(frame.get("timestamp", frame.index))
        if not pd.api.types.is_datetime64_any_dtype(times):
            raise DataError(
                f"{symbol}: the frame has no open times; give a DatetimeIndex or a 'timestamp' column (UTC)"
            )
        if times.dt.tz is None:
            raise DataError(
                f"{symbol}: the frame's times have no time zone; localise them to UTC first (tz_localize('UTC'))"
            )
        missing = [name for name in (*PRICE_COLUMNS, "volume") if name not in frame]
        if missing:
            raise DataError(f"{symbol}: the frame lacks the columns {', '.join(missing)}")
        ns = times.dt.tz_convert("UTC").astype("datetime64[ns, UTC]").astype("int64").to_numpy()
        length = timeframe if isinstance(timeframe, Timeframe) else Timeframe(timeframe)
        columns = [frame[name].to_numpy(dtype=np.float64) for name in (*PRICE_COLUMNS, "volume")]
        return cls(symbol, length, ns, *columns, origin=origin)

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame indexed by open time (UTC); its data are copies."""
        import pandas as pd

        columns = {name: getattr(self, name).copy() for name in (*PRICE_COLUMNS, "volume")}
        index = pd.DatetimeIndex(self.time.astype("datetime64[ns]"), name="time").tz_localize("UTC")
        return pd.DataFrame(columns, index=index)


@attrs.frozen(eq=False)
class Informative:
    """Another series seen from ``base``: compute on ``bars``, then ``align`` the result to the base."""

    base: Bars
    bars: Bars

    @property
    def rows(self) -> Ints:
        """Per base bar the index of the last informative bar closed by then; -1 where there is none."""
        closes = self.bars.time + self.bars.timeframe.ns
        return closes.searchsorted(self.base.time + self.base.timeframe.ns, side="right").astype(np.int64) - 1

    def align(self, values: Floats) -> Floats:
        """``values``, one per informative bar, as one per base bar; NaN before the first has closed."""
        rows = self.rows
        if not len(values):
            return np.full(len(rows), np.nan)
        return np.where(rows >= 0, values[np.maximum(rows, 0)], np.nan)


def _closed_others(whole: Bars, part: Bars) -> dict[tuple[str, str], Bars]:
    """The informative bars that open within ``part`` and had closed by its end."""
    if not len(part):
        return {}
    start, end = int(part.time[0]), int(part.time[-1]) + whole.timeframe.ns
    cut: dict[tuple[str, str], Bars] = {}
    for key, other in whole.others.items():
        first = int(other.time.searchsorted(start, side="left"))
        last = int(other.time.searchsorted(end - other.timeframe.ns, side="right"))
        cut[key] = other.slice(first, max(first, last))
    return cut


def _validate(bars: Bars) -> None:
    size = len(bars.time)
    for name in (*PRICE_COLUMNS, "volume"):
        if getattr(bars, name).shape != (size,):
            raise DataError(
                f"{_where(bars)}: column {name!r} has shape {getattr(bars, name).shape}, the times have ({size},)"
            )
    if not _fine(bars):
        _complain(bars)


def _fine(bars: Bars) -> bool:
    """All at once and without a word: a comparison with NaN is false, and high and volume bound the rest."""
    high, low = bars.high, bars.low
    return bool(
        (bars.time[1:] > bars.time[:-1]).all()
        and (low > 0.0).all()
        and (high < np.inf).all()
        and (bars.volume < np.inf).all()
        and (bars.volume >= 0.0).all()
        and all((column >= low).all() and (column <= high).all() for column in (bars.open, bars.close))
    )


def _complain(bars: Bars) -> None:
    later = bars.time[1:] > bars.time[:-1]
    if not later.all():
        row = int(np.argmin(later)) + 1
        same = bars.time[row] == bars.time[row - 1]
        problem = "time is repeated" if same else "time is earlier than the row before"
        raise DataError(f"{_where(bars, row)}: {problem}; sort the candles by time and drop duplicates")
    for name in (*PRICE_COLUMNS, "volume"):
        _refuse(bars, ~np.isfinite(getattr(bars, name)), f"{name} is not a finite number; repair or remove the candle")
    for name in PRICE_COLUMNS:
        _refuse(bars, getattr(bars, name) <= 0.0, f"{name} is not above zero; repair or remove the candle")
    _refuse(bars, bars.volume < 0.0, "volume is negative; repair or remove the candle")
    _refuse(
        bars, bars.high < np.maximum(bars.open, bars.close), "high is below open or close; repair or remove the candle"
    )
    _refuse(
        bars, bars.low > np.minimum(bars.open, bars.close), "low is above open or close; repair or remove the candle"
    )


def _refuse(bars: Bars, bad: Bools, problem: str) -> None:
    if bad.any():
        raise DataError(f"{_where(bars, int(np.argmax(bad)))}: {problem}")


def _where(bars: Bars, row: int | None = None) -> str:
    place = f"{bars.origin}: " if bars.origin else ""
    where = f"{place}{bars.symbol} {bars.timeframe}"
    return where if row is None else f"{where}, row {row} ({utc_text(int(bars.time[row]))})"
