"""Noisy costs: their distribution, what they depend on, and what decisions know of them."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import Breach, Costs, Market, Portfolio, Request
from quantsail_framework.domain.order import Liquidity, Reference, Trip
from quantsail_framework.engine import load_market, simulate
from quantsail_framework.ports.runner import NamedRule, Pipeline
from quantsail_framework.testing.examples import example_pipeline
from quantsail_framework.testing.fakes import FakeCosts, FakeMarket
from quantsail_framework.testing.markets import random_walk
from quantsail_monte_carlo.cost_jitter import NoisyCosts, with_noisy_costs

SIGMA = 0.25


@attrs.frozen
class Spread:
    """A fee of 1, a spread of 2 and a slippage of 3 for takers, whatever the size; for makers the fee."""

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        return Costs(1.0, 2.0, 3.0) if liquidity == "taker" else Costs(1.0)


def market(row: int, symbol: str = "TEST/USDT") -> FakeMarket:
    bars = random_walk(1, 5_000, symbol=symbol)
    return FakeMarket(bars, int(bars.time[row]))


def multiple(noisy: NoisyCosts, seen: FakeMarket, side: int = 1) -> float:
    fee, spread, slippage = noisy.costs(side, 1.0, 100.0, "taker", seen)
    assert fee == 1.0
    assert slippage / 3.0 == pytest.approx(spread / 2.0)
    return spread / 2.0


def test_the_multiple_is_the_level_on_average_and_its_log_is_normal() -> None:
    noisy, seen = NoisyCosts(Spread(), 1.5, SIGMA, 7, 0), market(0)
    found = []
    for row in range(10_000):
        seen.now_ns = row * 60_000_000_000
        found.append(multiple(noisy, seen))
    logs = np.log(np.array(found) / 1.5)
    # E[exp(sigma z - sigma^2 / 2)] = 1; its standard deviation is sqrt(exp(sigma^2) - 1) = 0.254.
    assert np.mean(found) == pytest.approx(1.5, abs=4 * 1.5 * 0.254 / 100)
    assert logs.mean() == pytest.approx(-(SIGMA**2) / 2, abs=4 * SIGMA / 100)
    assert logs.std() == pytest.approx(SIGMA, rel=0.04)
    z = (logs + SIGMA**2 / 2) / SIGMA
    for bound, share in ((1.0, 0.6827), (2.0, 0.9545)):
        assert np.mean(np.abs(z) < bound) == pytest.approx(share, abs=0.02)
    assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 0.04


def test_a_fill_costs_the_same_whatever_came_before_and_others_cost_otherwise() -> None:
    noisy = NoisyCosts(Spread(), 1.0, SIGMA, 7, 3)
    late = multiple(noisy, market(9))
    early = multiple(noisy, market(4))
    again = NoisyCosts(Spread(), 1.0, SIGMA, 7, 3)
    assert [multiple(again, market(4)), multiple(again, market(9))] == [early, late]
    others = [
        multiple(again, market(9), side=-1),
        multiple(again, market(9, "OTHER/USDT")),
        multiple(NoisyCosts(Spread(), 1.0, SIGMA, 7, 4), market(9)),
        multiple(NoisyCosts(Spread(), 1.0, SIGMA, 8, 3), market(9)),
    ]
    assert len({late, early, *others}) == 6
    # Every level has the same noise: what differs between them is the level.
    assert multiple(NoisyCosts(Spread(), 2.0, SIGMA, 7, 3), market(9)) == pytest.approx(2.0 * late)


def test_makers_pay_the_fee_and_no_sigma_is_no_noise() -> None:
    assert NoisyCosts(Spread(), 2.0, SIGMA, 7, 0).costs(1, 1.0, 100.0, "maker", market(3)) == Costs(1.0)
    assert NoisyCosts(Spread(), 2.0, 0.0, 7, 0).costs(1, 1.0, 100.0, "taker", market(3)) == Costs(1.0, 4.0, 6.0)


def tables(pipeline: Pipeline) -> Any:
    run = simulate(pipeline, load_market(pipeline))
    return {name: repr([column.tolist() for column in getattr(run, name).values()]) for name in ("trades", "equity")}


def test_without_spread_and_slippage_nothing_changes() -> None:
    pipeline = example_pipeline(costs=FakeCosts(bps=20.0))
    assert tables(with_noisy_costs(pipeline, 2.0, SIGMA, 1, 5)) == tables(pipeline)


@attrs.frozen
class Expecting:
    """Refuses an entry whose estimate is not the mean."""

    spread: float

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | None:
        spread = request.entry_costs().spread
        return None if spread == self.spread else Breach(f"{spread}")


@attrs.frozen
class Pausing:
    """A breaker that trips for five hours after every third trade."""

    watches: tuple[str, ...] = ("trades",)

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> None:
        return None

    def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | None:
        over = len(portfolio.trades) - reference.trades >= 3
        return Trip(market.now_ns + 5 * 3_600_000_000_000, "a pause") if over else None


def test_d088k_costs_are_random_per_fill_and_decisions_are_taken_anew_with_the_expected_ones() -> None:
    pipeline = example_pipeline(costs=Spread(), risk=(NamedRule("expecting", Expecting(3.0)),))
    assert not len(simulate(pipeline, load_market(pipeline)).trades["spread"])  # 2.0, not 3.0: all refused
    noisy = with_noisy_costs(pipeline, 1.5, SIGMA, 1, 0)
    run = simulate(noisy, load_market(noisy))
    assert not len(run.refusals["rule"])
    assert len(np.unique(run.trades["spread"])) == len(run.trades["spread"]) > 10
    assert (
        run.trades["fees"].tolist()
        == simulate(attrs.evolve(pipeline, risk=()), load_market(pipeline)).trades["fees"].tolist()
    )
    other = with_noisy_costs(pipeline, 1.5, SIGMA, 1, 1)
    assert simulate(other, load_market(other)).trades["spread"].tolist() != run.trades["spread"].tolist()


def test_breakers_trip_as_they_do_and_prepared_values_arrive() -> None:
    pipeline = example_pipeline(costs=Prepared(), risk=(NamedRule("pausing", Pausing()),))
    plain = simulate(pipeline, load_market(pipeline))
    assert "pausing" in set(plain.refusals["rule"])
    same = with_noisy_costs(pipeline, 1.0, 0.0, 1, 0)
    run = simulate(same, load_market(same))
    for name in ("trades", "equity", "refusals"):
        for column, values in getattr(plain, name).items():
            assert repr(getattr(run, name)[column].tolist()) == repr(values.tolist()), (name, column)


@attrs.frozen
class Prepared:
    """The spread is a thousandth of the last close, which it prepares."""

    warmup: int = 3

    def prepare(self, bars: Any) -> Any:
        return bars.close

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        return Costs(0.0, market.prepared(market.symbol) * 0.001)
