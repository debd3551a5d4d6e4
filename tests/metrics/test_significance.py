"""The Sharpe ratio's own statistics against the numbers that their papers publish, worked examples and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quantsail_framework.metrics import (
    SharpeMoments,
    Undefined,
    deflated_sharpe,
    expected_max_sharpe,
    min_track_record_length,
    probabilistic_sharpe,
    sharpe_moments,
)

# Bailey and Lopez de Prado (2014), "A numerical example": annualised Sharpe ratio 2.5 over five years of 250 days.
CHOSEN = SharpeMoments(1250, 2.5 / math.sqrt(250), skewness=-3.0, kurtosis=10.0)
VARIANCE = 0.5 / 250  # of the trials' annualised ratios, per day


def test_deflated_sharpe_of_the_papers_example() -> None:
    assert expected_max_sharpe(100, VARIANCE) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(CHOSEN, 100, VARIANCE) == pytest.approx(0.9004, abs=5e-5)


def test_deflated_sharpe_of_the_papers_example_passes_at_46_trials_and_with_normal_returns_at_88() -> None:
    assert deflated_sharpe(CHOSEN, 46, VARIANCE) == pytest.approx(0.9505, abs=5e-5)
    normal = SharpeMoments(1250, CHOSEN.sharpe)
    assert deflated_sharpe(normal, 88, VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_best_of_ten_trials_without_skill() -> None:
    # "Pseudo-Mathematics and Financial Charlatanism" (2014): 1.57 of a unit variance for ten trials.
    assert expected_max_sharpe(10, 1.0) == pytest.approx(1.57, abs=0.005)


def test_best_of_many_trials_agrees_with_a_simulation() -> None:
    best = np.random.default_rng(1).normal(0.0, 0.1, (4_000, 200)).max(axis=1)
    assert expected_max_sharpe(200, 0.01) == pytest.approx(best.mean(), rel=0.02)


def test_one_trial_has_nothing_to_deflate() -> None:
    assert expected_max_sharpe(1, 0.3) == 0.0
    assert deflated_sharpe(CHOSEN, 1, 0.3) == probabilistic_sharpe(CHOSEN)


def test_any_number_of_trials_is_finite() -> None:
    assert 8.0 < expected_max_sharpe(10**18, 1.0) < 9.5


def test_impossible_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="trials is 0; there must be at least one"):
        expected_max_sharpe(0, 1.0)
    with pytest.raises(ValueError, match="variance is nan; it must be a finite number from 0"):
        expected_max_sharpe(5, math.nan)


def test_probabilistic_sharpe_of_the_papers_example() -> None:
    # Bailey and Lopez de Prado (2012): two years of monthly returns, 0.458 a month (1.59 a year).
    assert probabilistic_sharpe(SharpeMoments(24, 0.458)) == pytest.approx(0.982, abs=5e-4)
    assert probabilistic_sharpe(SharpeMoments(24, 0.458, -2.448, 10.164)) == pytest.approx(0.913, abs=5e-4)


def test_probabilistic_sharpe_worked_by_hand() -> None:
    # SR 0.5, skewness 1, kurtosis 5, 17 observations: 1 - 0.5 + 4 / 4 * 0.25 = 0.75;
    # z = (0.5 - 0.2) * 4 / sqrt(0.75) = 1.3856, Z = 0.9171
    assert probabilistic_sharpe(SharpeMoments(17, 0.5, 1.0, 5.0), 0.2) == pytest.approx(0.9171, abs=5e-5)


@pytest.mark.parametrize(("a_year", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_track_record_that_the_paper_asks_for_between_sharpe_ratios_of_one_and_two(a_year: int, years: float) -> None:
    root = math.sqrt(a_year)
    found = min_track_record_length(SharpeMoments(2, 2.0 / root), 1.0 / root)
    assert found / a_year == pytest.approx(years, abs=0.005)


def test_track_record_is_longer_for_the_skewed_returns_of_the_paper() -> None:
    found = min_track_record_length(SharpeMoments(2, 2.0 / math.sqrt(12), -0.72, 5.78), 1.0 / math.sqrt(12))
    assert found / 12 == pytest.approx(4.99, abs=0.005)


def test_no_track_record_proves_what_is_not_there() -> None:
    assert min_track_record_length(SharpeMoments(500, 0.1), 0.1) == Undefined(
        "the Sharpe ratio is not above the benchmark"
    )


def test_a_track_record_of_that_length_gives_that_confidence() -> None:
    length = min_track_record_length(SharpeMoments(2, 0.1, -0.5, 6.0), 0.02, confidence=0.9)
    assert isinstance(length, float)
    assert probabilistic_sharpe(SharpeMoments(round(length), 0.1, -0.5, 6.0), 0.02) == pytest.approx(0.9, abs=1e-3)


def test_moments_worked_by_hand() -> None:
    # 1, 1, 1, 5: mean 2, deviations -1, -1, -1, 3; variance 12 / 4 = 3, sample 12 / 3 = 4;
    # third moment (27 - 3) / 4 = 6, fourth (81 + 3) / 4 = 21
    found = sharpe_moments(np.array([1.0, 1.0, 1.0, 5.0]))
    assert isinstance(found, SharpeMoments)
    assert (found.observations, found.sharpe) == (4, 1.0)
    assert found.skewness == pytest.approx(6 / 3**1.5)
    assert found.kurtosis == pytest.approx(21 / 9)


def test_moments_equal_scipy() -> None:
    from scipy import stats

    returns = np.random.default_rng(2).standard_t(4, 900) * 0.01 + 0.0005
    found = sharpe_moments(returns)
    assert isinstance(found, SharpeMoments)
    assert found.skewness == pytest.approx(stats.skew(returns))
    assert found.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False))


def test_what_has_no_variance_has_no_moments() -> None:
    assert sharpe_moments(np.array([0.1])) == Undefined("fewer than two returns")
    assert sharpe_moments(np.full(9, 0.1)) == Undefined("returns do not vary")
    assert probabilistic_sharpe(SharpeMoments(1, 0.1)) == Undefined("fewer than two returns")
    # 1 - 2 * 1 + (5 - 1) / 4 = 0: returns of two values
    assert probabilistic_sharpe(SharpeMoments(9, 1.0, 2.0, 5.0)) == Undefined("the Sharpe ratio has no variance")


@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(-1.0, 10.0)), st.floats(-1.0, 1.0))
def test_every_figure_is_a_probability_or_has_a_reason(returns: np.ndarray, benchmark: float) -> None:
    moments = sharpe_moments(returns)
    if isinstance(moments, SharpeMoments):
        found = probabilistic_sharpe(moments, benchmark)
        assert isinstance(found, Undefined) or 0.0 <= found <= 1.0
        assert isinstance(min_track_record_length(moments, benchmark), Undefined) or math.isfinite(
            min_track_record_length(moments, benchmark)
        )
