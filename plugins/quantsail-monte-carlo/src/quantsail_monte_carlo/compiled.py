"""Shuffles and bootstraps in machine code, where the extra ``fast`` is there: draw for draw those of ``paths``."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from quantsail_framework.compiled.choice import kernel
from quantsail_framework.domain.bars import Floats
from quantsail_monte_carlo.draws import FAN_DRAWS, Draws, fan_of, fan_steps

# Trades drawn per test from which loading the machine code, a tenth of a second, is worth it, and from which making it
# is, once on a machine: it takes three seconds, half of which two such tests save.
LOAD_FROM = 5_000_000
MAKE_FROM = 50_000_000
_MODULE = "quantsail_monte_carlo.kernel"
_AT_ONCE = 1 << 20  # trades drawn between two looks at Ctrl-C
_BITS = 1 << 10  # draws of 32 bits ahead
_WORD = (1 << 64) - 1
Machine = Callable[..., None]

_log = logging.getLogger(__name__)


def machine_for(trades: int, draws: int, tell: Callable[[str], None]) -> Machine | None:
    """The machine code for so many draws; None where plain NumPy is sooner, or the only way.

    ``tell`` is called before it is made, once on a machine.
    """
    drawn_trades = trades * draws
    address = kernel(_MODULE, tell, load=drawn_trades >= LOAD_FROM, make=drawn_trades >= MAKE_FROM)
    return None if address is None else _machine_at(address)


@cache
def _machine_at(address: int) -> Machine | None:
    """What is called there; None where it draws otherwise than NumPy, which is told once."""
    machine: Machine = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 10)(address)
    if not draws_as_numpy(machine):
        _log.warning("this NumPy draws otherwise than the machine code, which is not used")
        return None
    return machine


def draws_as_numpy(machine: Machine) -> bool:
    """Whether both draw the same, tried on a few returns: another release of NumPy may shuffle in another way."""
    returns, tries = np.linspace(-0.5, 0.5, 17), 3
    for replace in (False, True):
        own, random = np.random.default_rng(1), np.random.default_rng(1)
        if not isinstance(own.bit_generator, np.random.PCG64):
            return False
        found = drawn(machine, "", returns, tries, own, replace=replace, additive=False)
        for fall in found.max_drawdown.tolist():  # which depends on the order
            path = returns.take(random.integers(0, 17, 17)) if replace else random.permuted(returns)
            equity = np.multiply.accumulate(np.append(1.0, path + 1.0))
            if fall != 1.0 - (equity / np.maximum.accumulate(equity)).min():
                return False
        if own.bit_generator.state != random.bit_generator.state:
            return False
    return True


def drawn(
    machine: Machine,
    test: str,
    returns: Floats,
    draws: int,
    random: np.random.Generator,
    *,
    replace: bool,
    additive: bool,
) -> Draws:
    """The draws that ``paths`` makes of the returns, of which there are some, with the same generator: it is then as
    far on."""
    steps, size = fan_steps(len(returns)), len(returns)
    seen, result = np.empty((min(draws, FAN_DRAWS), len(steps))), Draws.sized(test, draws)
    ends, stream = np.empty(draws), _stream(random)
    scratch = np.empty(size), np.empty(size, np.uint64), np.empty(_BITS, np.uint64)
    moves = np.ascontiguousarray(returns if additive else np.maximum(returns + 1.0, 0.0), np.float64)
    length = max(1, _AT_ONCE // size)
    for first in range(0, draws, length):
        count = min(length, draws - first)
        rows = seen[first : first + count]
        asked = np.array([size, count, replace, additive, len(steps), len(rows), _BITS], np.int64)
        outs = ends[first:], result.max_drawdown[first:], rows
        machine(*(each.ctypes.data for each in (moves, stream, asked, steps, *scratch, *outs)))
    _move(random, stream)
    np.subtract(ends, 1.0, out=result.total_return)
    np.less_equal(ends, 0.0, out=result.ruined)
    return result.with_fan(fan_of(steps, np.ascontiguousarray(seen.T)))


def _stream(random: np.random.Generator) -> Any:
    """State and increment of a PCG64, each as its upper and lower word; whether half a word is left, and which. Then
    the state and what was left before the bits that are drawn ahead, and how many of them are unused: none yet."""
    said: Any = random.bit_generator.state
    state, increment = ([said["state"][name] >> 64, said["state"][name] & _WORD] for name in ("state", "inc"))
    half = [said["has_uint32"], said["uinteger"]]
    return np.array([*state, *increment, *half, *state, *half, 0], np.uint64)


def _move(random: np.random.Generator, stream: Any) -> None:
    """The generator to where the draws are: past the bits that they used."""
    high, low, _, _, has, left, *before, unused = stream.tolist()
    if unused:
        high, low, has, left = before
    said: Any = random.bit_generator.state
    said["state"]["state"] = high << 64 | low
    random.bit_generator.state = {**said, "has_uint32": has, "uinteger": left}
    if unused:
        random.integers(0, 1 << 32, _BITS - unused, np.uint32)
