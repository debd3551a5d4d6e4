"""Every way to take half of the blocks of time, and how the best trial of each half ranks in the other: the arithmetic
of the probability of overfitting.

A half is some blocks of the first half of the time and some of the second. Sums over each are made once and added, so
that thousands of halves cost an addition each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, pairwise

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.metrics.undefined import ROUNDING

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EQUAL = 1e-9  # relative: equal trials, as many options without effect give, may differ by rounding
_CELLS = 80_000  # numbers in one array of the work: small enough for the processor's cache


@attrs.frozen(eq=False)
class Side:
    """One half of the time, in each of some ways: the sums of way k are ``common + own[:, k]``.

    ``common``: (3, trials), ``own``: (3, ways, trials): sums of returns apart from their mean over all time, of the
    squares of these, and of returns. ``periods``: (ways,), how many there are in the half.
    """

    common: Floats
    own: Floats
    periods: Floats

    def backward(self) -> Side:
        """The last way first."""
        return Side(self.common, self.own[:, ::-1], self.periods[::-1])


@attrs.frozen(eq=False)
class Judged:
    """What came of some ways, each an array (2, ways): chosen on the first side and judged on the second, and the
    other way round. ``inside``, ``outside``: the Sharpe ratio, per period, of the best trial on its side and on the
    other. ``twice_rank``: of that among all trials, 2 for the lowest; equal ones share the mean of theirs.
    """

    inside: Floats
    outside: Floats
    twice_rank: Floats

    @classmethod
    def sized(cls, ways: int) -> Judged:
        """For so many ways, yet to be filled."""
        return cls(*np.empty((3, 2, ways)))


# (first, second, still) -> what came of it. Way k of the first side goes with way -1 - k of the second, its complement.
Judge = Callable[[Side, Side, Ints], Judged]


@attrs.frozen(eq=False)
class Blocks:
    """Per block and trial the sums from which those of any half follow: (3, blocks, trials), as of a ``Side``.

    Returns are also taken apart from the trial's mean: differences of large sums of squares would lose digits.
    ``still``: trials that are flat in so many blocks that a half may hold no others.
    """

    sums: Floats
    periods: Floats
    still: Ints

    @classmethod
    def of(cls, returns: Floats, blocks: int) -> Blocks:
        """Of ``returns``, a row per period and a column per trial, in ``blocks`` of equal length to one period."""
        edges = np.arange(blocks + 1) * len(returns) // blocks
        periods, mean = np.diff(edges).astype(np.float64), returns.mean(axis=0)
        sums = np.empty((3, blocks, returns.shape[1]))
        for block, (start, stop) in enumerate(pairwise(edges)):
            apart = returns[start:stop] - mean
            sums[0, block] = apart.sum(axis=0)
            sums[1, block] = np.square(apart, out=apart).sum(axis=0)
        sums[:2, :, sums[1].sum(axis=0) <= ROUNDING**2 * len(returns)] = 0.0  # what does not vary but by rounding
        sums[2] = sums[0] + periods[:, None] * mean
        flat = sums[1] - np.square(sums[0]) / periods[:, None] <= ROUNDING * sums[1]
        return cls(sums, periods, np.flatnonzero(flat.sum(axis=0) >= blocks // 2))

    def halves(self) -> Iterator[tuple[Ints, Side, Side]]:
        """(numbers of the ways, one side, the other) of all ways whose first side holds the first block.

        Ways are numbered in the order of ``itertools.combinations``.
        """
        half = len(self.periods) // 2
        numbers = _numbers(2 * half)
        early, late = self._only(slice(0, half)), self._only(slice(half, None))
        for size in range(1, half + 1):  # blocks that the first side has of the early ones
            some, others = _subsets(half, size), _subsets(half, half - size)
            (first, days), (second, days_there) = late._over(others), late._over(some)
            of_late = _bits(others) << half
            for here, there in zip(some, others[::-1], strict=True):
                if here[0]:
                    break  # of two complements the one with the first block, and those come first
                (common, more), (rest, more_there) = early._over(here[None]), early._over(there[None])
                one, other = Side(common[:, 0], first, days + more), Side(rest[:, 0], second, days_there + more_there)
                yield numbers[_bits(here) + of_late], one, other

    def _only(self, blocks: slice) -> Blocks:
        return Blocks(self.sums[:, blocks], self.periods[blocks], self.still)

    def _over(self, subsets: Ints) -> tuple[Floats, Floats]:
        """Sums (3, subsets, trials), and periods, over the blocks of each subset."""
        total = np.zeros((3, len(subsets), self.sums.shape[2]))
        for row, blocks in enumerate(subsets.tolist()):
            for block in blocks:  # a row at a time stays in the processor's cache
                total[:, row] += self.sums[:, block]
        return total, self.periods[subsets].sum(axis=1)


def judged(first: Side, second: Side, still: Ints) -> Judged:
    """The ``Judge`` in NumPy."""
    ways, trials = first.own.shape[1:]
    found, step = Judged.sized(ways), max(1, _CELLS // trials)
    for start in range(0, ways, step):
        rows = slice(start, start + step)
        ratios = _ratios(first, rows, still), _ratios(second.backward(), rows, still)
        for way, (chosen_on, judged_on) in enumerate((ratios, ratios[::-1])):
            each = np.arange(len(chosen_on))
            best = chosen_on.argmax(axis=1)
            own = judged_on[each, best]
            found.inside[way, rows], found.outside[way, rows] = chosen_on[each, best], own
            slack = EQUAL * np.abs(own) + ROUNDING
            below, not_above = judged_on < (own - slack)[:, None], judged_on <= (own + slack)[:, None]
            found.twice_rank[way, rows] = [
                np.count_nonzero(fewer) + np.count_nonzero(more) + 1
                for fewer, more in zip(below, not_above, strict=True)
            ]
    return scaled(found, first, second)


def scaled(found: Judged, first: Side, second: Side) -> Judged:
    """Sharpe ratios of what has been judged by the sum of returns over the root of the sum of squares about the mean.

    They differ by a number that all trials share, so that it is nothing to the judging.
    """
    one, other = (np.sqrt(periods - 1.0) / periods for periods in (first.periods, second.backward().periods))
    found.inside[:] *= np.stack([one, other])
    found.outside[:] *= np.stack([other, one])
    return found


def _ratios(side: Side, ways: slice, still: Ints) -> Floats:
    """Sum of returns over the root of the sum of squares about the mean, per way and trial; 0 where nothing varies."""
    made: Floats = side.own[:, ways] + side.common[:, None]
    apart, squares, returns = made
    spread = np.square(apart, out=apart)
    spread *= (-1.0 / side.periods[ways])[:, None]
    spread += squares
    flat = spread[:, still] <= ROUNDING * squares[:, still]
    with np.errstate(divide="ignore", invalid="ignore"):  # of the flat ones alone
        returns /= np.sqrt(spread, out=spread)
    returns[:, still] = np.where(flat, 0.0, returns[:, still])
    return np.asarray(returns)


def _subsets(blocks: int, size: int) -> Ints:
    """All sets of ``size`` of so many blocks, a row each; row k is the complement of row -1 - k of those of
    ``blocks - size``."""
    return np.array(list(combinations(range(blocks), size)), np.int64)


def _bits(subsets: Ints) -> Ints:
    return np.asarray((1 << subsets).sum(axis=-1))


def _numbers(blocks: int) -> Ints:
    """The number of each way, by the bits of its blocks."""
    ways = _bits(_subsets(blocks, blocks // 2))
    numbers = np.full(1 << blocks, -1)
    numbers[ways] = np.arange(len(ways))
    return numbers
