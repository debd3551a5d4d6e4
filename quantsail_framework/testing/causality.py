"""Compares columns of two computations row by row, to find where one saw what it must not see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.bars import Bars, utc_text
from quantsail_framework.testing.contract import expect
from quantsail_framework.testing.markets import other_future

TOLERANCE = 1e-9

Column = npt.NDArray[np.float64]
Columns = Mapping[str, Column]
Compute = Callable[[Bars], Columns]


def first_difference(left: Columns, right: Columns) -> tuple[int, str] | None:
    """The first row in which two sets of columns differ, and the column; None when they agree.

    Numbers agree within 1e-9 of the larger one or of the column's median size; NaN agrees with NaN.
    """
    found = [(row, name) for name in left for row in _differing(left[name], right[name])[:1]]
    return min(found, key=lambda place: place[0]) if found else None


def _differing(left: Column, right: Column) -> list[int]:
    if left.shape != right.shape:
        return [0]
    size = np.fmax(np.abs(left), np.abs(right))
    known = size[np.isfinite(size)]
    floor = float(np.median(known)) if len(known) else 0.0
    with np.errstate(invalid="ignore"):
        close = np.isfinite(size) & (np.abs(left - right) <= TOLERANCE * np.fmax(size, floor))
    same = close | (left == right) | (np.isnan(left) & np.isnan(right))
    rows: list[int] = np.flatnonzero(~same).tolist()
    return rows


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


def _compare(left: Columns, right: Columns, bars: Bars, market: str, change: str, offset: int = 0) -> None:
    place = first_difference(left, right)
    if place is None:
        return
    row, name = place
    sizes = len(left[name]), len(right[name])
    expect(sizes[0] == sizes[1], f"{name} has {sizes[0]} values and {sizes[1]} on the {market} market when {change}")
    where = f"{name}[{row + offset}] ({utc_text(int(bars.time[row + offset]))}) on the {market} market"
    expect(False, f"{where} is {left[name][row]:.12g}, and {right[name][row]:.12g} when {change}")
