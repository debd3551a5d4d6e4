"""A pipeline through the compiled loop: its columns and options into shared memory, and what came out as tables."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt

from quantsail_framework.compiled import layout
from quantsail_framework.compiled.forms import Forms
from quantsail_framework.compiled.machine import Machine
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.order import NOT_READY
from quantsail_framework.domain.result import CurveFacts, Table
from quantsail_framework.domain.timeframe import NS_PER_DAY
from quantsail_framework.domain.trade import END_OF_DATA, EXIT_REASONS
from quantsail_framework.engine import words
from quantsail_framework.engine.day import TradingDay
from quantsail_framework.engine.desk import round_levels
from quantsail_framework.engine.feed import SignalColumns
from quantsail_framework.engine.market import MarketData, all_moments
from quantsail_framework.engine.records import Books, Simulation, refusals_of, tables_of
from quantsail_framework.errors import ComponentError
from quantsail_framework.metrics.undefined import ROUNDING
from quantsail_framework.ports.compiled import ACCOUNT, REQUEST
from quantsail_framework.ports.runner import Pipeline

Records = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_LEAST = np.iinfo(np.int64).min
_EXACT = 2**53  # whole numbers below are exact as floats,
_LARGEST = 10**22  # and powers of ten up to this
_REASONS = np.array(EXIT_REASONS, dtype=object)
_POINTERS = 8  # that the loop is given


def simulate(
    pipeline: Pipeline,
    data: MarketData,
    forms: Forms,
    columns: Mapping[str, SignalColumns],
    machine: Machine,
    *,
    target_first: bool,
    make: bool = False,
) -> Simulation | None:
    """The tables of a run, as those of ``engine.simulate``; None where the plain engine must do it.

    That is: the machine code is not there and shall not be made (``make``), a tick, a lot or a trading day is out of
    reach, the account is ruined, or a component answers what its port forbids. Raises AccountingError when its money
    does not add up, and ComponentError for a form that cannot be compiled.
    """
    loop, ruling = machine.loop(make=make), _rules(forms, machine, make)
    costs = machine.function("costs", forms.costs.function, make=make)
    sizer = machine.function("size", forms.sizer.function, make=make)
    lanes, days = _lanes(data, columns), _days(pipeline, data)
    if loop is None or costs is None or sizer is None or ruling is None or lanes is None or days is None:
        return None
    memory = _Memory(pipeline, data, forms, columns, days)
    run, (rules, _numbers) = memory.run, ruling  # the loop reads the numbers: they live until it has ended
    run["costs_at"], run["sizer_at"] = costs, sizer
    run["target_first"] = target_first
    run["n_rules"] = len(rules)
    given = (run, memory.account, lanes, rules, memory.refusals, *memory.scratch)
    function = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * _POINTERS)(loop)
    if function(*map(_address, given)):
        return None
    return tables_of(_Ledger(memory, data, forms, columns).books(lanes), data)


class _Memory:
    """What the loop reads and writes, beside lanes and rules."""

    def __init__(
        self, pipeline: Pipeline, data: MarketData, forms: Forms, columns: Mapping[str, SignalColumns], days: Ints
    ) -> None:
        moments = all_moments([bars.time for bars in data.bars.values()])
        most = sum(len(column.entry_rows) for column in columns.values())  # trades, or refusals
        self.capital = pipeline.capital
        self.trades = np.empty((len(layout.TRADE_WHOLE + layout.TRADE_REAL), most), np.int64)
        self.refusals = np.empty(most, layout.REFUSAL)
        self.cash_times, self.cash_after = np.empty(2 * most, np.int64), np.empty(2 * most)
        self.scratch = [np.zeros(1, kind) for kind in (layout.FILL, REQUEST, layout.ANSWER)]
        self.account = np.zeros(1, ACCOUNT)
        for name in ("capital", "cash", "equity", "available"):
            self.account[name] = pipeline.capital
        self._kept = [
            moments,
            days,
            np.empty(len(data.bars), np.int64),
            np.array(forms.costs.numbers, np.float64),
            np.array(forms.sizer.numbers, np.float64),
        ]
        self.run = np.zeros(1, layout.RUN)
        named = zip(("moments", "day_ends", "held", "cost_numbers", "sizer_numbers"), self._kept, strict=True)
        self.run["most"] = most
        for name, column in (
            *named,
            ("trades", self.trades),
            ("flow_times", self.cash_times),
            ("flow_cash", self.cash_after),
        ):
            self.run[f"{name}_at"] = _address(column)
        self.run["n_lanes"], self.run["n_moments"] = len(data.bars), len(moments)
        self.run["bar_ns"] = data.timeframe.ns
        self.run["sizer_min_notional"] = forms.sizer.min_notional
        self.equity = np.empty(len(moments)) if len(data.bars) == 1 else None  # of several symbols, records draws it
        self.run["equity_at"] = _address_of(self.equity)
        self.run["capital"], self.run["rounding"] = pipeline.capital, ROUNDING

    def closed(self) -> Mapping[str, npt.NDArray[Any]]:
        """The columns of the closed trades, by name."""
        columns = self.trades[:, : int(self.run["n_trades"][0])]
        whole = len(layout.TRADE_WHOLE)
        found = dict(zip(layout.TRADE_WHOLE, columns, strict=False))
        return found | dict(zip(layout.TRADE_REAL, columns[whole:].view(np.float64), strict=True))


def _address(array: Any) -> int:
    address: int = array.ctypes.data
    return address


def _rules(forms: Forms, machine: Machine, make: bool) -> tuple[Records, Any] | None:
    """The records of the rules and their numbers; None where machine code is missing."""
    rows, numbers = [], [np.array(rule.numbers, np.float64) for rule in forms.rules]
    for form, own in zip(forms.rules, numbers, strict=True):
        check = machine.function("check", form.function, make=make)
        trip = 0 if form.trip is None else machine.function("trip", form.trip, make=make)
        if check is None or trip is None:
            return None
        lasts_ns = 0 if form.lasts == "day" else form.lasts
        rows.append((check, trip, _address(own), lasts_ns, _LEAST, nan, nan))
    return np.array(rows, layout.RULE), numbers


def _lanes(data: MarketData, columns: Mapping[str, SignalColumns]) -> Records | None:
    """The records of the symbols; None where a tick or a lot cannot be applied exactly."""
    lanes = np.zeros(len(data.bars), layout.LANE)
    for lane, (symbol, bars) in zip(lanes, data.bars.items(), strict=True):
        said, instrument = columns[symbol], data.instruments[symbol]
        tick, lot = _step(instrument.tick), _step(instrument.lot)
        if tick is None or lot is None:
            return None
        for name in ("time", "open", "high", "low", "close", "tradable"):
            lane[f"{name}_at"] = _address_of(getattr(bars, name))
        for name, column in (
            *(("entry", said.entries), ("entry_rows", said.entry_rows), ("exit", said.exits), ("stop", said.stops)),
            *(("target", said.targets), ("confidence", said.confidences), ("trail", said.trails)),
            ("max_bars", said.max_bars),
        ):
            lane[f"{name}_at"] = _address_of(column)
        lane["n_entries"] = len(said.entry_rows)
        lane["first"], lane["last"], lane["i"] = data.first(symbol), len(bars) - 1, -1
        lane["one_target"] = nan if said.one_target is None else said.one_target
        lane["one_trail"] = nan if said.one_trail is None else said.one_trail
        lane["one_confidence"], lane["one_max_bars"] = said.one_confidence or 0.0, said.one_max_bars or 0
        (lane["tick"], lane["tick_per"]), (lane["lot"], lane["lot_per"]) = tick, lot
        lane["min_notional"] = instrument.min_notional
    return lanes


def _address_of(column: Any) -> int:
    return 0 if column is None else _address(column)


def _step(step: Decimal | None) -> tuple[int, int] | None:
    """A tick or lot as a whole number over a power of ten; zero for none, None for one that floats cannot hold."""
    if step is None:
        return 0, 1
    _, digits, exponent = step.normalize().as_tuple()
    over, exponent = int("".join(map(str, digits))), int(exponent)
    over, per = (over * 10**exponent, 1) if exponent >= 0 else (over, 10**-exponent)
    return (over, per) if over < _EXACT and per <= _LARGEST else None


def _days(pipeline: Pipeline, data: MarketData) -> Ints | None:
    """Where the trading days of the run end."""
    times = [bars.time for bars in data.bars.values()]
    first, last = min(int(time[0]) for time in times), max(int(time[-1]) for time in times)
    return _day_ends(pipeline.timezone, first, last + data.timeframe.ns)


@lru_cache(maxsize=8)
def _day_ends(zone: str, first_ns: int, last_ns: int) -> Ints | None:
    """The ends of all days from ``first_ns`` to ``last_ns``, and before them a time that has passed.

    None where one does not end after it has begun, as in a zone whose clock was once put back across midnight.
    """
    day, ends = TradingDay(zone), [_LEAST]
    while ends[-1] <= last_ns:
        ends.append(day.end(max(first_ns, ends[-1])))
        if ends[-1] <= max(first_ns, ends[-2]):
            return None
    return np.array(ends, np.int64)


class _Ledger:
    """What the loop has noted, in the words and columns of ``engine.records``."""

    def __init__(self, memory: _Memory, data: MarketData, forms: Forms, columns: Mapping[str, SignalColumns]) -> None:
        run = memory.run[0]
        self._memory = memory
        self._forms = forms
        self._said = list(columns.values())
        self._bars = list(data.bars.values())
        self._instruments: list[Instrument] = [data.instruments[symbol] for symbol in data.bars]
        self._symbols = np.array(list(data.bars), dtype=object)
        self._words = np.array(forms.sizer.bound_by, dtype=object)
        self._trades = memory.closed()
        self._refusals = memory.refusals[: int(run["n_refusals"])]
        self._n_flow = int(run["n_flow"])
        self._asked = len(self._bars[0]) - int(self._bars[0].time.searchsorted(data.start_ns))
        for noted in (self._trades["bound_by"], self._refusals["bound_by"]):
            if len(noted) and not 0 <= noted.min() <= noted.max() < len(self._words):
                raise ComponentError(
                    f"the compiled form of the sizer gave {noted.min()} to {noted.max()} as what decided its sizes; "
                    f"it has {len(self._words)} words for that"
                )

    def books(self, lanes: Records) -> Books:
        """All of it."""
        memory = self._memory
        return Books(
            capital=memory.capital,
            cash=float(memory.account["cash"][0]),
            left_open=self._symbols[(lanes["ordered"] | lanes["positioned"]) != 0].tolist(),
            cash_times=memory.cash_times[: self._n_flow],
            cash_after=memory.cash_after[: self._n_flow],
            trades=self._noted(),
            refusals=self._refused(),
            equity=self._equity(),
        )

    def _equity(self) -> tuple[Floats, CurveFacts] | None:
        """The equity curve that the loop has drawn."""
        run, points = self._memory.run[0], self._memory.equity
        if points is None:
            return None
        exposed = float(run["n_exposed"]) / self._asked
        return points, CurveFacts(float(run["deepest"]), int(run["longest_ns"]) / NS_PER_DAY, exposed)

    def _noted(self) -> Mapping[str, Any]:
        trades = self._trades
        noted: dict[str, Any] = dict(trades)
        for name, rows in (("signal_time_ns", "signal_i"), ("entry_time", "entry_i"), ("exit_time", "exit_i")):
            noted[name] = self._times(trades["lane"], trades[rows])
        noted["symbol"] = self._symbols[trades["lane"]]
        noted["exit_reason"], noted["bound_by"] = _REASONS[trades["reason"]], self._words[trades["bound_by"]]
        noted["reason"] = _Reasons(self._said, trades["lane"], trades["signal_i"])
        return noted

    def _times(self, lanes: Records, rows: Records) -> Ints:
        """The open times of these bars."""
        if len(self._bars) == 1:
            return self._bars[0].time[rows]
        times = np.empty(len(rows), np.int64)
        for k, bars in enumerate(self._bars):
            own = lanes == k
            times[own] = bars.time[rows[own]]
        return times

    def _refused(self) -> Table:
        return refusals_of(self._refusals_columns, lambda: [self._text(*row) for row in self._refusals.tolist()])

    def _refusals_columns(self) -> Sequence[Any]:
        rows = self._refusals
        return (
            self._times(rows["lane"], rows["signal_i"]),
            self._symbols[rows["lane"]],
            rows["side"],
            list(map(self._rule, rows["rule"].tolist(), rows["bound_by"].tolist())),
            *(rows[name] for name in ("limit", "value", "price")),
        )

    def _rule(self, rule: int, bound_by: int) -> str:
        if rule >= 0:
            return self._forms.names[rule]
        if rule == layout.SIZER:
            return NOT_READY if self._words[bound_by] == NOT_READY else "sizer"
        return _NAMES[rule]

    def _text(
        self, lane: int, signal_i: int, side: int, rule: int, bound_by: int, limit: float, value: float, price: float
    ) -> str:
        if rule >= 0:
            return self._forms.rules[rule].text(limit, value)
        if rule == layout.LEVELS:
            row = self._said[lane].row(signal_i)
            stop, target = round_levels(self._instruments[lane], side, row.stop, row.target)
            return words.levels(side, price, stop, target, row.confidence)
        if rule == layout.SIZER:
            return words.size(self._words[bound_by])
        return _TEXTS[rule](value, limit)


class _Reasons(Sequence[Any]):
    """What words each trade, made when it is asked for."""

    def __init__(self, said: Sequence[SignalColumns], lanes: Records, rows: Records) -> None:
        self._said = said
        self._lanes = lanes
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._said[self._lanes[index]].why(int(self._rows[index]))


_NAMES = {
    layout.LEVELS: "invalid_levels",
    layout.MIN_NOTIONAL: "min_notional",
    layout.GAPPED: "gapped",
    layout.CASH: "insufficient_cash",
    layout.END: END_OF_DATA,
}
_TEXTS: dict[int, Callable[[float, float], str]] = {
    layout.MIN_NOTIONAL: words.notional,
    layout.GAPPED: words.gap,
    layout.CASH: words.cash,
    layout.END: lambda _value, _limit: words.ENDED,
}
