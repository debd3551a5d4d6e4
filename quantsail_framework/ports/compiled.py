"""The compiled form of a cost model, a sizer or a risk rule: what it does once more, as a function that numba compiles.

It is optional. A run whose cost model, sizer and rules all have one is simulated by a compiled loop, where the extra
``fast`` is installed; the plain component is what counts, and the loop must come to the same bits. A component offers
it by a method ``compiled()`` that returns one of the classes below, or None where its options have no compiled form.

A ``function`` is a plain function at the top of a module. It may use its arguments, numbers at the top of that module,
``math``, and other such functions; it can neither raise nor make objects other than tuples. ``numbers`` are its
component's options, or what follows from them, as floats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

# What ``request`` has, each a float. As the sizer is asked, what follows from the quantity is 0. ``target`` is NaN
# where there is none, and so is ``target_costs``, which is what leaving at the target would cost as a maker;
# ``entry_costs`` is what entering at the close would cost as a taker. For the rest see Request.
REQUEST = np.dtype(
    [
        (name, np.float64)
        for name in (
            *("side", "price", "stop", "target", "confidence"),
            *("quantity", "notional", "risk", "entry_costs", "target_costs"),
        )
    ]
)
# What ``account`` has, each a float; see Portfolio.
ACCOUNT = np.dtype(
    [
        (name, np.float64)
        for name in (
            "capital",
            "cash",
            "equity",
            "available",
            "exposure",
            "open_count",
            "trades_today",
            "realised_today",
        )
    ]
)


class CompiledCosts(NamedTuple):
    """``function(numbers, side, quantity, price, maker)`` returns fee, spread and slippage, in quote currency.

    ``side`` is 1.0 for a buy and -1.0 for a sale; ``maker`` is true or false.
    """

    function: Callable[..., Any]
    numbers: Sequence[float] = ()


class CompiledSizer(NamedTuple):
    """``function(numbers, request, account)`` returns a quantity and what decided it: an index into ``bound_by``.

    ``min_notional`` is that of the sizer, in quote currency.
    """

    function: Callable[..., Any]
    numbers: Sequence[float]
    bound_by: Sequence[str]
    min_notional: float = 0.0


class CompiledRule(NamedTuple):
    """``function(numbers, request, account)`` returns whether it refuses, the limit and the value.

    ``text(limit, value)`` words the refusal. A breaker that watches trades and only refuses has ``trip``: the same
    question, ``trip(numbers, account)``, asked after a trade has ended; ``lasts`` is how long it trips: nanoseconds,
    or ``day`` until the trading day ends.
    """

    function: Callable[..., Any]
    numbers: Sequence[float]
    text: Callable[[float, float], str]
    trip: Callable[..., Any] | None = None
    lasts: int | Literal["day"] = "day"
