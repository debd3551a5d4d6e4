"""What numba is given to compile: the loop, and components' functions, each behind an entry that the loop can call.

Importing this imports numba. Every entry has four pointers: the component's numbers, what is asked, the account, and
the answer; and returns a whole number.
"""

from __future__ import annotations

from importlib import import_module
from types import FunctionType
from typing import Any

from numba import carray, cfunc, from_dtype, njit, types

from quantsail_framework.compiled.layout import ANSWER, FILL
from quantsail_framework.compiled.loop import SIGNATURE, simulate
from quantsail_framework.compiled.machine import used
from quantsail_framework.ports.compiled import ACCOUNT, REQUEST


def loop() -> tuple[str, str]:
    """LLVM's assembly of the loop, and its name there."""
    return _assembly(SIGNATURE, simulate)


def kernel(module: str) -> tuple[str, str]:
    """The same of a module's ``kernel``, by its ``SIGNATURE``."""
    found = import_module(module)
    return _assembly(found.SIGNATURE, found.kernel)


def component(kind: str, function: Any) -> tuple[str, str]:
    """The same of a component's function; ``kind`` is costs, size, check or trip."""
    entry, asked, answer = _ENTRIES[kind]
    pointers = (
        types.CPointer(from_dtype(record)) for record in (asked, ACCOUNT if asked is REQUEST else asked, answer)
    )
    return _assembly(types.int64(types.CPointer(types.float64), *pointers), entry(_compilable(function)))


def _compilable(function):
    """``function`` for numba, which takes no plain functions from the top of a module: they become compilable too."""
    functions = {name: _compilable(value) for name, value in used(function).items() if isinstance(value, FunctionType)}
    own = FunctionType(function.__code__, {**function.__globals__, **functions}, function.__name__)
    return njit(error_model="numpy")(own)


def _assembly(signature, function):
    made = cfunc(signature, error_model="numpy")(function)
    return made.inspect_llvm(), made.native_name


def _costs(function):
    def entry(numbers, asked, _again, answer):
        fill, paid = carray(asked, 1)[0], carray(answer, 1)[0]
        fee, spread, slippage = function(numbers, fill.side, fill.quantity, fill.price, fill.maker != 0.0)
        paid.fee, paid.spread, paid.slippage = fee, spread, slippage
        return 0

    return entry


def _size(function):
    def entry(numbers, asked, account, answer):
        quantity, bound_by = function(numbers, carray(asked, 1)[0], carray(account, 1)[0])
        carray(answer, 1)[0].first = quantity
        return bound_by

    return entry


def _check(function):
    def entry(numbers, asked, account, answer):
        refused, limit, value = function(numbers, carray(asked, 1)[0], carray(account, 1)[0])
        answered = carray(answer, 1)[0]
        answered.first, answered.second = limit, value
        return 1 if refused else 0

    return entry


def _trip(function):
    def entry(numbers, account, _again, answer):
        tripped, limit, value = function(numbers, carray(account, 1)[0])
        answered = carray(answer, 1)[0]
        answered.first, answered.second = limit, value
        return 1 if tripped else 0

    return entry


_ENTRIES = {
    "costs": (_costs, FILL, FILL),
    "size": (_size, REQUEST, ANSWER),
    "check": (_check, REQUEST, ANSWER),
    "trip": (_trip, ACCOUNT, ANSWER),
}
