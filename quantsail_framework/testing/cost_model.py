"""The contract of cost models: finite costs from closed bars only."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np

from quantsail_framework.causality import Columns
from quantsail_framework.causality.answers import prepared_values
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.order import Liquidity
from quantsail_framework.domain.signals import LONG, SHORT
from quantsail_framework.ports.warmup import declared_warmup
from quantsail_framework.testing import markets
from quantsail_framework.testing.causality import check_causal, check_warmup, column_copies, expect_columns
from quantsail_framework.testing.compiled import check_costs
from quantsail_framework.testing.contract import Contract, case, expect
from quantsail_framework.testing.fakes import FakeMarket

BARS_AFTER_WARMUP = 400
MOMENTS = 6
NOTIONALS = (1e-6, 1.0, 99.99, 100.0, 500.0, 1_000.0, 25_000.0, 1e7)
EXTREME_BARS = 60
LIQUIDITIES: tuple[Liquidity, ...] = ("taker", "maker")
PRICES = (1e-6, 0.5, 100.0, 65_000.0)

Question = tuple[int, float, float, Liquidity]


class CostModelContract(Contract, suite=True):
    """Cases for ``CostModel``: buys and sales, as maker and taker, from dust to ten million quote.

    ``timeframe`` is that of the made markets.
    """

    kind: ClassVar[str] = "cost-model"
    methods: ClassVar[Mapping[str, int]] = {"costs": 5}
    timeframe: str = "5m"

    def markets(self) -> Mapping[str, Bars]:
        """The markets that the cases run on, by name; each has the model's warm-up and 400 bars more."""
        size = declared_warmup(self.build()) + BARS_AFTER_WARMUP
        return {
            "gapping": markets.gapping(1, size, timeframe=self.timeframe),
            "crash": markets.crash(2, size, timeframe=self.timeframe),
            "silent": markets.random_walk(3, size, self.timeframe, gaps=True, silent_bars=True),
        }

    def moments(self, bars: Bars) -> list[int]:
        """Rows after whose close the cases ask: the first after the warm-up, the last, and some between."""
        first, last = declared_warmup(self.build()), len(bars) - 2
        return sorted({first, last, *np.random.default_rng(0).integers(first, last, MOMENTS).tolist()})

    def questions(self) -> Any:
        """Every market with some moments of it."""
        return [(name, bars, self.moments(bars)) for name, bars in self.markets().items()]

    @staticmethod
    def replies(component: Any, questions: Any) -> Mapping[str, Any]:
        """The costs of every fill at each moment."""
        told = {}
        for name, bars, rows in questions:
            for row in rows:
                market = _market_after(bars, row, component)
                for question in _questions():
                    where = f"{_words(question)} after bar {row} of the {name} market"
                    told[f"the costs {where}"] = component.costs(*question, market)
        return told

    def try_out(self, component: Any) -> None:
        """Ask for the costs of some fills at one moment."""
        bars = markets.random_walk(6, declared_warmup(component) + 2, self.timeframe)
        market = _market_after(bars, len(bars) - 1, component)
        for question in _questions():
            _expect_costs(component.costs(*question, market), _words(question))

    @case("CM-01")
    def test_cm01_costs_are_numbers(self) -> None:
        """Every fill has finite costs, from the first bar after the warm-up on. NaN comes from an indicator that is not
        ready or a division by a volume of zero."""
        model = self.build()
        for name, bars in self.markets().items():
            for row in self.moments(bars):
                market = _market_after(bars, row, model)
                for question in _questions():
                    where = f"{_words(question)} after bar {row} of the {name} market"
                    _expect_costs(model.costs(*question, market), where)

    @case("CM-02")
    def test_cm02_takers_pay(self) -> None:
        """Costs are positive when paid: a taker fill never earns money, and no quantity costs nothing or more.
        (A maker rebate may be negative.)"""
        model = self.build()
        for name, bars in self.markets().items():
            for row in self.moments(bars):
                market = _market_after(bars, row, model)
                for question in _questions():
                    side, _, price, liquidity = question
                    total = model.costs(*question, market).total
                    where = f"{_words(question)} after bar {row} of the {name} market"
                    expect(liquidity == "maker" or total >= 0.0, f"a taker fill costs {total:.6g} {where}")
                    nothing = model.costs(side, 0.0, price, liquidity, market).total
                    expect(nothing >= 0.0, f"a quantity of zero costs {nothing:.6g} {where}")

    @case("CM-03")
    def test_cm03_deterministic(self) -> None:
        """The same fill costs the same, whatever was asked before and by whichever copy of the model: no state, no
        clock, no unseeded random number."""
        model, twin = self.build(), self.build()
        for name, bars in self.markets().items():
            rows = self.moments(bars)
            asked = [(row, question) for row in rows for question in _questions()]
            mine, other = ({row: _market_after(bars, row, each) for row in rows} for each in (model, twin))
            first = [model.costs(*question, mine[row]) for row, question in asked]
            for (row, question), before in reversed(list(zip(asked, first, strict=True))):
                again = twin.costs(*question, other[row])
                where = f"{_words(question)} after bar {row} of the {name} market"
                expect(again == before, f"the same fill costs {before} and then {again} {where}")

    @case("CM-04")
    def test_cm04_sees_closed_bars_only(self) -> None:
        """Costs at a moment stay the same when the bars after it get other prices: read market.closed and
        market.prepared, and look at CM-05 when the model has prepare."""
        model = self.build()
        for name, bars in self.markets().items():
            for row in self.moments(bars):
                seen = _market_after(bars, row, model)
                changed = _market_after(markets.other_future(bars, row, seed=row), row, model)
                for question in _questions():
                    before, after = model.costs(*question, seen), model.costs(*question, changed)
                    where = f"{_words(question)} after bar {row} of the {name} market"
                    expect(before == after, f"costs are {before} and become {after} when later bars change {where}")

    @case("CM-05")
    def test_cm05_prepare_is_causal(self) -> None:
        """``prepare``, where the model has it, gives one value per bar, and row i uses rows 0 to i only. Usual causes:
        a percentile over the whole column, a centred window, shift(-1)."""
        model = self.build()
        for name, bars in self.markets().items() if hasattr(model, "prepare") else ():
            check_causal(partial(_prepared, model), name, bars, self.moments(bars), _as_it_is)

    @case("CM-06")
    def test_cm06_warmup_is_honest(self) -> None:
        """From row ``warmup`` on (0 when the model has none), more history before changes no value of ``prepare``
        by more than 1e-9: a window of n values of ATR(14) needs n bars and those that ATR needs."""
        model = self.build()
        warmup = declared_warmup(model)
        expect(type(warmup) is int and warmup >= 0, f"warmup is {warmup!r}")
        for name, bars in self.markets().items() if hasattr(model, "prepare") else ():
            starts = [1, *np.random.default_rng(1).integers(1, len(bars) - warmup, MOMENTS).tolist()]
            check_warmup(partial(_prepared, model), name, bars, starts, warmup)

    @case("CM-07")
    def test_cm07_extreme_markets(self) -> None:
        """After one price in all bars, prices of 1e-8 and of 1e12, closes ten times away and no volume at all, costs
        are finite, and no taker earns: look for a division by a range, a deviation or a volume of zero."""
        model = self.build()
        for name, bars in markets.extremes(declared_warmup(model) + EXTREME_BARS, timeframe=self.timeframe).items():
            market = _market_after(bars, len(bars) - 1, model)
            price = float(bars.close[-1])
            for side, notional, liquidity in itertools.product((LONG, SHORT), NOTIONALS, LIQUIDITIES):
                question = (side, notional / price, price, liquidity)
                costs, where = model.costs(*question, market), f"{_words(question)} on the {name} market"
                _expect_costs(costs, where)
                expect(liquidity == "maker" or costs.total >= 0.0, f"a taker fill costs {costs.total:.6g} {where}")

    @case("CM-08")
    def test_cm08_bars_are_left_alone(self) -> None:
        """The columns that ``prepare`` and ``market.closed`` hand over are the engine's: copy before writing, and leave
        the read-only flags as they are."""
        model = self.build()
        for name, bars in self.markets().items():
            before = column_copies(bars)
            market = _market_after(bars, len(bars) - 1, model)
            for question in _questions():
                model.costs(*question, market)
            expect_columns("the cost model", before, bars, name)

    @case("CM-09")
    def test_cm09_compiled_form_agrees(self) -> None:
        """``compiled``, where the model has it, gives a form that can be compiled and costs the same to the last bit:
        keep the order of the operations."""
        bars = markets.random_walk(9, declared_warmup(self.build()) + 2, self.timeframe)
        model = self.build()
        check_costs(model, _market_after(bars, len(bars) - 1, model), _questions())


