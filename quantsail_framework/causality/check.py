"""Changes the future and the past of a pipeline's candles at random points, and finds what its components notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.causality.answers import HELD_BARS, decision_values, prepared_values, signal_values
from quantsail_framework.causality.compare import Columns, differences
from quantsail_framework.causality.futures import other_future, other_informative
from quantsail_framework.domain.bars import Bars, utc_text
from quantsail_framework.domain.signals import LONG, SHORT, Enter, Signals
from quantsail_framework.engine import load_market
from quantsail_framework.engine.feed import is_bar_strategy
from quantsail_framework.errors import ComponentError, DataError
from quantsail_framework.ports.runner import Pipeline, Progress
from quantsail_framework.ports.strategy import BarView
from quantsail_framework.ports.warmup import declared_warmup

Ints = npt.NDArray[np.int64]
Kind = Literal["unrepeatable", "look-ahead", "warm-up"]
Answer = Callable[[Ints], Columns]

_ASKED = 8  # bars at which a bar strategy decides, up to each point
_SAMPLED = 1_000  # bars at which it is asked once, to find where it enters
_SPAN = 200  # bars after each point at which a shorter history is compared
_ALL = "all bars are there"
_SETTLING = 8  # points at which a longer warm-up is tried


@attrs.frozen
class Finding:
    """What one field of a component's answers did that it must not.

    ``unrepeatable``: the same bars gave another value. ``look-ahead``: later bars changed it. ``warm-up``: it
    depends on bars before the declared warm-up. ``time_ns`` is the open of the first bar in which it differed,
    ``value`` what it is on all candles and ``other`` what it is once ``change`` is made (NaN: nothing);
    ``points`` at how many points it differed. ``enough``: for a warm-up, how many bars would do; None where
    none did that the candles have room for.
    """

    kind: Kind
    component: str
    symbol: str
    field: str
    time_ns: int
    value: float
    other: float
    change: str
    points: int
    enough: int | None = None


@attrs.frozen
class Checked:
    """One component on one market of ``bars`` bars, and what was tried there.

    ``points``: bars after which it was given other futures. ``starts``: bars to which it was given a history of
    its ``warmup`` alone; 0 for what was not reached. ``entries``: how many it has there (a bar strategy is asked at
    a sample of bars); None for a cost model. ``informative``: the series that were varied too.
    """

    component: str
    symbol: str
    bars: int
    warmup: int
    points: int
    starts: int
    entries: int | None
    informative: tuple[str, ...]


@attrs.frozen
class Honesty:
    """What was checked, and what was found: nothing, if all is well."""

    checked: tuple[Checked, ...]
    findings: tuple[Finding, ...]


@attrs.frozen(eq=False)
class _Subject:
    """A component under test on one market.

    ``over(bars)`` is a function from rows at which a bar strategy is asked to columns over all of ``bars``;
    ``history`` bars must be enough for the next one to have settled. ``entries`` and ``exits`` are rows with such
    (entries None: it has none by nature).
    """

    name: str
    warmup: int
    history: int
    over: Callable[[Bars], Answer]
    entries: Ints | None = None
    exits: Ints = attrs.field(factory=partial(np.empty, 0, np.int64))


def check_pipeline(pipeline: Pipeline, *, points: int, seed: int, progress: Progress | None = None) -> Honesty:
    """Check the strategy of ``pipeline``, and what its cost model prepares, on its own candles.

    At ``points`` bars of each market, up to three quarters of them at entries and exits or just before, the bars
    after it are removed, get other prices, and informative bars that had not closed by then get others; and the
    history starts as late as the declared warm-up allows. A component that looks ahead is not asked about its warm-up,
    since both show as a difference. Raises DataError where the candles are too few, and what a component raises.
    """
    data = load_market(pipeline)
    makers = [_strategy_on, _costs_on] if hasattr(pipeline.costs, "prepare") else [_strategy_on]
    tasks = [(make, bars) for make in makers for bars in data.bars.values()]
    checked, findings = [], []
    for number, (make, bars) in enumerate(tasks):
        rng = np.random.default_rng([seed, number])
        subject = make(pipeline, bars, rng)

        def tell(share: float, done: int = number, what: str = f"{subject.name} on {bars.symbol}") -> None:
            if progress:
                progress((done + share) / len(tasks), what)

        about, found = _check(subject, bars, points, rng, tell)
        checked.append(about)
        findings += found
    return Honesty(tuple(checked), tuple(findings))


# --- components ----------------------------------------------------------------------------------


def _strategy_on(pipeline: Pipeline, bars: Bars, rng: np.random.Generator) -> _Subject:
    strategy = pipeline.strategy
    name, warmup = _name(pipeline, "strategy"), int(strategy.warmup)
    with _asking(name, bars, _ALL):
        if is_bar_strategy(strategy):
            entries, side = _sampled_entries(strategy, bars, rng)
            return _Subject(name, warmup, warmup + HELD_BARS, partial(_bar_answers, strategy, side), entries)
        over = partial(_signal_answers, strategy)
        columns = over(bars)(np.empty(0, np.int64))
        return _Subject(name, warmup, warmup, over, *(np.flatnonzero(columns[flag]) for flag in ("entry", "exit")))


def _costs_on(pipeline: Pipeline, _bars: Bars, _rng: np.random.Generator) -> _Subject:
    warmup = declared_warmup(pipeline.costs)
    return _Subject(_name(pipeline, "costs"), warmup, warmup, partial(_cost_answers, pipeline.costs))


def _name(pipeline: Pipeline, table: str) -> str:
    component = getattr(pipeline, table)
    use = pipeline.resolved.get(table, {}).get("use") or type(component).__name__
    return f"{'cost model' if table == 'costs' else table} {use!r}"


def _signal_answers(strategy: Any, bars: Bars) -> Answer:
    signals = strategy.signals(bars)
    if not isinstance(signals, Signals):
        raise ComponentError(f"signals({bars.symbol}) returned {type(signals).__name__}; it must return Signals")
    columns = signal_values(signals, len(bars))
    return lambda _rows: columns


def _bar_answers(strategy: Any, side: int, bars: Bars) -> Answer:
    prepared = strategy.prepare(bars)
    arrays = prepared_values(prepared, len(bars))
    return lambda rows: {**arrays, **decision_values(strategy, bars, prepared, rows.tolist(), side)}


def _sampled_entries(strategy: Any, bars: Bars, rng: np.random.Generator) -> tuple[Ints, int]:
    """Some of the rows at which a bar strategy enters, and the side of the position to ask it about: SHORT where all
    of these are."""
    prepared, rows = strategy.prepare(bars), _eligible(bars, int(strategy.warmup))
    sample = np.sort(rng.choice(rows, min(_SAMPLED, len(rows)), replace=False)).tolist()
    said = [(row, strategy.on_bar(BarView(bars, prepared, row), None)) for row in sample]
    entries = {row: decision.side for row, decision in said if isinstance(decision, Enter)}
    side = SHORT if entries and LONG not in entries.values() else LONG
    return np.array(list(entries), np.int64), side


def _cost_answers(costs: Any, bars: Bars) -> Answer:
    columns = prepared_values(costs.prepare(bars), len(bars))
    return lambda _rows: columns


# --- one component on one market -----------------------------------------------------------------


@attrs.frozen
class _Clue:
    """A field that differed at one point, in the bar ``row`` first."""

    point: int
    row: int
    field: str
    value: float
    other: float
    change: str


def _check(
    subject: _Subject, bars: Bars, points: int, rng: np.random.Generator, tell: Callable[[float], None]
) -> tuple[Checked, list[Finding]]:
    rows = _eligible(bars, subject.warmup)[:-1]  # after the last bar there is no future
    if not len(rows):
        raise DataError(
            f"{bars.symbol}: {len(bars)} {bars.timeframe} bars, of which the warm-up of {subject.name} takes "
            f"{subject.warmup}: nothing is left to check; get more candles, or let [data] start earlier"
        )
    entries = subject.exits[:0] if subject.entries is None else subject.entries
    cuts = _points(rows, entries, subject.exits, points, rng)
    starts = _points(rows[rows > subject.history], entries, subject.exits, points, rng)
    with _asking(subject.name, bars, _ALL):
        whole, again = subject.over(bars), subject.over(bars)
        asked = _asked(bars, subject.warmup, int(cuts[-1]) + 1)
        twice = _clues(0, 0, "the same bars are asked about again", whole(asked), again(asked))
    known = None if subject.entries is None else len(entries)
    about = Checked(subject.name, bars.symbol, len(bars), subject.warmup, 0, 0, known, _informative(bars))
    if twice:
        return about, _findings("unrepeatable", subject, bars, twice)
    about = attrs.evolve(about, points=len(cuts))
    ahead = [clue for cut in _told(cuts, tell, 0.0) for clue in _other_futures(subject, bars, whole, cut, rng)]
    if ahead:
        return about, _findings("look-ahead", subject, bars, ahead)
    about = attrs.evolve(about, starts=len(starts))
    behind = [
        clue for row in _told(starts, tell, 0.5) for clue in _later_start(subject, bars, whole, row, subject.history)
    ]
    enough = _enough(subject, bars, whole, sorted({clue.point for clue in behind})[-_SETTLING:])
    return about, _findings("warm-up", subject, bars, behind, enough)


def _told(rows: Ints, tell: Callable[[float], None], begun: float) -> Iterator[int]:
    """Each of ``rows``, telling how far this half of the work is."""
    for number, row in enumerate(rows.tolist()):
        tell(begun + number / len(rows) / 2)
        yield row


def _other_futures(subject: _Subject, bars: Bars, whole: Answer, cut: int, rng: np.random.Generator) -> Iterator[_Clue]:
    """What differs up to the bar ``cut`` when the bars after it are not what they were."""
    asked, part = _asked(bars, subject.warmup, cut + 1), slice(subject.warmup, cut + 1)
    seen = _rows(whole(asked), part)
    for change, other in _futures(bars, cut, int(rng.integers(2**31))):
        with _asking(subject.name, bars, change):
            anew = _rows(subject.over(other)(asked), part)
        yield from _clues(cut, subject.warmup, change, seen, anew)


def _futures(bars: Bars, cut: int, seed: int) -> Iterator[tuple[str, Bars]]:
    """(what was changed, the bars) of every future that may follow the close of bar ``cut``."""
    at = utc_text(int(bars.time[cut]))
    yield f"the bars after {at} are removed", bars.slice(0, cut + 1)
    yield f"the bars after {at} have other prices", attrs.evolve(other_future(bars, cut, seed), others=bars.others)
    if bars.others:
        change = f"the {', '.join(_informative(bars))} bars that had not closed with the bar at {at} have other prices"
        yield change, other_informative(bars, cut, seed)


def _informative(bars: Bars) -> tuple[str, ...]:
    return tuple(length if symbol == bars.symbol else f"{symbol}@{length}" for symbol, length in bars.others)


def _later_start(subject: _Subject, bars: Bars, whole: Answer, row: int, history: int) -> list[_Clue]:
    """What differs from the bar ``row`` on when only ``history`` bars come before it."""
    first, end = row - history, min(len(bars), row + _SPAN)
    asked = _asked(bars, row, min(end, row + _ASKED))
    change = f"the history starts {history} bars before, at {utc_text(int(bars.time[first]))}"
    with _asking(subject.name, bars, change):
        shorter = _rows(subject.over(bars.slice(first, end))(asked - first), slice(history, None))
    return _clues(row, row, change, _rows(whole(asked), slice(row, end)), shorter)


def _enough(subject: _Subject, bars: Bars, whole: Answer, rows: Sequence[int]) -> int | None:
    """The first doubling of the warm-up with which all ``rows`` agree; None where the candles do not reach so far."""
    warmup, held = max(1, 2 * subject.warmup), subject.history - subject.warmup
    while reached := [row for row in rows if row > warmup + held]:
        if not any(_later_start(subject, bars, whole, row, warmup + held) for row in reached):
            return warmup
        warmup *= 2
    return None


@contextmanager
def _asking(name: str, bars: Bars, change: str) -> Iterator[None]:
    """What is raised meanwhile is told of whom and when."""
    try:
        yield
    except Exception as error:
        error.add_note(f"raised by {name} on {bars.symbol} when {change}")
        raise


def _clues(point: int, offset: int, change: str, left: Columns, right: Columns) -> list[_Clue]:
    return [
        _Clue(point, row + offset, field, float(left[field][row]), float(right[field][row]), change)
        for row, field in differences(left, right)
    ]


def _findings(
    kind: Kind, subject: _Subject, bars: Bars, clues: Sequence[_Clue], enough: int | None = None
) -> list[Finding]:
    """One finding per field, the earliest bar first."""
    findings = []
    for field in {clue.field: None for clue in clues}:
        own = [clue for clue in clues if clue.field == field]
        first = min(own, key=lambda clue: clue.row)
        points, time_ns = len({clue.point for clue in own}), int(bars.time[first.row])
        about = (kind, subject.name, bars.symbol, field, time_ns, first.value, first.other, first.change)
        findings.append(Finding(*about, points=points, enough=enough))
    return sorted(findings, key=lambda finding: finding.time_ns)


def _rows(columns: Columns, part: slice) -> Columns:
    return {name: column[part] for name, column in columns.items()}


def _eligible(bars: Bars, first: int) -> Ints:
    """Rows at whose close something may be decided."""
    rows = np.arange(first, len(bars))
    return rows if bars.tradable is None else rows[bars.tradable[first:]]


def _asked(bars: Bars, first: int, end: int) -> Ints:
    """The last rows before ``end`` at which a bar strategy is asked, from ``first`` on."""
    rows = np.arange(max(first, end - _ASKED), end)
    return rows if bars.tradable is None else rows[bars.tradable[rows]]


def _points(rows: Ints, entries: Ints, exits: Ints, count: int, rng: np.random.Generator) -> Ints:
    """``count`` of ``rows``: up to a quarter each at entries, just before one, and at exits; the others anywhere."""
    chosen: set[int] = set()
    for wanted in (entries, entries - 1, exits):
        known = np.intersect1d(wanted, rows)
        chosen.update(rng.choice(known, min(count // 4, len(known)), replace=False).tolist())
    others = np.setdiff1d(rows, list(chosen))
    chosen.update(rng.choice(others, min(count - len(chosen), len(others)), replace=False).tolist())
    return np.array(sorted(chosen), np.int64)
