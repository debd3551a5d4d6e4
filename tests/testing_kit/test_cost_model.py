"""CostModelContract passes honest cost models and catches peeking, chance and numbers that are none."""

from __future__ import annotations

import secrets
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from attrs.validators import ge

from quantsail_framework import Bars, CompiledCosts, Costs, Market
from quantsail_framework.testing import CostModelContract
from quantsail_framework.testing.fakes import FakeCosts
from tests.testing_kit.kit import failure, run_all, suite

Floats = npt.NDArray[np.float64]


@attrs.frozen
class RangeCosts:
    """Honest: slippage grows with the mean range of the last ``window`` bars."""

    window: int = attrs.field(default=20, validator=ge(1), metadata={"doc": "bars"})

    @property
    def warmup(self) -> int:
        return self.window - 1

    def prepare(self, bars: Bars) -> Floats:
        share = (bars.high - bars.low) / bars.close
        whole = (
            np.lib.stride_tricks.sliding_window_view(share, self.window).mean(axis=1)
            if len(bars) >= self.window
            else []
        )
        column: Floats = np.r_[np.full(min(len(bars), self.window - 1), np.nan), whole]
        return column

    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        return Costs(quantity * price * 0.001, slippage=quantity * price * market.prepared(market.symbol))


def _in_tiny_coins(_numbers: Any, _side: float, quantity: float, price: float, _maker: bool) -> Any:
    return int(quantity * price * 1e18) * 1e-21, 0.0, 0.0


@attrs.frozen
class CountsFar:
    """Its compiled form is the same text, but machine code counts to 2**63."""

    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        return Costs(int(quantity * price * 1e18) * 1e-21)

    def compiled(self) -> CompiledCosts:
        return CompiledCosts(_in_tiny_coins)


@attrs.frozen
class LastRangeCosts:
    """Honest, from ``market.closed``; makers get a rebate."""

    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        last = market.closed(market.symbol, 1)
        share = float((last.high[-1] - last.low[-1]) / last.close[-1])
        return Costs(-0.0001 * quantity * price) if liquidity == "maker" else Costs(quantity * price * share)


@pytest.mark.parametrize("honest", [RangeCosts, LastRangeCosts, FakeCosts])
def test_honest_cost_models_pass(honest: type[Any]) -> None:
    run_all(suite(CostModelContract, honest))


@attrs.frozen
class WholeRank(RangeCosts):
    """The seed's volatility percentile over the whole column."""

    def prepare(self, bars: Bars) -> Floats:
        share = (bars.high - bars.low) / bars.close
        return share.argsort().argsort() / max(1, len(bars) - 1)


@attrs.frozen
class ShortWarmup(RangeCosts):
    warmup: int = attrs.field(default=5, metadata={"doc": "bars"})


@attrs.frozen
class TwoColumns(RangeCosts):
    def prepare(self, bars: Bars) -> Floats:
        return np.zeros((len(bars), 2))


@attrs.frozen
class Earns(FakeCosts):
    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        return Costs(fee=-0.075 if side < 0 else 0.0)


@attrs.frozen
class Volumes(FakeCosts):
    """Impact by the volume of the last bar, which may be zero."""

    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        with np.errstate(divide="ignore"):
            return Costs(0.0, slippage=float(np.divide(quantity, market.closed(market.symbol, 3).volume).max()))


@attrs.frozen
class Dice(FakeCosts):
    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        return Costs(0.0, slippage=secrets.randbelow(1_000) / 1_000)


@attrs.frozen
class Number(FakeCosts):
    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Any:
        return quantity * price * 0.001


def test_peeking_through_prepare_is_caught() -> None:
    tested = suite(CostModelContract, WholeRank)
    text = failure(tested.test_cm04_sees_closed_bars_only)
    assert "when later bars change for a taker buy of " in text
    text = failure(tested.test_cm05_prepare_is_causal)
    assert "CM-05 of the cost-model contract" in text
    assert "prepare[" in text
    assert "on the gapping market is " in text


def test_a_warmup_that_is_too_short_is_caught() -> None:
    # RangeCosts needs 19 bars before the first mean of 20; this says 5.
    assert "nan" in failure(suite(CostModelContract, ShortWarmup).test_cm01_costs_are_numbers)
    assert "when the history starts at bar 1" in failure(
        suite(CostModelContract, ShortWarmup).test_cm06_warmup_is_honest
    )


def test_d098_income_from_a_taker_fill_is_caught() -> None:
    text = failure(suite(CostModelContract, Earns).test_cm02_takers_pay)
    assert "a taker fill costs -0.075 for a taker sale of " in text


def test_costs_that_are_not_finite_are_caught() -> None:
    text = failure(suite(CostModelContract, Volumes).test_cm01_costs_are_numbers)
    assert "slippage=inf" in text
    assert "of the silent market" in text


def test_machine_code_that_counts_another_way_is_caught() -> None:
    complaint = failure(suite(CostModelContract, CountsFar).test_cm09_compiled_form_agrees)
    assert "by its machine code, for a taker fill of " in complaint


def test_chance_is_caught() -> None:
    assert "the same fill costs Costs(" in failure(suite(CostModelContract, Dice).test_cm03_deterministic)


def test_wrong_shapes_and_types_are_named() -> None:
    assert "costs returned float" in failure(suite(CostModelContract, Number).test_cm01_costs_are_numbers)
    text = failure(suite(CostModelContract, TwoColumns).test_cm05_prepare_is_causal)
    assert "prepare returned shape (419, 2); the bars have (419,)" in text
