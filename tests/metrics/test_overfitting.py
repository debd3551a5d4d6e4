"""CSCV against a plain loop over every way to halve the blocks, and on markets whose answer is known."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from quantsail_framework.metrics import Overfitting, Undefined, backtest_overfitting


def _found(returns: np.ndarray, blocks: int = 16) -> Overfitting:
    found = backtest_overfitting(returns, blocks)
    assert isinstance(found, Overfitting)
    return found


def _sharpe(returns: np.ndarray) -> np.ndarray:
    return np.array([column.mean() / column.std(ddof=1) for column in returns.T])


def _plain(returns: np.ndarray, blocks: int) -> tuple[list[float], list[float], list[float]]:
    """(logits, in-sample, out-of-sample) straight from the definition."""
    parts = np.split(returns, [len(returns) * block // blocks for block in range(1, blocks)])
    logits, inside, outside = [], [], []
    for ways in combinations(range(blocks), blocks // 2):
        chosen_on = _sharpe(np.concatenate([parts[block] for block in ways]))
        judged_on = _sharpe(np.concatenate([parts[block] for block in range(blocks) if block not in ways]))
        best = int(np.argmax(chosen_on))
        rank = sorted(judged_on).index(judged_on[best]) + 1
        share = rank / (returns.shape[1] + 1)
        logits.append(math.log(share / (1 - share)))
        inside.append(chosen_on[best])
        outside.append(judged_on[best])
    return logits, inside, outside


@pytest.mark.parametrize(("periods", "trials", "blocks"), [(40, 3, 4), (53, 7, 6), (101, 20, 8)])
def test_equals_a_plain_loop(periods: int, trials: int, blocks: int) -> None:
    returns = np.random.default_rng(periods).normal(0.001, 0.02, (periods, trials))
    logits, inside, outside = _plain(returns, blocks)
    found = _found(returns, blocks)
    np.testing.assert_allclose(found.logits, logits)
    np.testing.assert_allclose(found.in_sample, inside)
    np.testing.assert_allclose(found.out_of_sample, outside)
    assert found.pbo == pytest.approx(sum(logit <= 0 for logit in logits) / len(logits))
    assert found.probability_of_loss == pytest.approx(sum(ratio < 0 for ratio in outside) / len(outside))
    assert found.degradation_slope == pytest.approx(np.polyfit(inside, outside, 1)[0])


def test_worked_by_hand() -> None:
    """Two trials that take turns, in four blocks of two periods, each block of mean +1 or -1 and deviation 0.5.

    First: + + - -, second: - - + +. Blocks 1 and 2 in-sample choose the first, which comes last on blocks 3
    and 4 (rank 1 of 2, logit ln((1/3) / (2/3)) = -ln 2); blocks 3 and 4 choose the second with the same fate.
    With one block of each sort both have Sharpe 0: equal, mean rank 1.5, logit 0. So all six logits are <= 0.
    """
    block = np.array([0.5, 1.5])
    first = np.concatenate([block, block, -block, -block])
    found = _found(np.column_stack([first, -first]), 4)
    np.testing.assert_allclose(found.logits, [-math.log(2), 0, 0, 0, 0, -math.log(2)], atol=1e-12)
    assert found.pbo == 1.0
    assert found.probability_of_loss == pytest.approx(2 / 6)
    # in-sample 1 / sample deviation of (0.5, 1.5, 0.5, 1.5) = sqrt(3), out-of-sample minus that
    assert found.in_sample[0] == pytest.approx(math.sqrt(3))
    assert found.out_of_sample[0] == pytest.approx(-math.sqrt(3))
    assert found.degradation_slope == pytest.approx(-1.0)


def test_pure_noise_is_overfitted_half_of_the_time() -> None:
    # One market is one draw, whose halves depend on each other: the mean over many is what the theory is about.
    drawn = [_found(np.random.default_rng(seed).normal(0, 0.01, (480, 40)), 8).pbo for seed in range(60)]
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.08)


def test_a_truly_better_trial_is_no_overfitting() -> None:
    returns = np.random.default_rng(4).normal(0.0, 0.01, (1_000, 50))
    returns[:, 17] += 0.003
    found = _found(returns)
    assert found.pbo < 0.01
    assert found.probability_of_loss == 0.0
    assert found.blocks == 16
    assert len(found.logits) == math.comb(16, 8)


def test_trials_that_never_trade_stand_in_the_middle() -> None:
    returns = np.random.default_rng(5).normal(0.0, 0.01, (200, 6))
    returns[:, 2:] = 0.0
    found = _found(returns, 8)
    assert np.isfinite(found.logits).all()
    assert np.isfinite(found.out_of_sample).all()


def test_trials_that_are_alike_share_their_rank() -> None:
    """Thirty-three times the same trial: the best is in the middle of its equals, whichever of them it is."""
    one = np.random.default_rng(8).normal(0.0005, 0.01, (333, 1))
    np.testing.assert_allclose(_found(np.repeat(one, 33, axis=1), 8).logits, 0.0, atol=1e-12)


def test_what_is_equal_but_for_rounding_is_equal() -> None:
    """Sparse trials often have the same ratio in a half. Which of them is chosen may not hang on the last digit: three
    times the returns are the same search."""
    random = np.random.default_rng(11)
    for _ in range(20):
        returns = np.where(random.random((64, 30)) < 0.06, random.choice([-0.01, 0.01, 0.02], (64, 30)), 0.0)
        np.testing.assert_allclose(_found(3.0 * returns, 8).logits, _found(returns, 8).logits, atol=1e-12)


def test_returns_beyond_floating_point_numbers_have_no_probability() -> None:
    for trial in range(3):
        returns = np.random.default_rng(12).normal(0.0, 0.01, (64, 3))
        returns[7, trial] = 1e160
        assert backtest_overfitting(returns, 8) == Undefined("beyond the range of floating-point numbers")


def test_returns_that_never_vary_have_no_sharpe_ratio() -> None:
    returns = np.random.default_rng(9).normal(0.0, 0.01, (160, 3))
    returns[:, 1] = 0.1
    found = _found(returns, 8)
    assert np.abs(found.in_sample).max() < 1.0
    assert np.abs(found.out_of_sample).max() < 1.0


def test_only_trials_that_never_trade() -> None:
    found = _found(np.zeros((64, 5)), 8)
    assert found.pbo == 1.0  # none is above the median of equals
    assert found.degradation_slope == Undefined("the Sharpe ratio in-sample does not vary")


def test_short_data_is_cut_into_fewer_blocks() -> None:
    returns = np.random.default_rng(6).normal(size=(21, 4))
    assert _found(returns).blocks == 10
    assert backtest_overfitting(returns[:7]) == Undefined("fewer than 8 periods")
    assert backtest_overfitting(returns[:, :1]) == Undefined("fewer than two trials")


def test_large_returns_with_little_spread_keep_their_digits() -> None:
    returns = 1e3 + np.random.default_rng(7).normal(0.0, 1e-3, (80, 5))
    logits, inside, _ = _plain(returns, 4)
    np.testing.assert_allclose(_found(returns, 4).logits, logits)
    np.testing.assert_allclose(_found(returns, 4).in_sample, inside, rtol=1e-6)


def test_blocks_and_returns_that_cannot_be() -> None:
    returns = np.zeros((64, 3))
    for blocks in (2, 7, 22):
        with pytest.raises(ValueError, match=f"blocks is {blocks}; it must be an even number from 4 to 20"):
            backtest_overfitting(returns, blocks)
    returns[5, 1] = np.nan
    with pytest.raises(ValueError, match="trial 1 has a return that is no finite number"):
        backtest_overfitting(returns)
