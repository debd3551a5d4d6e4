"""The curve statistics against empyrical, an independent library, where the definitions agree."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
import pytest

from quantsail_framework.metrics import performance

DAY = 86_400_000_000_000
HOUR = DAY // 24


@pytest.fixture(scope="module")
def empyrical() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, at import
        return importlib.import_module("empyrical")


@pytest.mark.parametrize("seed", range(5))
def test_curve_statistics_equal_empyrical(empyrical: Any, make_trades: Any, make_equity: Any, seed: int) -> None:
    generator = np.random.default_rng(seed)
    capital, count = 10_000.0, 700
    returns = generator.normal(0.0004, 0.02, count)
    equity = make_equity(list(capital * np.cumprod(1 + returns)))
    found = performance(make_trades([]), equity, capital=capital, timeframe_ns=DAY, benchmark=None).metrics

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found["max_drawdown"] == pytest.approx(-empyrical.max_drawdown(returns))
        assert found["sharpe"] == pytest.approx(empyrical.sharpe_ratio(returns, annualization=365))
        assert found["sortino"] == pytest.approx(empyrical.sortino_ratio(returns, annualization=365))
        assert found["volatility"] == pytest.approx(empyrical.annual_volatility(returns, annualization=365))
        assert found["cagr"] == pytest.approx(empyrical.cagr(returns, annualization=365.25))
        assert found["calmar"] == pytest.approx(empyrical.calmar_ratio(returns, annualization=365.25))
        assert found["total_return"] == pytest.approx(empyrical.cum_returns_final(returns))


def test_hourly_points_on_weekdays_equal_empyrical_on_day_ends(
    empyrical: Any, make_trades: Any, make_equity: Any
) -> None:
    generator = np.random.default_rng(99)
    times = [day * DAY + hour * HOUR for day in range(4, 200) if (day + 3) % 7 < 5 for hour in range(8, 16)]
    points = 500.0 * np.cumprod(1 + generator.normal(0, 0.004, len(times)))
    found = performance(
        make_trades([]), make_equity(list(points), times=times), capital=500.0, timeframe_ns=HOUR, benchmark=None
    ).metrics
    ends = np.concatenate(([500.0], points[7::8]))
    returns = ends[1:] / ends[:-1] - 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found["sharpe"] == pytest.approx(empyrical.sharpe_ratio(returns, annualization=252))
        assert found["volatility"] == pytest.approx(empyrical.annual_volatility(returns, annualization=252))
