"""Cases that a component leaves bars alone and is causal: what comes after, or before the warm-up, changes no row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from quantsail_framework.causality import Columns, first_difference, other_future
from quantsail_framework.domain.bars import Bars, utc_text
from quantsail_framework.testing.contract import expect

COLUMNS = ("time", "open", "high", "low", "close", "volume")

Compute = Callable[[Bars], Columns]


def check_causal(compute: Compute, market: str, bars: Bars, cuts: Iterable[int], dress: Callable[[Bars], Bars]) -> None:
    """Raise ContractError when a row up to a cut changes once the bars after it are removed or get other prices.

    ``dress`` adds what belongs to bars beside their columns (informative series).
    """
    whole = compute(bars)
    for cut in cuts:
        seen = {name: column[: cut + 1] for name, column in whole.items()}
        removed = compute(bars.slice(0, cut + 1))
        _compare(seen, removed, bars, market, f"the bars after {cut} are removed")
        replaced = compute(dress(other_future(bars, cut, seed=cut)))
        replaced = {name: column[: cut + 1] for name, column in replaced.items()}
        _compare(seen, replaced, bars, market, f"the bars after {cut} have other prices")


def check_warmup(compute: Compute, market: str, bars: Bars, starts: Iterable[int], warmup: int) -> None:
    """Raise ContractError when a row ``warmup`` or more bars into a history depends on where that starts."""
    whole = compute(bars)
    for start in starts:
        first = start + warmup
        longer = {name: column[first:] for name, column in whole.items()}
        shorter = {name: column[warmup:] for name, column in compute(bars.slice(start, len(bars))).items()}
        _compare(longer, shorter, bars, market, f"the history starts at bar {start}", first)


def column_copies(bars: Bars) -> dict[str, np.ndarray[Any, Any]]:
    """Every column as it is now, for ``expect_columns``."""
    return {column: getattr(bars, column).copy() for column in COLUMNS}


def expect_columns(who: str, before: Mapping[str, np.ndarray[Any, Any]], bars: Bars, market: str) -> None:
    """Raise ContractError when ``bars`` no longer has the columns of ``before``, or one can be written to."""
    for column, old in before.items():
        array = getattr(bars, column)
        expect(np.array_equal(array, old), f"{who} changed bars.{column} of the {market} market")
        expect(not array.flags.writeable, f"{who} made bars.{column} of the {market} market writeable")


def _compare(left: Columns, right: Columns, bars: Bars, market: str, change: str, offset: int = 0) -> None:
    place = first_difference(left, right)
    if place is None:
        return
    row, name = place
    sizes = len(left[name]), len(right[name])
    expect(sizes[0] == sizes[1], f"{name} has {sizes[0]} values and {sizes[1]} on the {market} market when {change}")
    where = f"{name}[{row + offset}] ({utc_text(int(bars.time[row + offset]))}) on the {market} market"
    expect(False, f"{where} is {left[name][row]:.12g}, and {right[name][row]:.12g} when {change}")
