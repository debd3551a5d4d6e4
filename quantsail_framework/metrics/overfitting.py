"""Probability of backtest overfitting: whether the best trial in one half of the time is good in the other half.

Combinatorially symmetric cross-validation (CSCV). Source: Bailey, Borwein, Lopez de Prado and Zhu, The
Probability of Backtest Overfitting, Journal of Computational Finance, 2017 (first 2015).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.metrics.undefined import ROUNDING, Undefined, Value, finite

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCKS = 16
FEWEST_BLOCKS = 4  # six ways to halve; with two blocks there are two
MOST_BLOCKS = 20  # 184,756 ways
PERIODS_IN_BLOCK = 2
_EQUAL = 1e-9
_CELLS = 40_000  # numbers in one array of the work: small enough for the processor's cache


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


def backtest_overfitting(returns: Floats, blocks: int = BLOCKS) -> Overfitting | Undefined:
    """CSCV over ``returns``: one row per period (a day), one column per trial, all trials of the search.

    The time is cut into ``blocks`` (even, 4 to 20; fewer where there are less than two periods a block) of
    equal length, to one period. A trial is judged by its Sharpe ratio, 0 where its returns do not vary; equal
    trials share their mean rank. Undefined below two trials or eight periods. Raises ValueError for other
    ``blocks``, and for a return that is no finite number.
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
    blocks = min(blocks, 2 * (periods // (2 * PERIODS_IN_BLOCK)))
    ways = math.comb(blocks, blocks // 2)
    logits, inside, outside = (np.empty(ways) for _ in range(3))
    for way, (first, second) in _halves(_Sums.of(returns, blocks)):
        # The complement of way k is way (ways - 1 - k): each pair of halves serves both.
        for place, chosen_on, judged_on in ((way, first, second), (ways - 1 - way, second, first)):
            rows = np.arange(len(place))
            best = chosen_on.argmax(axis=1)
            inside[place], outside[place] = chosen_on[rows, best], judged_on[rows, best]
            logits[place] = _logits(judged_on, outside[place])
    loss = float((outside < 0.0).mean())
    return Overfitting(
        float((logits <= ROUNDING).mean()), logits, inside, outside, _slope(inside, outside), loss, blocks
    )


@attrs.frozen(eq=False)
class _Sums:
    """Per block and trial the sums from which the Sharpe ratio over any set of blocks follows.

    Returns are taken apart from the trial's ``mean``: differences of large sums of squares would lose digits.
    """

    count: Floats
    apart: Floats
    squares: Floats
    mean: Floats
    still: Ints  # trials that are flat in so many blocks that a half may hold no others

    @classmethod
    def of(cls, returns: Floats, blocks: int) -> _Sums:
        edges = np.arange(blocks) * len(returns) // blocks
        count = np.diff(edges, append=len(returns)).astype(np.float64)
        mean = returns.mean(axis=0)
        apart = returns - mean
        apart[:, np.abs(apart).max(axis=0) <= ROUNDING] = 0.0  # what does not vary but by rounding
        sums = np.add.reduceat(apart, edges, axis=0)
        squares = np.add.reduceat(np.square(apart, out=apart), edges, axis=0)
        flat = squares - np.square(sums) / count[:, None] <= ROUNDING * squares
        return cls(count, sums, squares, mean, np.flatnonzero(flat.sum(axis=0) >= blocks // 2))

    def sharpe(self, chosen: Floats) -> Floats:
        """Sharpe ratio per set of blocks (rows of 0 and 1) and trial."""
        count = (chosen @ self.count)[:, None]
        squares = chosen @ self.squares
        mean = chosen @ self.apart
        mean /= count
        spread = np.square(mean)
        spread *= -count
        spread += squares
        flat = spread[:, self.still] <= ROUNDING * squares[:, self.still]
        spread /= count - 1.0
        mean += self.mean
        with np.errstate(divide="ignore", invalid="ignore"):  # of the flat ones alone
            mean /= np.sqrt(spread, out=spread)
        mean[:, self.still] = np.where(flat, 0.0, mean[:, self.still])
        return mean


def _halves(sums: _Sums) -> Iterator[tuple[Ints, tuple[Floats, Floats]]]:
    """(numbers of ways, Sharpe ratios on their blocks and on the others) of the ways that hold the first block."""
    blocks, trials = sums.apart.shape
    others = np.array(list(combinations(range(1, blocks), blocks // 2 - 1)))
    step = max(1, _CELLS // trials)
    for start in range(0, len(others), step):
        part = others[start : start + step]
        chosen = np.zeros((len(part), blocks))
        chosen[:, 0] = 1.0
        np.put_along_axis(chosen, part, 1.0, axis=1)
        yield np.arange(start, start + len(part)), (sums.sharpe(chosen), sums.sharpe(1.0 - chosen))


def _logits(judged: Floats, own: Floats) -> Floats:
    """ln(w / (1 - w)) of the relative rank w of ``own`` among each row of ``judged``."""
    trials = judged.shape[1]
    # Equal trials, as many options without effect give, may differ by rounding.
    slack = _EQUAL * np.abs(own) + ROUNDING
    below = (judged < (own - slack)[:, None]).sum(axis=1)
    not_above = (judged <= (own + slack)[:, None]).sum(axis=1)
    rank = (below + not_above + 1) / 2.0
    return np.asarray(np.log(rank / (trials + 1 - rank)))


def _slope(x: Floats, y: Floats) -> Value:
    apart = x - x.mean()
    total = float(apart @ apart)
    if total <= ROUNDING * float(x @ x):
        return Undefined("the Sharpe ratio in-sample does not vary")
    return finite(float(apart @ (y - y.mean())) / total)
