"""Every way to take half of the blocks of time, and how the best trial of each half ranks in the other: the arithmetic
of the probability of overfitting.

A half is some blocks of the first half of the time and some of the second. Sums over each are made once and added, so
that thousands of halves cost an addition each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import comb

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.metrics.undefined import ROUNDING

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EQUAL = 1e-9  # relative: equal trials, as many options without effect give, may differ by rounding
_CELLS = 80_000  # numbers in one array of the work: small enough for the processor's cache
_IN_BYTE = np.array([byte.bit_count() for byte in range(256)], np.uint8)
_HELD = 400_000  # sums of one sort that are held at once, where few trials do not need less


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
    other way round. ``inside``, ``outside``: the Sharpe ratio, per period, of the best trial (of equal ones the first)
    on its side and on the other. ``twice_rank``: of that among all trials, 2 for the lowest; equal ones share the mean.
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
        blocks, trials = self.sums.shape[1:]
        half, few = blocks // 2, _early(blocks, trials)
        many, numbers = blocks - few, _numbers(blocks)
        early, late = self._only(slice(0, few)), self._only(slice(few, None))
        for size in range(1, few + 1):  # blocks that the first side has of the early ones
            some, others = _subsets(few, size), _subsets(many, half - size)
            (first, days), (second, days_there) = late._over(others), late._over(_subsets(many, many - half + size))
            for here in some[some >> few - 1 == 1].tolist():  # of two complements the one with the first block
                there = (1 << few) - 1 - here
                (common, more), (rest, more_there) = (early._over(np.array([each])) for each in (here, there))
                one, other = Side(common[:, 0], first, days + more), Side(rest[:, 0], second, days_there + more_there)
                yield numbers[(here << many) + others], one, other

    def _only(self, blocks: slice) -> Blocks:
        return Blocks(self.sums[:, blocks], self.periods[blocks], self.still)

    def _over(self, subsets: Ints) -> tuple[Floats, Floats]:
        """Sums (3, subsets, trials), and periods, over the blocks of each subset."""
        blocks = len(self.periods)
        chosen = (subsets[:, None] >> np.arange(blocks - 1, -1, -1) & 1).astype(np.float64)
        total = np.empty((3, len(subsets), self.sums.shape[2]))
        for sums, out in zip(self.sums, total, strict=True):
            np.matmul(chosen, sums, out=out)
        return total, chosen @ self.periods


def judged(first: Side, second: Side, still: Ints) -> Judged:
    """The ``Judge`` in NumPy."""
    ways, trials = first.own.shape[1:]
    found, step = Judged.sized(ways), max(1, _CELLS // trials)
    for start in range(0, ways, step):
        rows = slice(start, start + step)
        ratios = _ratios(first, rows, still), _ratios(second.backward(), rows, still)
        for way, (chosen_on, judged_on) in enumerate((ratios, ratios[::-1])):
            each = np.arange(len(chosen_on))
            highest = chosen_on.max(axis=1)
            best = (chosen_on >= (highest - _slack(highest))[:, None]).argmax(axis=1)
            own = judged_on[each, best]
            found.inside[way, rows], found.outside[way, rows] = chosen_on[each, best], own
            below, not_above = judged_on < (own - _slack(own))[:, None], judged_on <= (own + _slack(own))[:, None]
            found.twice_rank[way, rows] = _count(below) + _count(not_above) + 1
    return scaled(found, first, second)


def _slack(ratios: Floats) -> Floats:
    return np.asarray(EQUAL * np.abs(ratios) + ROUNDING)


def _count(flags: npt.NDArray[np.bool_]) -> Ints:
    """How many are set in each row: eight at a time, which takes a third of the time of a sum."""
    return np.asarray(_IN_BYTE[np.packbits(flags, axis=1)].sum(axis=1, dtype=np.int64))


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


def _early(blocks: int, trials: int) -> int:
    """How many blocks count as early: the fewer, the fewer sides there are, and the more sums each of them holds."""
    return next(
        (few for few in range(1, blocks // 2) if comb(blocks - few, (blocks - few) // 2) * trials <= _HELD), blocks // 2
    )


def _subsets(blocks: int, size: int) -> Ints:
    """All sets of ``size`` of so many blocks in the order of ``itertools.combinations``, as whole numbers whose highest
    bit is the first block; set k is the complement of set -1 - k of those of ``blocks - size``."""
    sets = np.arange((1 << blocks) - 1, -1, -1)
    found: Ints = sets[sum(sets >> block & 1 for block in range(blocks)) == size]
    return found


def _numbers(blocks: int) -> Ints:
    """The number of each way, by the set of its blocks."""
    ways = _subsets(blocks, blocks // 2)
    numbers = np.full(1 << blocks, -1)
    numbers[ways] = np.arange(len(ways))
    return numbers
