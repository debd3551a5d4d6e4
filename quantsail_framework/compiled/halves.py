"""The halves of the probability of overfitting in machine code, where the extra ``fast`` is there."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial

import numpy as np

from quantsail_framework.compiled.choice import kernel
from quantsail_framework.metrics import halves
from quantsail_framework.metrics.halves import EQUAL, Ints, Judge, Judged, Side
from quantsail_framework.metrics.undefined import ROUNDING

# Trials of a search from which loading the machine code is worth it, and from which making it is, once on a machine:
# the 12,870 halves of a thousand trials take NumPy 120 ms, machine code 40.
LOAD_FROM = 300
MAKE_FROM = 4_000
_MODULE = "quantsail_framework.compiled.halves_kernel"


def judge_for(trials: int, tell: Callable[[str], None]) -> Judge:
    """What judges the halves of so many trials: machine code, or plain NumPy where that is sooner, or the only way.

    ``tell`` is called before machine code is made, once on a machine.
    """
    address = kernel(_MODULE, tell, load=trials >= LOAD_FROM, make=trials >= MAKE_FROM)
    if address is None:
        return halves.judged
    return partial(_judged, ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(address))


def _judged(machine: Callable[..., None], first: Side, second: Side, still: Ints) -> Judged:
    ways, trials = first.own.shape[1:]
    found, scratch = Judged.sized(ways), np.empty((2, trials))
    asked, limits = np.array([ways, trials, len(still)], np.int64), np.array([EQUAL, ROUNDING])
    sides = (each for side in (first, second) for each in (side.common, side.own, side.periods))
    outs = found.inside, found.outside, found.twice_rank
    machine(*(each.ctypes.data for each in (asked, limits, *sides, still, scratch, *outs)))
    return halves.scaled(found, first, second)
