"""SizerContract passes honest sizers and catches impossible quantities, state and spending what is not there."""

from __future__ import annotations

import itertools
import math
from typing import Any

import attrs
import pytest

from quantsail_framework import Instrument, Market, Portfolio, Signal, Sizing
from quantsail_framework.testing import SizerContract
from quantsail_framework.testing.fakes import FakeSizer
from tests.testing_kit.kit import failure, run_all, suite


@attrs.frozen
class RiskShare:
    """Honest: half a percent of equity at risk, within the available cash."""

    min_notional: float = attrs.field(default=10.0, validator=attrs.validators.ge(0.0), metadata={"doc": "quote"})

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        by_risk = max(0.0, portfolio.equity) * 0.005 / abs(signal.price - signal.stop)
        by_cash = max(0.0, portfolio.available) / signal.price
        return Sizing(by_risk, "risk") if by_risk < by_cash else Sizing(by_cash, "cash")


@pytest.mark.parametrize("honest", [RiskShare, FakeSizer])
def test_honest_sizers_pass(honest: type[Any]) -> None:
    run_all(suite(SizerContract, honest))


@attrs.frozen
class Negative(RiskShare):
    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        return Sizing(portfolio.available / signal.price, "cash")


@attrs.frozen
class NotANumber(RiskShare):
    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        return Sizing(math.nan, "risk")


@attrs.frozen
class Mute(RiskShare):
    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        return Sizing(0.0, "")


@attrs.frozen
class Number(RiskShare):
    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Any:
        return 1.0


@attrs.frozen
class Leveraged(RiskShare):
    """The seed's one-tick stop: risk alone decides."""

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        return Sizing(max(0.0, portfolio.equity) * 0.005 / abs(signal.price - signal.stop), "risk")


@attrs.frozen
class TightensStops(RiskShare):
    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        for position in portfolio.positions.values():
            position.stop = position.entry_price
        return Sizing(0.0, "risk")


@attrs.frozen
class Sorts(RiskShare):
    """Sorts a column of the closed trades, which is the engine's own list."""

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        portfolio.closed_net_pnl.sort()  # type: ignore[attr-defined]
        return Sizing(0.0, "risk")


@attrs.frozen
class Forgets(RiskShare):
    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        portfolio.trades.clear()  # type: ignore[attr-defined]
        return Sizing(0.0, "risk")


CALLS = itertools.count(1)


@attrs.frozen
class Counts(RiskShare):
    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        return Sizing(max(0.0, portfolio.available) / signal.price / next(CALLS), "count")


@pytest.mark.parametrize(
    "wrong, problem",
    [
        (Negative, "quantity is -"),
        (NotANumber, "quantity is nan (price "),
        (Mute, "bound_by is ''"),
        (Number, "size returned float, not Sizing"),
    ],
)
def test_d103_impossible_sizes_are_caught(wrong: type[Any], problem: str) -> None:
    assert problem in failure(suite(SizerContract, wrong).test_sz01_quantity_is_a_size)


def test_spending_more_than_there_is_is_caught() -> None:
    text = failure(suite(SizerContract, Leveraged).test_sz04_fits_the_available_cash)
    assert "exceeds what is available (price " in text
    assert "There is no leverage." in text


def test_changing_the_portfolio_is_caught() -> None:
    text = failure(suite(SizerContract, TightensStops).test_sz02_reads_only)
    assert "the sizer changed portfolio.positions" in text


@pytest.mark.parametrize("wrong, column", [(Sorts, "closed_net_pnl"), (Forgets, "trades")])
def test_writing_to_the_closed_trades_is_caught(wrong: type[Any], column: str) -> None:
    text = failure(suite(SizerContract, wrong).test_sz02_reads_only)
    assert f"the sizer changed portfolio.{column}" in text


def test_state_is_caught() -> None:
    assert "the answer was Sizing(" in failure(suite(SizerContract, Counts).test_sz03_deterministic)


def test_min_notional_must_be_a_number() -> None:
    tested = suite(SizerContract, RiskShare, build=lambda self: RiskShare(math.inf))
    assert "min_notional is inf" in failure(tested.test_sz05_min_notional_is_a_number)
