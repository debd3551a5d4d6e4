"""Paths of reordered and redrawn trades, against what can be enumerated or worked out."""

from __future__ import annotations

from itertools import permutations
from math import comb, prod, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_monte_carlo.draws import FAN_DRAWS, draws_table, fan_of, fan_steps, fan_table, summary
from quantsail_monte_carlo.paths import (
    block_bootstrapped,
    bootstrapped,
    drawdown_of,
    equity_of,
    returns_of,
    shuffled,
    stationary_blocks,
)


def random(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def within(share: float, expected: float, draws: int) -> bool:
    """Whether a share of draws lies within four standard deviations of its probability."""
    return abs(share - expected) <= 4.0 * sqrt(expected * (1.0 - expected) / draws)


def test_two_shuffled_trades_come_in_either_order_half_of_the_time() -> None:
    """Of 1: +0.2 then -0.1 falls 0.1 / 1.2 from its peak, -0.1 then +0.2 falls 0.1 / 1."""
    draws = shuffled(np.array([0.2, -0.1]), 4_000, random(), additive=True)
    assert np.unique(draws.max_drawdown.round(12)) == pytest.approx([0.1 / 1.2, 0.1])
    assert within(float(np.mean(draws.max_drawdown > 0.09)), 0.5, 4_000)


def test_shuffles_are_as_frequent_as_the_enumerated_orders() -> None:
    returns = [-0.1, -0.2, 0.5]
    # Compounded: -0.1, -0.2 in a row in four of six orders: 1 - 0.9 * 0.8 = 0.28; else the larger of the two.
    expected = [_drawdown(order) for order in permutations(returns)]
    assert sorted(round(value, 12) for value in expected) == [0.2, 0.2, 0.28, 0.28, 0.28, 0.28]
    draws = shuffled(np.array(returns), 6_000, random())
    assert within(float(np.mean(draws.max_drawdown < 0.25)), 2 / 6, 6_000)
    assert set(draws.max_drawdown.round(12)) == {0.2, 0.28}


def _drawdown(order: tuple[float, ...]) -> float:
    equity = peak = 1.0
    worst = 0.0
    for each in order:
        equity *= 1.0 + each
        peak = max(peak, equity)
        worst = max(worst, 1.0 - equity / peak)
    return worst


def test_d087k_a_shuffle_tells_of_the_path_and_the_bootstrap_of_the_end() -> None:
    returns = random(3).normal(0.002, 0.02, 60)
    shuffle = shuffled(returns, 500, random())
    assert np.isnan(shuffle.total_return).all()
    assert [name for name, _ in summary(shuffle)] == ["shuffle_p50_max_drawdown", "shuffle_p95_max_drawdown"]
    # Every path ends at the same equity, whatever happened on the way.
    steps, fan = shuffle.fan
    assert steps[-1] == 60
    assert fan[-1] == pytest.approx([prod(1.0 + returns)] * 5)
    assert fan[30, 4] > fan[30, 0]
    ends = bootstrapped(returns, 500, random()).total_return
    assert ends.std() > 0.05


def test_a_bootstrap_of_two_outcomes_is_binomial() -> None:
    """Six trades of +2 % and four of -1 %: the number of winners among ten draws is binomial with p = 0.6."""
    draws = bootstrapped(np.array([0.02] * 6 + [-0.01] * 4), 20_000, random())
    for winners in range(11):
        end = 1.02**winners * 0.99 ** (10 - winners) - 1.0
        share = float(np.mean(np.isclose(draws.total_return, end)))
        assert within(share, comb(10, winners) * 0.6**winners * 0.4 ** (10 - winners), 20_000), winners


def test_d093_ruin_absorbs_and_its_probability_is_told() -> None:
    """Two trades that lose everything or win half, drawn twice: 3 of 4 paths hold a loss and end there."""
    draws = bootstrapped(np.array([-1.5, 0.5]), 8_000, random())
    assert set(draws.total_return.round(12)) == {-1.0, 1.25}
    assert draws.max_drawdown.max() == 1.0
    figures = dict(summary(draws))
    assert within(float(figures["probability_of_ruin"]), 0.75, 8_000)  # type: ignore[arg-type]
    assert equity_of(np.array([[0.5, -1.5, 0.5]])).tolist() == [[1.0, 1.5, 0.0, 0.0]]


def test_d093_ruin_absorbs_in_money_too() -> None:
    """-150 then +200 of a capital of 100 never sees the gain; the other order ends at 150."""
    draws = shuffled(np.array([-1.5, 2.0]), 4_000, random(), additive=True)
    assert within(float(draws.ruined.mean()), 0.5, 4_000)
    assert equity_of(np.array([[-1.5, 2.0], [2.0, -1.5]]), additive=True).tolist() == [[1, 0, 0], [1, 3, 1.5]]
    assert drawdown_of(np.array([[1.0, 0.0, 0.0], [1.0, 3.0, 1.5]])).tolist() == [1.0, 0.5]


def test_d090_returns_are_of_the_equity_at_entry_and_compound() -> None:
    net, equity = np.array([10.0, 11.0, -12.1]), np.array([100.0, 110.0, 121.0])
    assert returns_of(net, equity, 100.0, additive=False) == pytest.approx([0.1, 0.1, -0.1])
    assert equity_of(np.array([[0.1, 0.1, -0.1]]))[0] == pytest.approx([1.0, 1.1, 1.21, 1.089])
    assert returns_of(net, equity, 100.0, additive=True) == pytest.approx([0.1, 0.11, -0.121])
    assert returns_of(net, np.array([100.0, 0.0, -5.0]), 100.0, additive=False).tolist() == [0.1, -1.0, -1.0]


def test_d090_blocks_keep_streaks() -> None:
    """Ten losers in a row after ninety winners: redrawn one by one they scatter, in blocks they stay together."""
    returns = np.array([0.01] * 90 + [-0.03] * 10)
    single, blocks = (kind(returns, 4_000, random()) for kind in (bootstrapped, block_bootstrapped))
    assert np.quantile(blocks.max_drawdown, 0.95) > 1.5 * np.quantile(single.max_drawdown, 0.95)
    # Both draw every trade as often: the mean of the logs is that of all trades.
    for draws in (single, blocks):
        assert np.log1p(draws.total_return).mean() == pytest.approx(np.log1p(returns).sum(), abs=0.03)


@pytest.mark.parametrize("mean_length", [1.0, 4.0, 25.0])
def test_blocks_have_their_mean_length_and_draw_every_index_alike(mean_length: float) -> None:
    """A block ends after each index with probability 1 / length; the next begins anywhere, once in n goes on."""
    rows, size = 200, 100
    index = stationary_blocks(rows, size, mean_length, random())
    assert index.shape == (rows, size)
    goes_on = index[:, 1:] == (index[:, :-1] + 1) % size
    expected = 1.0 - (1.0 - 1.0 / size) / mean_length
    assert within(float(goes_on.mean()), expected, goes_on.size)
    counts = np.bincount(index.ravel(), minlength=size)
    # Of so many draws in blocks of that mean length, about so many are independent.
    spread = sqrt(2.0 * mean_length * rows * size * (1 / size))
    assert np.abs(counts - rows).max() < 5.0 * spread


def test_rows_of_blocks_do_not_go_on_from_one_to_the_next() -> None:
    index = stationary_blocks(3_000, 10, 10.0, random())
    assert within(float(np.mean(index[1:, 0] == (index[:-1, -1] + 1) % 10)), 0.1, 2_999)


@given(
    st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=30),
    st.booleans(),
    st.sampled_from([shuffled, bootstrapped, block_bootstrapped]),
)
def test_equity_is_never_below_zero_and_no_drawdown_above_all(
    returns: list[float], additive: bool, kind: object
) -> None:
    draws = kind(np.array(returns), 20, random(), additive=additive)  # type: ignore[operator]
    assert ((draws.max_drawdown >= 0.0) & (draws.max_drawdown <= 1.0)).all()
    assert not (draws.total_return < -1.0).any()
    assert (draws.fan[1] >= 0.0).all()
    assert np.isfinite(draws.fan[1]).all()


