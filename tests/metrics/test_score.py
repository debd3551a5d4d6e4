"""The score by which searches choose, worked by hand."""

from __future__ import annotations

import pytest

from quantsail_framework.metrics import profit_factor_ln_trades


def test_profit_factor_times_the_logarithm_of_trades() -> None:
    assert profit_factor_ln_trades(2.5, 20) == pytest.approx(7.489331)  # 2.5 * 2.995732
    assert profit_factor_ln_trades(2.5, 1) == 0.0
    assert profit_factor_ln_trades(2.5, 0) is None


def test_d064_without_losers_the_profit_factor_of_a_score_is_ten() -> None:
    assert profit_factor_ln_trades(None, 20) == pytest.approx(29.95732)
