"""Resampled intervals: the resampling itself, each metric beside its own function, and what theory knows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantsail_framework.metrics import Interval, Undefined, curve_intervals, trade_intervals
from quantsail_framework.metrics import bootstrap as boot
from quantsail_framework.metrics import equity as curve
from quantsail_framework.metrics import trades as ledger

RETURNS = np.random.default_rng(3).normal(0.001, 0.02, 400)
NET = np.random.default_rng(4).normal(2.0, 20.0, 150)
RISK = np.full(150, 10.0)


def _curve(returns: np.ndarray = RETURNS, seed: int = 0, **changes: float) -> dict[str, Interval | Undefined]:
    known: dict[str, float] = {"periods": 365, "days": len(returns), **changes}
    return curve_intervals(returns, generator=np.random.default_rng(seed), **known)  # type: ignore[arg-type]


def _bounds(found: Interval | Undefined) -> tuple[float, float]:
    assert isinstance(found, Interval)
    return found.low, found.high


def test_blocks_go_on_around_the_end_and_have_the_mean_length() -> None:
    rows = boot.stationary_rows(100, 2_000, np.random.default_rng(1), 10.0)
    goes_on = rows[:, 1:] == (rows[:, :-1] + 1) % 100
    # A block goes on with 0.9, and a new one begins by chance just there with 0.1 / 100.
    assert goes_on.mean() == pytest.approx(0.901, abs=0.003)
    assert (rows[:, :-1] == 99)[goes_on].any()
    counts = np.bincount(rows.ravel(), minlength=100) / rows.size
    assert counts.min() > 0.009
    assert counts.max() < 0.011


OWN: dict[str, Callable[[np.ndarray, np.ndarray], object]] = {
    "sharpe": lambda path, _: curve.sharpe(path, 365),
    "sortino": lambda path, _: curve.sortino(path, 365),
    "cagr": lambda _, points: curve.cagr(points[-1], 100, 400),
    "max_drawdown": lambda _, points: curve.max_drawdown(curve.drawdowns(points, 100)),
    "volatility": lambda path, _: curve.volatility(path, 365),
}


@pytest.mark.parametrize("name", OWN)
def test_each_metric_of_a_resample_is_that_of_its_own_function(name: str) -> None:
    rows = boot.stationary_rows(400, 5, np.random.default_rng(2), 20.0)
    found = boot._curve_statistics(365, 400)[name](RETURNS[rows])
    assert found == pytest.approx([OWN[name](path, 100 * np.cumprod(1 + path)) for path in RETURNS[rows]])


def test_trade_metrics_of_a_resample_are_those_of_their_own_functions() -> None:
    found = trade_intervals(NET, RISK, generator=np.random.default_rng(5), paths=1, confidence=0.5)
    rows = np.random.default_rng(5).integers(0, 150, (1, 150))[0]
    assert _bounds(found["profit_factor"]) == pytest.approx([ledger.profit_factor(NET[rows])] * 2)
    assert _bounds(found["expectancy"]) == pytest.approx([ledger.expectancy(NET[rows], RISK[rows])] * 2)
    assert _bounds(found["win_rate"]) == pytest.approx([ledger.win_rate(NET[rows])] * 2)


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    assert _curve(seed=1) == _curve(seed=1)
    assert _curve(seed=1) != _curve(seed=2)


def test_sharpe_of_independent_returns_is_as_wide_as_theory_says() -> None:
    # Lo, The Statistics of Sharpe Ratios (2002): standard error sqrt((1 + SR ** 2 / 2) / n), per period.
    low, high = _bounds(_curve()["sharpe"])
    per_day = RETURNS.mean() / RETURNS.std(ddof=1)
    width = 2 * 1.96 * math.sqrt((1 + per_day**2 / 2) / 400) * math.sqrt(365)
    assert high - low == pytest.approx(width, rel=0.15)


def test_win_rate_is_as_wide_as_the_binomial() -> None:
    net = np.repeat([1.0, -1.0], [120, 80])
    low, high = _bounds(trade_intervals(net, np.ones(200), generator=np.random.default_rng(6))["win_rate"])
    width = 2 * 1.96 * math.sqrt(0.6 * 0.4 / 200)
    assert high - low == pytest.approx(width, rel=0.1)
    assert low < 0.6 < high


def test_days_that_go_together_make_the_interval_wider() -> None:
    moody = np.convolve(np.random.default_rng(7).normal(0, 0.01, 420), np.ones(21) / 21, "valid")
    apart = np.random.default_rng(8).permutation(moody)
    low, high = _bounds(_curve(moody)["sharpe"])
    narrow_low, narrow_high = _bounds(_curve(apart)["sharpe"])
    assert high - low > 1.5 * (narrow_high - narrow_low)


def test_an_interval_that_a_tenth_may_miss_is_narrower() -> None:
    low, high = _bounds(_curve(confidence=0.95)["cagr"])
    inner_low, inner_high = _bounds(_curve(confidence=0.8)["cagr"])
    assert low < inner_low < inner_high < high
    with pytest.raises(ValueError, match=r"confidence is 1\.0; it must lie between 0 and 1"):
        _curve(confidence=1.0)


def test_no_resample_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="paths is 0; there must be at least one"):
        _curve(paths=0)


def test_what_has_no_interval_says_why() -> None:
    assert _curve(np.array([0.1]))["sharpe"] == Undefined("fewer than two days")
    assert _curve(np.full(50, 0.0))["max_drawdown"] == Undefined("daily returns do not vary")
    assert _curve(np.abs(RETURNS))["sortino"] == Undefined("2000 of 2000 resamples have no value")
    assert _curve(days=0.5)["cagr"] == Undefined("2000 of 2000 resamples have no value")
    nothing = trade_intervals(np.array([]), np.array([]), generator=np.random.default_rng(0))
    assert set(nothing.values()) == {Undefined("no trades")}
    winners = trade_intervals(np.array([1.0, 2.0]), np.array([1.0, 0.0]), generator=np.random.default_rng(0))
    assert winners["profit_factor"] == Undefined("2000 of 2000 resamples have no value")
    assert winners["expectancy"] == Undefined("a trade without risk has no R multiple")
    assert winners["win_rate"] == Interval(1.0, 1.0)


def test_a_ruined_path_loses_everything() -> None:
    returns = np.array([0.01, -1.0, 0.02, -0.5])
    assert _bounds(_curve(returns)["cagr"])[0] == -1.0
    assert _bounds(_curve(returns)["max_drawdown"])[1] == 1.0


@settings(max_examples=30, deadline=None)
@given(arrays(np.float64, st.integers(0, 40), elements=st.floats(-1.0, 5.0)))
def test_intervals_are_finite_and_in_order(returns: np.ndarray) -> None:
    found = curve_intervals(returns, periods=365, days=len(returns), generator=np.random.default_rng(0), paths=50)
    found |= trade_intervals(returns, np.ones(len(returns)), generator=np.random.default_rng(0), paths=50)
    for interval in found.values():
        if isinstance(interval, Interval):
            assert -math.inf < interval.low <= interval.high < math.inf
