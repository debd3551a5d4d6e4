"""How the compiled loop reaches columns and components' functions, by address; and how it rounds to ticks and lots."""

from __future__ import annotations

from math import floor

from llvmlite import ir
from numba import njit as numba_njit
from numba import types
from numba.extending import intrinsic

_EXACT = 1e15  # whole numbers below are exact, and no two decimals of so many digits are one float

njit = numba_njit(error_model="numpy")  # a division by zero raises nothing


def _column_of(item):
    """A function that makes an address a column of ``item``."""

    @intrinsic
    def column(_context, _address):
        pointer = types.CPointer(item)

        def generate(context, builder, signature, arguments):
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return pointer(types.int64), generate

    return column


ints, floats, flags = (_column_of(item) for item in (types.int64, types.float64, types.int8))


@intrinsic
def call(_context, _address, numbers, asked, account, answer):
    """The component's function at ``address``, see ``machine``: it fills ``answer`` and returns a whole number."""

    def generate(_context, builder, _signature, arguments):
        address, *pointers = arguments
        function = ir.FunctionType(ir.IntType(64), [pointer.type for pointer in pointers])
        return builder.call(builder.inttoptr(address, function.as_pointer()), pointers)

    return types.int64(types.int64, numbers, asked, account, answer), generate


@njit
def floor_to(run, value, step, per):
    """The multiple of ``step / per`` at or below ``value``, which counts as the decimal that it prints as.

    Both are whole, ``per`` a power of ten: the quotient of exact numbers is rounded once, as the decimal would be.
    """
    if step == 0.0:
        return value
    n = floor(value * per / step)
    if not abs(n * step) + step < _EXACT:
        run.failed = 1
        return value
    while n * step / per > value:
        n -= 1.0
    while (n + 1.0) * step / per <= value:
        n += 1.0
    return n * step / per


@njit
def ceil_to(run, value, step, per):
    """The multiple of ``step / per`` at or above ``value``."""
    return -floor_to(run, -value, step, per) if step != 0.0 else value
