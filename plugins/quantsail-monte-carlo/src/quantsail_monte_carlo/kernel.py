"""The draws of ``paths`` once more, for numba: the same numbers from the same generator, and equity along the way.

Imported only to be compiled. ``stream`` is the state of a PCG64, see ``_stream`` in ``compiled``. Its bits are drawn
ahead, so that one loop makes them and another, without a branch that a processor would have to guess, uses them.
Sources: O'Neill, PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms, 2014 (the generator);
Lemire, Fast Random Integer Generation in an Interval, 2019 (draws with replacement); Durstenfeld, Algorithm 235, 1964
(shuffles).
"""

from __future__ import annotations

from math import inf, isnan, nan

from llvmlite import ir
from numba import carray, njit, types
from numba.extending import intrinsic

_FLOATS, _INTS, _WORDS = (types.CPointer(item) for item in (types.float64, types.int64, types.uint64))
SIGNATURE = types.void(_FLOATS, _WORDS, _INTS, _INTS, _FLOATS, _WORDS, _WORDS, _FLOATS, _FLOATS, _FLOATS)
_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645  # of PCG64
_LOW = 0xFFFFFFFF


@intrinsic
def _stepped(_context, _high, _low, _inc_high, _inc_low):
    """The two words of the next state, and the 64 random bits that it gives: XSL-RR."""

    def generate(context, builder, signature, arguments):
        word, wide = ir.IntType(64), ir.IntType(128)
        half = ir.Constant(wide, 64)

        def joined(high, low):
            return builder.or_(builder.shl(builder.zext(high, wide), half), builder.zext(low, wide))

        multiplied = builder.mul(joined(*arguments[:2]), ir.Constant(wide, _MULTIPLIER))
        state = builder.add(multiplied, joined(*arguments[2:]))
        high, low = builder.trunc(builder.lshr(state, half), word), builder.trunc(state, word)
        mixed, turn = builder.xor(high, low), builder.lshr(high, ir.Constant(word, 58))
        back = builder.and_(builder.neg(turn), ir.Constant(word, 63))
        bits = builder.or_(builder.lshr(mixed, turn), builder.shl(mixed, back))
        return context.make_tuple(builder, signature.return_type, [high, low, bits])

    return types.UniTuple(types.uint64, 3)(*[types.uint64] * 4), generate


@njit(error_model="numpy")
def _next(high, low, inc_high, inc_low, has, kept):
    """The next 32 random bits with the state after them: of 64 the lower half comes first, the upper is kept."""
    if has != types.uint64(0):
        return kept, high, low, types.uint64(0), kept
    high, low, bits = _stepped(high, low, inc_high, inc_low)
    return bits & types.uint64(_LOW), high, low, types.uint64(1), bits >> types.uint64(32)


@njit(error_model="numpy")
def _fill(bits, stream):
    """So many draws of 32 bits. The stream moves on past them, and remembers where it was."""
    high, low, inc_high, inc_low, has, kept = stream[0], stream[1], stream[2], stream[3], stream[4], stream[5]
    stream[6], stream[7], stream[8], stream[9] = high, low, has, kept
    for i in range(len(bits)):
        bits[i], high, low, has, kept = _next(high, low, inc_high, inc_low, has, kept)
    stream[0], stream[1], stream[4], stream[5] = high, low, has, kept


@njit(error_model="numpy")
def _drawn(returns, path, bits, at, stream):
    """Each place one of all returns: what ``Generator.integers`` draws. Gives how many of the bits are used then."""
    low_half, half, size = types.uint64(_LOW), types.uint64(32), types.uint64(len(returns))
    least = (low_half + types.uint64(1) - size) % size
    if size == types.uint64(1):  # nothing to draw
        path[0] = returns[0]
        return at
    place, room = types.uint64(0), types.uint64(len(bits))
    while place < size:
        if at == room:
            _fill(bits, stream)
            at = types.uint64(0)
        end = min(room, at + size - place)
        for i in range(at, end):
            scaled = bits[i] * size
            path[place] = returns[scaled >> half]
            place += types.uint64(scaled & low_half >= least)
        at = end
    return at


@njit(error_model="numpy")
def _shuffled(returns, path, picks, bits, at, stream):
    """Every return once: what ``Generator.permuted`` makes. Gives how many of the bits are used then.

    A pick above ``last`` is overwritten by the next.
    """
    one, room = types.uint64(1), types.uint64(len(bits))
    last, mask = types.uint64(len(path)) - one, types.uint64(_LOW)
    while last > types.uint64(0):
        while mask >> one >= last:
            mask >>= one
        if at == room:
            _fill(bits, stream)
            at = types.uint64(0)
        end = min(room, at + last - (mask >> one))  # as long as the mask stays
        for i in range(at, end):
            pick = bits[i] & mask
            picks[last] = pick
            last -= types.uint64(pick <= last)
        at = end
    for i in range(len(path)):
        path[i] = returns[i]
    for i in range(types.uint64(len(path)) - one, types.uint64(0), -1):
        pick = picks[i]
        path[i], path[pick] = path[pick], path[i]
    return at


@njit(error_model="numpy")
def _walk(path, additive, steps, seen):
    """Equity at the end as a multiple of capital, and the largest fall: as ``equity_of`` and ``drawdown_of`` have them.

    ``path``: what each trade adds, or with what it multiplies. ``seen``, where there is room in it, takes the equity at
    each of the ``steps``. Equity that overflows has no fall, there as here: a peak is infinite then, or
    the equity is no number any more.
    """
    equity = peak = lowest = 1.0
    total, gone = 0.0, False
    if len(seen):
        seen[0] = 1.0
    for step in range(1, len(steps)):
        for i in range(steps[step - 1], steps[step]):
            if additive:
                total += path[i]
                equity = total + 1.0
                gone = gone or equity <= 0.0
                equity = 0.0 if gone else equity
            else:
                equity *= path[i]
            peak = max(peak, equity)
            left = equity / peak
            lowest = min(lowest, left)
        if len(seen):
            seen[step] = equity
    return equity, 1.0 - lowest if peak < inf and not isnan(equity) else nan


def kernel(returns, stream, asked, steps, path, picks, bits, ends, falls, seen):
    """So many draws into ``ends`` and ``falls``. ``returns``: of each trade, or with ``additive`` off its growth.

    ``asked``: trades, draws, whether with replacement, whether additive, steps of the fan, draws that ``seen`` takes,
    the row of each being its steps; how many bits there is room for. ``path``, ``picks``: scratch, as long as the
    returns. ``bits``: random ones, drawn ahead, of which the stream says how many are left.
    """
    words = carray(asked, 7)
    size, count, replace, additive, n_steps, kept = words[0], words[1], words[2], words[3], words[4], words[5]
    chosen, own, picked, state = carray(returns, size), carray(path, size), carray(picks, size), carray(stream, 11)
    ended, fallen, drawn = carray(ends, count), carray(falls, count), carray(bits, words[6])
    at, rows = carray(steps, n_steps), carray(seen, (kept, n_steps))
    none = own[:0]
    used = types.uint64(len(drawn)) - state[10]
    for draw in range(count):
        if replace:
            used = _drawn(chosen, own, drawn, used, state)
        else:
            used = _shuffled(chosen, own, picked, drawn, used, state)
        ended[draw], fallen[draw] = _walk(own, additive != 0, at, rows[draw] if draw < kept else none)
    state[10] = types.uint64(len(drawn)) - used
