"""Probability of backtest overfitting: whether the best trial in one half of the time is good in the other half.

Combinatorially symmetric cross-validation (CSCV). Source: Bailey, Borwein, Lopez de Prado and Zhu, The
Probability of Backtest Overfitting, Journal of Computational Finance, 2017 (first 2015).
"""

from __future__ import annotations

import math

import attrs
import numpy as np

from quantsail_framework.metrics.halves import Blocks, Floats, Judge, judged
from quantsail_framework.metrics.undefined import BEYOND, ROUNDING, Undefined, Value, finite

BLOCKS = 16
FEWEST_BLOCKS = 4  # six ways to halve; with two blocks there are two
MOST_BLOCKS = 20  # 184,756 ways
PERIODS_IN_BLOCK = 2
_LARGEST = 1e100  # a return; the squares of larger ones, or their sums, would be infinite


@attrs.frozen(eq=False)
class Overfitting:
    """What CSCV says of a search. The arrays have one value per way to take half of the blocks as in-sample,
    in the order of ``itertools.combinations``.

    ``pbo``: share of the ways in which the best trial in-sample is at or below the median out-of-sample,
    in [0, 1]: 0.5 for pure noise, near 0 when the best one is truly better. ``logits``: ln(w / (1 - w)),
    w = its rank out-of-sample / (trials + 1). ``in_sample``, ``out_of_sample``: its Sharpe ratios, per period.
    ``degradation_slope``: of the straight line through out-of-sample over in-sample (least squares); below
    zero the better it looks the worse it does. ``probability_of_loss``: share of the ways in which it has a
    negative Sharpe ratio out-of-sample. ``blocks``: into how many the time was cut.
    """

    pbo: float
    logits: Floats
    in_sample: Floats
    out_of_sample: Floats
    degradation_slope: Value
    probability_of_loss: float
    blocks: int


def backtest_overfitting(returns: Floats, blocks: int = BLOCKS, *, judge: Judge = judged) -> Overfitting | Undefined:
    """CSCV over ``returns``: one row per period (a day), one column per trial, all trials of the search.

    The time is cut into ``blocks`` (even, 4 to 20; fewer where there are less than two periods a block) of
    equal length, to one period. A trial is judged by its Sharpe ratio, 0 where its returns do not vary; equal
    trials share their mean rank. ``judge`` ranks the trials of the halves; another may be faster, not different.
    Undefined below two trials or eight periods, and for returns whose squares are beyond floating-point numbers. Raises
    ValueError for other ``blocks``, and for a return that is no finite number.
    """
    periods, trials = returns.shape
    if blocks % 2 or not FEWEST_BLOCKS <= blocks <= MOST_BLOCKS:
        raise ValueError(f"blocks is {blocks!r}; it must be an even number from {FEWEST_BLOCKS} to {MOST_BLOCKS}")
    if trials < 2:
        return Undefined("fewer than two trials")
    if periods < FEWEST_BLOCKS * PERIODS_IN_BLOCK:
        return Undefined(f"fewer than {FEWEST_BLOCKS * PERIODS_IN_BLOCK} periods")
    bad = ~np.isfinite(returns).all(axis=0)
    if bad.any():
        raise ValueError(f"trial {int(np.argmax(bad))} has a return that is no finite number; leave the trial out")
    if np.abs(returns).max() > _LARGEST:
        return BEYOND
    blocks = min(blocks, 2 * (periods // (2 * PERIODS_IN_BLOCK)))
    ways = math.comb(blocks, blocks // 2)
    inside, outside, twice_rank = np.empty((3, ways))
    cut = Blocks.of(returns, blocks)
    for numbers, first, second in cut.halves():
        found = judge(first, second, cut.still)
        # The complement of way k is way (ways - 1 - k): each pair of halves serves both.
        for way, places in enumerate((numbers, ways - 1 - numbers)):
            inside[places], outside[places] = found.inside[way], found.outside[way]
            twice_rank[places] = found.twice_rank[way]
    logits = np.log(twice_rank / (2 * (trials + 1) - twice_rank))
    loss = float((outside < 0.0).mean())
    return Overfitting(
        float((logits <= ROUNDING).mean()), logits, inside, outside, _slope(inside, outside), loss, blocks
    )


def _slope(x: Floats, y: Floats) -> Value:
    apart = x - x.mean()
    total = float(apart @ apart)
    if total <= ROUNDING * float(x @ x):
        return Undefined("the Sharpe ratio in-sample does not vary")
    return finite(float(apart @ (y - y.mean())) / total)
