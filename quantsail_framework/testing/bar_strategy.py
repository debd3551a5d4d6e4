"""The contract of bar strategies: that of strategies, and decisions from what they are handed alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from quantsail_framework.causality import Columns, first_difference
from quantsail_framework.causality.answers import decision_values, held_position, prepared_values
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.signals import LONG, SHORT, side_name
from quantsail_framework.domain.trade import Position
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.strategy import BarView
from quantsail_framework.testing import markets
from quantsail_framework.testing.answers import check_held, deciding
from quantsail_framework.testing.contract import ContractError, case, expect
from quantsail_framework.testing.strategy import StrategyContract

ENTERED = (1, 5, 60)  # bars ago


class BarStrategyContract(StrategyContract, suite=True):
    """Cases for ``BarStrategy``: those of ``StrategyContract``, where it is asked at each bar without a position and
    with one, and some that only make sense bar by bar."""

    bars: int = 200

    def check_methods(self, cls: type[Any]) -> None:
        """It has ``warmup``, ``prepare`` and ``on_bar``, and no ``signals``."""
        expect(not hasattr(cls, "signals"), f"{cls.__name__} must have either signals or on_bar (with prepare)")
        self.expect_methods(cls, {"prepare": 1, "on_bar": 2})

    def some_markets(self) -> Mapping[str, Bars]:
        """Two of the markets, made shorter."""
        size = self.build().warmup + self.bars // 2
        made = {
            "trending": markets.trending(1, size, timeframe=self.timeframe),
            "crash": markets.crash(4, size, timeframe=self.timeframe),
        }
        return {name: self.dress(bars) for name, bars in made.items()}

    @case("BS-01")
    def test_bs01_prepares_one_number_per_bar(self) -> None:
        """``prepare`` returns arrays by name, each with one number per bar, also of a history shorter than the warm-up:
        ``view.now(name)`` reads the row of the bar. What is not known yet is NaN."""
        strategy = self.build()
        for name, bars in self.some_markets().items():
            for size in (1, strategy.warmup + 1, len(bars)):
                prepared = strategy.prepare(bars.slice(0, size))
                if prepared is None:
                    continue
                try:
                    prepared_values(prepared, size)
                except ComponentError as error:
                    raise ContractError(f"{error} on the {name} market, cut to {size} bars") from error

    @case("BS-02")
    def test_bs02_keeps_no_memory(self) -> None:
        """Asked about the bars from the last to the first it decides the same: what counts is in the view and in the
        position, which are the same after a restart. Nothing kept in a global or in the prepared arrays."""
        strategy = self.build()
        for name, bars in self.some_markets().items():
            forward, backward = self.decide(strategy, bars), self.decide(strategy, bars, backward=True)
            place = first_difference(forward, backward)
            expect(place is None, f"asked from the last bar to the first, the {name} market differs at {place}")

    def decide(self, strategy: Any, bars: Bars, *, backward: bool = False) -> Columns:
        """All decisions about ``bars``, as columns."""
        rows = deciding(strategy, bars)
        return decision_values(strategy, bars, strategy.prepare(bars), rows[::-1] if backward else rows, self.side)

    @case("BS-03")
    def test_bs03_leaves_arrays_and_position_alone(self) -> None:
        """The prepared arrays serve every bar of the run and the position is the engine's: ``on_bar`` reads them, and
        moves a stop by returning Adjust."""
        strategy = self.build()
        for name, bars in self.some_markets().items():
            prepared = strategy.prepare(bars)
            before = {} if prepared is None else prepared_values(prepared, len(bars))
            before = {column: values.copy() for column, values in before.items()}
            for index, position in self.positions(bars, deciding(strategy, bars)):
                told = attrs.asdict(position)
                strategy.on_bar(BarView(bars, prepared, index), position)
                same = attrs.asdict(position) == told
                expect(same, f"on_bar changed the position at bar {index} of the {name} market")
            for column, values in ({} if prepared is None else prepared_values(prepared, len(bars))).items():
                same = np.array_equal(values, before[column], equal_nan=True)
                expect(same, f"on_bar changed {column} of what it prepared on the {name} market")

    @case("BS-04")
    def test_bs04_takes_any_position(self) -> None:
        """A position may be long or short, in profit or loss, with and without a target, just entered or long held,
        also one that a restart found: ``on_bar`` answers each, with levels that are numbers."""
        strategy = self.build()
        for name, bars in self.some_markets().items():
            prepared = strategy.prepare(bars)
            for index, position in self.positions(bars, deciding(strategy, bars)):
                answer = strategy.on_bar(BarView(bars, prepared, index), position)
                held = f"with a {side_name(position.side)} position"
                check_held(f"at bar {index} of the {name} market {held} entered at {position.entry_price:.6g}", answer)

    def positions(self, bars: Bars, rows: Sequence[int]) -> Iterator[tuple[int, Position]]:
        """(bar, a position to have there) for every tenth row: both sides, several ages, with and without a target."""
        for index in rows[::10]:
            for age in ENTERED:
                for side in (LONG, SHORT):
                    held = held_position(bars, max(0, index - age), side)
                    yield index, held
                    yield index, attrs.evolve(held, target=held.entry_price * (1.0 + side * 0.5))
