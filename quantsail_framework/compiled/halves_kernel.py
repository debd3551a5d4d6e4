"""``judged`` of ``metrics/halves.py`` once more, for numba: the same numbers, made and compared in one go.

Imported only to be compiled. Ratios of one way lie in the processor's cache between their making and their ranking.
"""

from __future__ import annotations

from math import sqrt

from numba import carray, njit, types

_FLOATS, _INTS = types.CPointer(types.float64), types.CPointer(types.int64)
SIGNATURE = types.void(_INTS, *[_FLOATS] * 7, _INTS, *[_FLOATS] * 4)


@njit(error_model="numpy")
def _ratios(out, common, own, way, periods, still, rounding):
    """Sum of returns over the root of the sum of squares about the mean; 0 where nothing varies."""
    apart, squares, returns = common[0], common[1], common[2]
    more, more_squares, more_returns = own[0, way], own[1, way], own[2, way]
    scale = -1.0 / periods
    for trial in range(len(out)):
        about = more[trial] + apart[trial]
        square = more_squares[trial] + squares[trial]
        spread = about * about * scale + square
        out[trial] = (more_returns[trial] + returns[trial]) / sqrt(spread)
    for trial in still:
        about = more[trial] + apart[trial]
        square = more_squares[trial] + squares[trial]
        if about * about * scale + square <= rounding * square:
            out[trial] = 0.0


@njit(error_model="numpy")
def _first_highest(values, equal, rounding):
    """Where it is, or the first equal to it. Four at a time, for each comparison would wait for the one before it."""
    one = two = three = four = values[0]
    for k in range(0, len(values) - 3, 4):
        one = max(one, values[k])
        two = max(two, values[k + 1])
        three = max(three, values[k + 2])
        four = max(four, values[k + 3])
    highest = max(one, two, three, four)
    for k in range(len(values) - len(values) % 4, len(values)):
        highest = max(highest, values[k])
    least = highest - (equal * abs(highest) + rounding)
    for k in range(len(values)):
        if values[k] >= least:
            return k
    return 0


@njit(error_model="numpy")
def _ranked(chosen_on, judged_on, equal, rounding):
    """The highest of one side, that trial on the other, and twice its rank there."""
    best = _first_highest(chosen_on, equal, rounding)
    inside, outside = chosen_on[best], judged_on[best]
    slack = equal * abs(outside) + rounding
    low, high = outside - slack, outside + slack
    count = 1
    for trial in range(len(judged_on)):
        count += int(judged_on[trial] < low) + int(judged_on[trial] <= high)
    return inside, outside, count


def kernel(asked, limits, common, own, periods, rest, other, others, still, scratch, inside, outside, twice_rank):
    """``asked``: ways, trials, and how many of these are ``still``. ``limits``: EQUAL and ROUNDING."""
    sizes = carray(asked, 3)
    ways, trials = sizes[0], sizes[1]
    equal, rounding = carray(limits, 2)
    sums, more, days = carray(common, (3, trials)), carray(own, (3, ways, trials)), carray(periods, ways)
    sums_there, more_there, days_there = (
        carray(rest, (3, trials)),
        carray(other, (3, ways, trials)),
        carray(others, ways),
    )
    few, room = carray(still, sizes[2]), carray(scratch, (2, trials))
    here, there = room[0], room[1]
    best_inside, best_outside = carray(inside, (2, ways)), carray(outside, (2, ways))
    ranks = carray(twice_rank, (2, ways))
    for way in range(ways):
        back = ways - 1 - way
        _ratios(here, sums, more, way, days[way], few, rounding)
        _ratios(there, sums_there, more_there, back, days_there[back], few, rounding)
        best_inside[0, way], best_outside[0, way], ranks[0, way] = _ranked(here, there, equal, rounding)
        best_inside[1, way], best_outside[1, way], ranks[1, way] = _ranked(there, here, equal, rounding)
