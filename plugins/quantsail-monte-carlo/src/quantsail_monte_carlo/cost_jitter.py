"""Spread and slippage that are higher than the cost model says, and not the same for every fill."""

from __future__ import annotations

import math
from functools import cache, cached_property, partial
from hashlib import sha256
from typing import Any

import attrs
import numpy as np

from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.order import Breach, Liquidity, Request
from quantsail_framework.domain.portfolio import Portfolio
from quantsail_framework.ports.cost_model import CostModel
from quantsail_framework.ports.market import Market
from quantsail_framework.ports.risk_rule import RiskRule
from quantsail_framework.ports.runner import NamedRule, Pipeline
from quantsail_monte_carlo.seeds import seed_of

_WORD = 2**64
_UNIT = 2.0**-53


def with_noisy_costs(pipeline: Pipeline, level: float, sigma: float, seed: int, run: int) -> Pipeline:
    """The pipeline whose fills cost a random multiple, while its rules expect the multiple's mean, ``level``."""
    model = pipeline.costs
    noisy = NoisyCosts(model, level, sigma, seed, run)
    expected = NoisyCosts(model, level, 0.0, seed, run)
    rules = tuple(NamedRule(named.name, ExpectingRule(named.rule, expected)) for named in pipeline.risk)
    return attrs.evolve(pipeline, costs=noisy, risk=rules)


@attrs.frozen(slots=False)
class NoisyCosts:
    """Another model's costs with spread and slippage times ``level`` * exp(sigma z - sigma^2 / 2); the fee as it is.

    z is standard normal, so that the mean multiple is ``level``. It comes from Philox, a generator without a state
    that goes on (Salmon and others, Parallel Random Numbers: As Easy as 1, 2, 3, 2011): its key is made of seed and
    run, its counter of symbol, bar and side. A fill costs the same whatever else was filled before, in any process,
    and at every level.
    """

    model: CostModel
    level: float
    sigma: float
    seed: int
    run: int

    def __getattr__(self, name: str) -> Any:
        """What the model has beside its costs: ``prepare`` and ``warmup``, where it has them."""
        return getattr(self.model, name)

    def costs(self, side: int, quantity: float, price: float, liquidity: Liquidity, market: Market) -> Costs:
        """Raises what the model raises."""
        fee, spread, slippage = self.model.costs(side, quantity, price, liquidity, market)
        multiple = self.level * self._noise(market.symbol, market.now_ns, side)
        return Costs(fee, spread * multiple, slippage * multiple)

    def _noise(self, symbol: str, time_ns: int, side: int) -> float:
        if self.sigma == 0.0:
            return 1.0
        return math.exp(self.sigma * self.normal(symbol, time_ns, side) - self.sigma**2 / 2.0)

    def normal(self, symbol: str, time_ns: int, side: int) -> float:
        """The z of the fill in the bar that opens at ``time_ns``.

        By Box and Muller, A Note on the Generation of Random Normal Deviates, 1958.
        """
        philox, state = self._philox
        counter = state["state"]["counter"]
        counter[0], counter[1], counter[2] = time_ns % _WORD, side % _WORD, _number_of(symbol)
        philox.state = state
        first, second = philox.random_raw() >> 11, philox.random_raw() >> 11
        return math.sqrt(-2.0 * math.log((first + 1) * _UNIT)) * math.cos(2.0 * math.pi * second * _UNIT)

    @cached_property
    def _philox(self) -> tuple[np.random.Philox, Any]:
        """The generator, and its state before any number was drawn."""
        key = seed_of(self.seed, "cost-jitter", self.run).generate_state(2, np.uint64)
        philox = np.random.Philox(key=key)
        return philox, philox.state


@attrs.frozen(slots=False)
class ExpectingRule:
    """A rule that is told the expected costs in its requests, since nobody knows the noise of a fill beforehand."""

    rule: RiskRule
    expected: CostModel

    def __getattr__(self, name: str) -> Any:
        """What the rule has beside its check: ``watches`` and ``trip`` of a breaker, ``warmup``."""
        return getattr(self.rule, name)

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> Breach | str | None:
        """The rule's answer."""
        estimate = partial(_estimate, self.expected, request.quantity, market)
        return self.rule.check(request._replace(estimate=estimate), portfolio, market)


def _estimate(
    model: CostModel, quantity: float, market: Market, side: int, price: float, liquidity: Liquidity
) -> Costs:
    return model.costs(side, quantity, price, liquidity, market)


@cache
def _number_of(symbol: str) -> int:
    """The same in every process, whatever other symbols the run has."""
    return int.from_bytes(sha256(symbol.encode()).digest()[:8], "little")
