"""TA-Lib functions over ``Bars``: computed once per distinct parameters, read-only, NaN refused at the door.

The only module that imports talib, at first use and without the pandas and polars that talib would
pull in. Every result is float64 with one value per bar and NaN only in the look-back head;
a series shorter than the look-back gives NaN throughout. Periods are in bars.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.bars import Bars, Bools, Floats, utc_text
from quantsail_framework.errors import DataError

Data = Bars | npt.ArrayLike

SOURCES = ("open", "high", "low", "close", "volume")
MEMO_BYTES = 64 * 2**20

# How far a result may still depend on where its history began, and how many times larger than the
# present value the seed's error may have been (a seed taken in a crash, say).
TOLERANCE = 1e-9
HEADROOM = 100.0
# A running sum's last digits depend on where the history began; within this share two values count as equal.
ROUNDING = 1e-9
# What a running sum over prices leaves, several times over: 6e-14 at most in 120,000 candles of BTC, ADA and XRP.
SNAP = 2e-13

# Smoothings in a row, by the kind of decay. A Wilder average of n keeps 1 - 1/n of its past each
# bar, an exponential one 1 - 2/(n + 1).
_WILDER = {"ATR": 1, "NATR": 1, "RSI": 1, "CMO": 1, "PLUS_DI": 1, "MINUS_DI": 1, "DX": 1, "ADX": 2, "ADXR": 2}
_EXPONENTIAL = {"EMA": 1, "DEMA": 2, "TEMA": 3, "TRIX": 3, "MACD": 2}
# Functions that see their look-back and nothing before it.
_FINITE = frozenset(
    {"AROON", "AROONOSC", "BETA", "BOP", "CCI", "CORREL", "LINEARREG", "LINEARREG_ANGLE", "LINEARREG_SLOPE", "MAX"}
    | {"MFI", "MIDPOINT", "MIDPRICE", "MIN", "MOM", "ROC", "ROCP", "ROCR", "SMA", "STDDEV", "SUM", "TRANGE", "TRIMA"}
    | {"TSF", "ULTOSC", "VAR", "WILLR", "WMA"}
)

_lock = threading.RLock()


def sma(data: Data, period: int, source: str = "close") -> Floats:
    """Simple moving average: the mean of the last ``period`` values, in the unit of the source."""
    return _one(data, "SMA", source, timeperiod=period)


def ema(data: Data, period: int, source: str = "close") -> Floats:
    """Exponential moving average, weight 2 / (period + 1), seeded with the mean of the first ``period``."""
    return _one(data, "EMA", source, timeperiod=period)


def rsi(data: Data, period: int = 14, source: str = "close") -> Floats:
    """Relative strength index, 0 to 100: 100 * gain / (gain + loss), each a Wilder average (Wilder 1978)."""
    return _one(data, "RSI", source, timeperiod=period)


def deviation(data: Data, period: int = 20, source: str = "close") -> Floats:
    """Standard deviation of the last ``period`` values (divided by ``period``), in the unit of the source."""
    return _one(data, "STDDEV", source, timeperiod=period)


def bollinger(
    data: Data, period: int = 20, deviations: float = 2.0, source: str = "close"
) -> tuple[Floats, Floats, Floats]:
    """Bands (upper, middle, lower): ``sma`` and ``deviations`` times ``deviation`` around it (Bollinger 2001)."""
    width = float(deviations)
    upper, middle, lower = talib_function(
        data, "BBANDS", source=source, timeperiod=period, nbdevup=width, nbdevdn=width
    )
    return upper, middle, lower


def bandwidth(data: Data, period: int = 20, deviations: float = 2.0, source: str = "close") -> Floats:
    """BandWidth: (upper - lower) / middle of the ``bollinger`` bands, a fraction of the price (Bollinger 2001)."""
    upper, middle, lower = bollinger(data, period, deviations, source)
    width = (upper - lower) / middle
    width.flags.writeable = False
    return width


def highest(data: Data, period: int, source: str = "high") -> Floats:
    """The highest of the last ``period`` values, the bar's own included."""
    return _extreme(data, "MAX", period, source)


def lowest(data: Data, period: int, source: str = "low") -> Floats:
    """The lowest of the last ``period`` values, the bar's own included."""
    return _extreme(data, "MIN", period, source)


def true_range(bars: Bars) -> Floats:
    """max(high, last close) - min(low, last close), in price; NaN for the first bar (Wilder 1978)."""
    return _one(bars, "TRANGE", None)