def test_more_trades_than_fit_a_chunk_and_more_draws_than_a_fan_are_drawn_alike() -> None:
    many = shuffled(np.full(100_000, 1e-6), 2, random())
    assert many.fan[1][-1] == pytest.approx([(1.0 + 1e-6) ** 100_000] * 5)
    assert many.max_drawdown.tolist() == [0.0, 0.0]
    draws = bootstrapped(np.array([0.1, -0.1]), FAN_DRAWS + 500, random())
    assert len(draws.total_return) == FAN_DRAWS + 500
    assert np.isfinite(draws.total_return).all()


def test_a_fan_has_both_ends_and_at_most_101_steps() -> None:
    assert fan_steps(3).tolist() == [0, 1, 2, 3]
    steps = fan_steps(10_000)
    assert (steps[0], steps[-1], len(steps)) == (0, 10_000, 101)
    # Of 0, 1, ... 20 the quantiles are 1, 5, 10, 15, 19, as NumPy has them.
    equity = random().permuted(np.arange(21.0))[np.newaxis]
    assert fan_of(np.array([7]), equity)[1].tolist() == [[1.0, 5.0, 10.0, 15.0, 19.0]]
    odd = random().normal(size=(3, 37))
    expected = np.quantile(odd, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1).T
    assert fan_of(np.arange(3), odd)[1] == pytest.approx(expected)


def test_tables_hold_every_test_and_are_typed_when_there_is_none() -> None:
    returns = np.array([0.1, -0.1, 0.2])
    tests = [shuffled(returns, 3, random()), bootstrapped(returns, 2, random())]
    table = draws_table(tests)
    assert table["test"].tolist() == ["shuffle"] * 3 + ["bootstrap"] * 2
    assert table["draw"].tolist() == [0, 1, 2, 0, 1]
    fan = fan_table(tests)
    assert fan["step"].tolist() == [0, 1, 2, 3] * 2
    assert list(fan) == ["test", "step", "p5", "p25", "p50", "p75", "p95"]
    for full, empty in ((table, draws_table([])), (fan, fan_table([]))):
        assert {name: column.dtype for name, column in full.items()} == {
            name: column.dtype for name, column in empty.items()
        }