def _expect_costs(costs: Any, where: str) -> None:
    expect(isinstance(costs, Costs), f"costs returned {type(costs).__name__} {where}, not Costs")
    finite = all(math.isfinite(part) for part in (costs.fee, costs.spread, costs.slippage))
    expect(finite, f"{costs} is not finite {where}")


def _market_after(bars: Bars, row: int, model: Any) -> FakeMarket:
    """The market when the bar ``row`` has closed."""
    return FakeMarket(bars, int(bars.time[row]) + bars.timeframe.ns, costs=model)


def _questions() -> Iterator[Question]:
    for side, notional, price, liquidity in itertools.product((LONG, SHORT), NOTIONALS, PRICES, LIQUIDITIES):
        yield side, notional / price, price, liquidity


def _prepared(model: Any, bars: Bars) -> Columns:
    values = np.asarray(model.prepare(bars))
    expect(values.shape == (len(bars),), f"prepare returned shape {values.shape}; the bars have ({len(bars)},)")
    return prepared_values(values, len(bars))


def _as_it_is(bars: Bars) -> Bars:
    return bars


def _words(question: Question) -> str:
    side, quantity, price, liquidity = question
    return f"for a {liquidity} {'buy' if side == LONG else 'sale'} of {quantity:.6g} at {price:.6g}"
