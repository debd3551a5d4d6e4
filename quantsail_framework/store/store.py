"""The store: what is kept under one root, by venue, symbol and timeframe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import attrs

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.gaps import Gaps, holes
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import DataError, MissingSeriesError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.store.files import make_folder, read_json, write_json
from quantsail_framework.store.parts import SUFFIX, Part, describe
from quantsail_framework.store.paths import decoded, encoded
from quantsail_framework.store.series import Added, Range, Series, SeriesInfo, joined, stamp

_INSTRUMENT = "instrument.json"
_CATALOGUE = ".catalogue.json"


class Store:
    """Candles in Parquet under ``root``, which need not exist before something is added.

    Venues and symbols are any text: ``BTC/USDT`` and ``BTC_USDT`` are two, and none leads out of the root.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def series(self, venue: str, symbol: str, timeframe: Timeframe) -> Series:
        """The series of that name, whether it is there or not."""
        folder = self.root / encoded(venue, "venue") / encoded(symbol) / str(timeframe)
        return Series(folder, venue, symbol, timeframe)

    # --- writing -----------------------------------------------------------------------------

    def add(
        self, venue: str, bars: Bars, *, source: str, fetched_ns: int, covered: Sequence[Range] | None = None
    ) -> Added:
        """Merge ``bars`` into what is stored; where both have a bar, the new one replaces the old one.

        ``source`` says where they come from, for people; ``fetched_ns`` when they came. ``covered`` are the ranges
        [start, end) that the venue was asked for, so that nobody asks for its holes again; None: what the bars
        themselves span without a hole. On return all of it is on disk; a kill before leaves each part old or new.
        """
        series = self.series(venue, bars.symbol, bars.timeframe)
        return series.add(bars, source=source, fetched_ns=fetched_ns, covered=_spans(bars, covered))

    def missing(self, venue: str, symbol: str, timeframe: Timeframe, start_ns: int, end_ns: int) -> list[Range]:
        """What of [start, end) was not fetched yet: ranges in order."""
        return self.series(venue, symbol, timeframe).missing(start_ns, end_ns)

    def save_instruments(self, venue: str, instruments: Iterable[Instrument]) -> None:
        """Keep tick, lot and smallest notional beside the candles."""
        for instrument in instruments:
            folder = self.root / encoded(venue, "venue") / encoded(instrument.symbol)
            rules = {"tick": instrument.tick, "lot": instrument.lot}
            texts: dict[str, Any] = {key: None if step is None else format(step, "f") for key, step in rules.items()}
            value = {"symbol": instrument.symbol, **texts, "min_notional": instrument.min_notional}
            if read_json(folder / _INSTRUMENT) != value:
                make_folder(folder)
                write_json(folder / _INSTRUMENT, value)

    # --- reading -----------------------------------------------------------------------------

    def bars(self, venue: str, request: BarRequest) -> Bars:
        """The asked range with its warm-up. Raises MissingSeriesError, with what is near, for an unknown series."""
        series = self.series(venue, request.symbol, request.timeframe)
        if not series.paths():
            raise MissingSeriesError(self._nothing(venue, request))
        return series.bars(request)

    def instruments(self, venue: str, symbols: Sequence[str]) -> dict[str, Instrument]:
        """The rules of those markets that are known."""
        known: dict[str, Instrument] = {}
        for symbol in symbols:
            stored = read_json(self.root / encoded(venue, "venue") / encoded(symbol) / _INSTRUMENT)
            if stored is not None:
                known[symbol] = _instrument(symbol, stored, self.root)
        return known

    def entries(self, broken: list[str] | None = None) -> Iterator[SeriesInfo]:
        """Every series, by venue, symbol and length of bar. What was read once is kept in a small file.

        What is wrong with a series that cannot be read goes to ``broken``; without such a list it is raised.
        """
        seen: dict[str, Any] = _known_parts(self.root)
        now: dict[str, Any] = {}

        def known(path: Path) -> Part:
            key = str(path.relative_to(self.root))
            mark, old = stamp(path)[1:], seen.get(key)
            if not isinstance(old, dict) or old.get("stamp") != mark:
                old = {"stamp": mark, "part": attrs.asdict(describe(path))}
            now[key] = old
            return Part(**{**old["part"], "gaps": Gaps(**old["part"]["gaps"])})

        for series in self.all_series():
            try:
                info = series.describe(known)
            except DataError as error:
                if broken is None:
                    raise
                broken.append(str(error))
                continue
            if info:
                yield info
        if now != seen:
            with suppress(DataError):  # it only saves time
                write_json(self.root / _CATALOGUE, now, durable=False)

    def entry(self, venue: str, symbol: str, timeframe: Timeframe) -> SeriesInfo | None:
        """The series of that name; None where nothing is stored."""
        return self.series(venue, symbol, timeframe).describe()

    def all_series(self) -> Iterator[Series]:
        """Every series that has parts, unread: broken ones too."""
        for venue, folder in _named(self.root):
            for symbol, _ in _named(folder):
                for timeframe in self.timeframes(venue, symbol):
                    yield self.series(venue, symbol, timeframe)

    def timeframes(self, venue: str, symbol: str) -> list[Timeframe]:
        """The timeframes in which a symbol is stored, shortest first."""
        folder = self.root / encoded(venue, "venue") / encoded(symbol)
        lengths = (_timeframe(path.parent.name) for path in folder.glob(f"*/*{SUFFIX}"))
        return sorted({length for length in lengths if length})

    def _nothing(self, venue: str, request: BarRequest) -> str:
        """Why there is nothing to read, with what is nearest."""
        text = f"{self.root}: no candles of {request.symbol} {request.timeframe} of {venue} are stored"
        there = [(series.venue, series.symbol, series.timeframe) for series in self.all_series()]
        if not self.root.is_dir():
            return f"{text}, for there is no such folder; name the store's root, or fill it with `quantsail data fetch`"
        if not there:
            return f"{text}; the store is empty: fill it with `quantsail data fetch` or `quantsail data import`"
        lengths = [str(length) for name, symbol, length in there if (name, symbol) == (venue, request.symbol)]
        if lengths:
            hint = f"it has {request.symbol} in {', '.join(lengths)}"
        elif venue not in {name for name, _, _ in there}:
            venues = sorted({name for name, _, _ in there})
            near = get_close_matches(venue, venues, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has the venues {', '.join(venues)}"
        else:
            symbols = sorted({symbol for name, symbol, _ in there if name == venue})
            near = get_close_matches(request.symbol, symbols, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(symbols[:10])}"
        return f"{text}; {hint} (`quantsail data list` shows all)"


def _instrument(symbol: str, stored: Any, root: Path) -> Instrument:
    try:
        steps = {key: None if stored[key] is None else Decimal(stored[key]) for key in ("tick", "lot")}
        return Instrument(symbol, **steps, min_notional=float(stored["min_notional"]))
    except (KeyError, TypeError, ValueError, ArithmeticError):
        raise DataError(f"{root}: {_INSTRUMENT} of {symbol} is not what a store writes; remove the file") from None


def _spans(bars: Bars, covered: Sequence[Range] | None) -> list[Range]:
    if covered is not None or not len(bars):
        return list(covered or ())
    edges = [int(bars.time[0]), *(edge for hole in holes(bars.time, bars.timeframe) for edge in hole)]
    edges.append(int(bars.time[-1]) + bars.timeframe.ns)
    return joined(zip(edges[::2], edges[1::2], strict=True))


def _known_parts(root: Path) -> dict[str, Any]:
    try:
        stored = read_json(root / _CATALOGUE)
    except DataError:  # it only saves time
        return {}
    return stored if isinstance(stored, Mapping) else {}  # type: ignore[return-value]


def _named(folder: Path) -> Iterator[tuple[str, Path]]:
    """The names that are stored below ``folder``, in order."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        name = decoded(path.name) if path.is_dir() else None
        if name is not None:
            yield name, path


def _timeframe(text: str) -> Timeframe | None:
    try:
        return Timeframe(text)
    except ValueError:
        return None