def atr(bars: Bars, period: int = 14) -> Floats:
    """Average true range in price: Wilder average of max(high, last close) - min(low, last close) (Wilder 1978)."""
    return _one(bars, "ATR", None, timeperiod=period)


def adx(bars: Bars, period: int = 14) -> Floats:
    """Average directional index, 0 to 100: the Wilder average of |+DI - -DI| / (+DI + -DI) (Wilder 1978).

    It says how strong a trend is, not its direction. Look-back 2 * period - 1; see ``warmup_bars``.
    """
    return _one(bars, "ADX", None, timeperiod=period)


def mean_volume(bars: Bars, period: int = 20) -> Floats:
    """Mean volume of the last ``period`` bars, the bar's own included, in base currency."""
    return _one(bars, "SMA", "volume", timeperiod=period)


def above(values: Floats, levels: Floats) -> Bools:
    """Where ``values`` exceed ``levels`` by more than rounding, 1e-9 of the level; never where either is NaN.

    A value that equals the mean of its window is not above it, whatever the last digits of a running sum say.
    """
    return values - levels > ROUNDING * np.abs(levels)


def snapped(prices: Floats) -> Floats:
    """``prices``, but what is a price of ten digits save for the rounding of a sum (2e-13 of it) is that price.

    The mean of closes often is a price that the market trades at. Whether a bar touches such a level must not
    hang on the last digits of a running sum, which depend on where the history began. NaN stays NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (9.0 - np.floor(np.log10(np.abs(prices))))
        short = np.rint(prices * scale) / scale
        return np.where(np.abs(prices - short) <= SNAP * np.abs(prices), short, prices)


def talib_function(data: Data, name: str, *, source: str | None = None, **parameters: float) -> tuple[Floats, ...]:
    """Any TA-Lib function by its own name and parameter names: one array per output, in TA-Lib's order.

    ``data`` is Bars, memoised there, or for a function of one series also an array, which may begin
    with NaN (another indicator's head). ``source`` is the column that a function of one series
    reads, its close by default. Outputs that TA-Lib gives as whole numbers become float64.

    ::

        macd, signal, histogram = talib_function(bars, "MACD", fastperiod=12, slowperiod=26, signalperiod=9)

    Raises ValueError for an unknown function, source or parameter; DataError, naming function and
    index, for values that are not finite after the head, going in or coming out.
    """
    function = _function(name)
    arguments = function.complete(parameters)
    if not isinstance(data, Bars):
        return _over_array(function, arguments, data, source)
    columns = function.inputs(source)
    key = (name, columns, arguments)
    with _lock:
        found: tuple[Floats, ...] | None = data.memo.pop(key, None)
        if found is not None:
            data.memo[key] = found
            return found
    series = [getattr(data, column) for column in columns]
    return _remember(data.memo, key, _call(function, arguments, series, 0, data))


def once(bars: Bars, key: Hashable, make: Callable[[], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """What ``make()`` returns, an array, kept for ``key`` and shared by all parameter sets of a search, read-only.

    For what takes a strategy long and hangs on some of its options only: ``key`` must say what it is and hold every
    option that it hangs on. It is remembered with the bars and forgotten as indicators are, the least recently used
    first. Two functions never share what they made. Raises TypeError for what is no array, and for what is no key or no
    function.

    ::

        rows = indicators.once(bars, (type(self), "squeezes", self.period), lambda: self._squeezes(bars))
    """
    if not callable(make):
        raise TypeError(f"indicators.once takes a function that makes the array, not {_kind(make)}; write lambda: ...")
    try:
        hash(key)
    except TypeError:
        raise TypeError(f"indicators.once: {key!r} is no key; make it a tuple of names and numbers") from None
    known = ("once", getattr(make, "__code__", None), key)
    with _lock:
        found: tuple[npt.NDArray[Any], ...] | None = bars.memo.pop(known, None)
        if found is not None:
            bars.memo[known] = found
            return found[0]
    given = make()
    if not isinstance(given, np.ndarray):
        raise TypeError(f"indicators.once: what was made for {key!r} is {_kind(given)}; it must be an array")
    made = given.copy()  # what it was made of may be written to
    made.flags.writeable = False
    return _remember(bars.memo, known, (made,))[0]


def _kind(value: Any) -> str:
    return f"a value of type {type(value).__name__}"


def lookback(name: str, **parameters: float) -> int:
    """Bars before the first value: the length of the NaN head. Raises ValueError as ``talib_function``."""
    function = _function(name)
    return _lookback(function.name, function.complete(parameters))


def warmup_bars(name: str, **parameters: float) -> int:
    """Bars before the first value that no longer depends on where the history began, to 1e-9.

    A recursive average is seeded at the start of the history; after k further bars q**k of the
    seed's error is left, where q = 1 - 1/n (Wilder) or 1 - 2/(n+1) (exponential). Of m such averages
    in a row, each fed by the error of the one before, q**k * sum((k * (1-q))**j / j!, j < m) is left.
    The result is the look-back plus the smallest k that brings this below ``TOLERANCE / HEADROOM``,
    relative to the value, or to 100 for an index from 0 to 100: 356 for ATR(14), 415 for ADX(14).
    Functions with a finite memory need their look-back only.

    Raises ValueError for a function whose memory is not known here (KAMA, OBV, SAR, ...).
    """
    function = _function(name)
    arguments = function.complete(parameters)
    head = _lookback(name, arguments)
    if name in _FINITE or name.startswith("CDL") or (name == "BBANDS" and dict(arguments)["matype"] == 0):
        return head
    longest = max((value for key, value in arguments if key.endswith("period")), default=0.0)
    if name in _WILDER:
        return head + _bars_to_forget(1.0 - 1.0 / longest, _WILDER[name])
    if name in _EXPONENTIAL:
        return head + _bars_to_forget(1.0 - 2.0 / (longest + 1.0), _EXPONENTIAL[name])
    known = ", ".join(sorted([*_WILDER, *_EXPONENTIAL]))
    raise ValueError(f"how long {name} remembers is not known; use a function of finite memory or one of {known}")


def _one(data: Data, name: str, source: str | None, **parameters: float) -> Floats:
    return talib_function(data, name, source=source, **parameters)[0]


def _extreme(data: Data, name: str, period: int, source: str) -> Floats:
    if period != 1:
        return _one(data, name, source, timeperiod=period)
    # TA-Lib knows no window of one bar, which is the value itself.
    function = _function(name)
    (column,) = function.inputs(source)
    array = getattr(data, column) if isinstance(data, Bars) else _checked(function, data)[0].copy()
    array.flags.writeable = False
    return array


@cache
def _bars_to_forget(decay: float, stages: int) -> int:
    if decay <= 0.0:
        return 0
    wanted = math.log(HEADROOM / TOLERANCE)
    count, needed = 0, 1
    while needed > count:
        count = needed
        grown = sum((count * (1.0 - decay)) ** power / math.factorial(power) for power in range(stages))
        needed = math.ceil((wanted + math.log(grown)) / -math.log(decay))
    return count


Arguments = tuple[tuple[str, float], ...]


class _Function(NamedTuple):
    """A TA-Lib function: its columns, the defaults of its parameters, and the compiled function."""

    name: str
    columns: tuple[str, ...]
    one_series: bool
    outputs: int
    defaults: dict[str, float]
    compiled: Any

    def complete(self, parameters: dict[str, float]) -> Arguments:
        """All parameters in TA-Lib's order, so that a default left out and one given are the same."""
        unknown = [name for name in parameters if name not in self.defaults]
        if unknown:
            raise ValueError(
                f"{self.name} has no parameter {unknown[0]!r}; it has: {', '.join(self.defaults) or 'none'}"
            )
        return tuple((name, parameters.get(name, default)) for name, default in self.defaults.items())

    def inputs(self, source: str | None) -> tuple[str, ...]:
        if source is None:
            return self.columns
        if source not in SOURCES:
            raise ValueError(f"{self.name}: no source {source!r}; choose one of {', '.join(SOURCES)}")
        if not self.one_series:
            raise ValueError(f"{self.name} always reads {', '.join(self.columns)}; leave out the source")
        return (source,)


@cache
def _function(name: str) -> _Function:
    library = _library()
    names: Sequence[str] = library.__TA_FUNCTION_NAMES__
    if name not in names:
        import difflib

        near = difflib.get_close_matches(name.upper(), names, n=1)
        raise ValueError(f"TA-Lib has no function {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    compiled = getattr(library, name)
    facts = library.Function(name, compiled)
    columns: list[str] = []
    for wanted in facts.input_names.values():
        columns += [wanted] if isinstance(wanted, str) else wanted
    if not columns or not set(columns) <= set(SOURCES):
        raise ValueError(f"{name} reads {', '.join(columns) or 'no column'}, which candles do not have")
    return _Function(
        name=name,
        columns=tuple(columns),
        one_series=list(facts.input_names) == ["price"],
        outputs=len(facts.output_names),
        defaults=dict(facts.parameters),
        compiled=compiled,
    )


@lru_cache(maxsize=4096)
def _lookback(name: str, arguments: Arguments) -> int:
    facts = _library().Function(name, _function(name).compiled)
    try:
        facts.parameters = dict(arguments)
        bars = int(facts.lookback)
    except Exception as error:  # talib raises plain Exception for a value of the wrong type
        raise ValueError(f"{_worded(name, arguments)}: {error}") from error
    if bars < 0:
        raise ValueError(f"{_worded(name, arguments)}: TA-Lib refuses these parameters; is a period too small?")
    return bars


def _worded(name: str, arguments: Arguments) -> str:
    return f"{name}({', '.join(f'{key}={value}' for key, value in arguments)})"


def _over_array(
    function: _Function, arguments: Arguments, values: npt.ArrayLike, source: str | None
) -> tuple[Floats, ...]:
    if not function.one_series:
        raise ValueError(f"{function.name} reads {', '.join(function.columns)}: give it Bars, not an array")
    function.inputs(source)  # sma() and its like name what they would read of Bars; an array is its own source
    array, head = _checked(function, values)
    return _call(function, arguments, [array], head, None)


def _checked(function: _Function, values: npt.ArrayLike) -> tuple[Floats, int]:
    """``values`` as float64, and how many NaN they begin with. Raises DataError for any later NaN or inf."""
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{function.name}: the values have shape {array.shape}; one dimension is needed")
    present = ~np.isnan(array)
    head = int(present.argmax()) if present.any() else len(array)
    bad = _first_not_finite(array, head)
    if bad is not None:
        text = f"{function.name}: value {bad} is {array[bad]}, which TA-Lib would carry into every later value"
        raise DataError(f"{text}; remove or repair it")
    return array, head


def _call(
    function: _Function, arguments: Arguments, series: list[Floats], missing: int, bars: Bars | None
) -> tuple[Floats, ...]:
    head = missing + _lookback(function.name, arguments)
    size = len(series[0])
    if size <= head:
        return tuple(_empty(size) for _ in range(function.outputs))
    raw = function.compiled(*series, **dict(arguments))
    results = tuple(_floats(values, head) for values in (raw if isinstance(raw, tuple) else (raw,)))
    for values in results:
        bad = _first_not_finite(values, head)
        if bad is not None:
            where = f" ({bars.symbol}, {utc_text(int(bars.time[bad]))})" if bars is not None else ""
            raise DataError(f"{_worded(function.name, arguments)} is {values[bad]} at index {bad}{where}")
        values.flags.writeable = False
    return results


def _empty(size: int) -> Floats:
    values = np.full(size, np.nan)
    values.flags.writeable = False
    return values


def _floats(values: npt.NDArray[Any], head: int) -> Floats:
    if values.dtype == np.float64:
        return values
    floats = values.astype(np.float64)
    floats[:head] = np.nan
    return floats


def _first_not_finite(values: Floats, start: int) -> int | None:
    tail = values[start:]
    # A finite sum proves finite terms in one pass; only where it is not, look closer.
    with np.errstate(over="ignore", invalid="ignore"):
        if math.isfinite(tail.sum()):
            return None
    bad = ~np.isfinite(tail)
    return start + int(bad.argmax()) if bad.any() else None


def _remember(memo: dict[Any, Any], key: Any, results: tuple[Floats, ...]) -> tuple[Floats, ...]:
    """Keep ``results``; forget the least recently used above ``MEMO_BYTES`` per Bars."""
    with _lock:
        memo[key] = results
        held = sum(values.nbytes for kept in memo.values() for values in kept)
        while held > MEMO_BYTES and len(memo) > 1:
            oldest = memo.pop(next(iter(memo)))
            held -= sum(values.nbytes for values in oldest)
    return results


@cache
def _library() -> ModuleType:
    """TA-Lib's compiled module, imported without pandas and polars.

    talib wraps its functions for the Series of both where it can import them, at two seconds. Where
    it had to do without, ``talib`` is forgotten again, so that a later ``import talib`` by somebody
    else is whole (its ``abstract`` functions then take arrays but no DataFrames).
    """
    with _lock:
        known = "talib" in sys.modules
        with _hidden("pandas", "polars"):
            import talib._ta_lib as compiled
        for name in () if known else ("talib", "talib.stream"):
            sys.modules.pop(name, None)
    return compiled


class _Hider:
    """A finder by which some modules cannot be imported in the thread that made it."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.thread = threading.get_ident()

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        if name in self.names and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Modules that are not imported yet stay so; those that are stay usable, and other threads see no difference."""
    finder: Any = _Hider(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
