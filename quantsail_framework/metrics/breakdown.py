"""Trades summed by symbol, exit reason, side and month."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.result import Column, Table
from quantsail_framework.metrics.undefined import Undefined, finite

Integers = npt.NDArray[np.int64]
Breakdown = dict[str, dict[str, Any]]


def by_column(trades: Table, column: str) -> Breakdown:
    """Trades per value of a text column, in the order of first appearance.

    Per value: total_trades, winners, losers, win_rate (fraction), total_net_pnl, avg_trade_pnl,
    total_fees, total_spread, total_slippage (quote currency).
    """
    labels, codes = _factorise(trades[column])
    groups = dict(zip(labels, _sums(trades, codes, len(labels)), strict=True))
    for group in groups.values():
        group["win_rate"] = group["winners"] / group["total_trades"]
        group["avg_trade_pnl"] = group["total_net_pnl"] / group["total_trades"]
    return groups


def by_month(trades: Table, equity: Table, capital: float) -> tuple[Breakdown, dict[str, str]]:
    """Every calendar month (UTC) with bars, as ``"2024-01"``, and why a ``total_return`` is None.

    A trade counts in the month of its exit bar's open. Per month the sums of ``by_column`` and
    ``total_return``: equity at the month's last point / at the previous month's - 1, from
    ``capital``; a fraction, None once a month starts with equity at or below zero.
    """
    time, exits = equity["time"], trades["exit_time"]
    known = np.concatenate((time[:1], time[-1:], exits))
    if not known.size:
        return {}, {}
    first, last = np.array([known.min(), known.max()]).astype("datetime64[ns]").astype("datetime64[M]")
    months = np.arange(first, last + np.timedelta64(1, "M"))
    edges = months.astype("datetime64[ns]").astype(np.int64)
    sums = _sums(trades, np.searchsorted(edges, exits, side="right") - 1, months.size)
    upto = np.append(np.searchsorted(time, edges[1:], side="left"), time.size)
    marks = [capital, *(float(equity["equity"][i - 1]) if i else capital for i in upto.tolist())]
    groups: Breakdown = {}
    undefined: dict[str, str] = {}
    bars = np.diff(upto, prepend=0).tolist()
    for index, label in enumerate(months.astype(str).tolist()):
        if bars[index] or sums[index]["total_trades"]:
            change = _change(marks[index], marks[index + 1])
            groups[label] = sums[index] | {"total_return": None if isinstance(change, Undefined) else change}
            if isinstance(change, Undefined):
                undefined[f"{label}.total_return"] = change.reason
    return groups, undefined


def _change(start: float, end: float) -> float | Undefined:
    if start <= 0:
        return Undefined("the month started without equity")
    return finite(end / start - 1.0)


def _factorise(column: Column) -> tuple[list[str], Integers]:
    # One dictionary look-up a row: np.unique would sort Python strings, 20 times slower.
    codes: defaultdict[str, int] = defaultdict()
    codes.default_factory = codes.__len__
    values = np.fromiter(map(codes.__getitem__, column.tolist()), np.int64, column.size)
    return list(codes), values


def _sums(trades: Table, codes: Integers, size: int) -> list[dict[str, Any]]:
    net = trades["net_pnl"]
    columns = {
        "total_trades": np.bincount(codes, minlength=size),
        "winners": np.bincount(codes[net > 0], minlength=size),
        "losers": np.bincount(codes[net < 0], minlength=size),
        "total_net_pnl": np.bincount(codes, net, size),
        "total_fees": np.bincount(codes, trades["fees"], size),
        "total_spread": np.bincount(codes, trades["spread"], size),
        "total_slippage": np.bincount(codes, trades["slippage"], size),
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
