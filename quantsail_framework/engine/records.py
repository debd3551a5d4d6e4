"""What a run leaves behind, as tables: trades, equity curve, refusals; and the identities they must obey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from quantsail_framework.domain.bars import Bars, Floats, Ints, utc_text
from quantsail_framework.domain.result import Table
from quantsail_framework.domain.signals import side_name
from quantsail_framework.domain.trade import Trade
from quantsail_framework.engine.account import Account, ClosedTrade
from quantsail_framework.engine.desk import RefusalRow
from quantsail_framework.engine.market import MarketData, all_moments
from quantsail_framework.errors import AccountingError

_TOLERANCE = 1e-9


@attrs.frozen(eq=False)
class Simulation:
    """The tables of one run, as in the run folder, and its last cash."""

    trades: Table
    equity: Table
    refusals: Table
    final_cash: float


def record(account: Account, refusals: Sequence[RefusalRow], data: MarketData) -> Simulation:
    """The tables of a finished run. Raises AccountingError when its money does not add up."""
    _check_total(account)
    trades = trades_table(account.trades, data.bars)
    _check_prices(trades, data.bars)
    return Simulation(trades, equity_table(account, trades, data), refusals_table(refusals), account.cash)


def _check_total(account: Account) -> None:
    """Sum of trade nets = final cash - capital; nothing is left open."""
    if account.positions or account.pending:
        raise AccountingError(f"the run ended with {sorted([*account.positions, *account.pending])} still open")
    net, moved = sum(account.closed_net_pnl), account.cash - account.capital
    if not abs(net - moved) <= _TOLERANCE * _scale(account):
        raise AccountingError(f"the trades net {net!r} but cash moved by {moved!r}")


def _scale(account: Account) -> float:
    """The size of the account: what a relative error is relative to."""
    return max(account.capital, *(abs(cash) for _, cash in account.flow)) if account.flow else account.capital


def _check_prices(trades: Table, bars: Mapping[str, Bars]) -> None:
    """Every fill lies inside the last bar that had opened by then."""
    for symbol in dict.fromkeys(trades["symbol"].tolist()):
        own, series = trades["symbol"] == symbol, bars[symbol]
        for leg in ("entry", "exit"):
            rows = series.time.searchsorted(trades[f"{leg}_time"][own], side="right") - 1
            price = trades[f"{leg}_price"][own]
            off = ~((series.low[rows] <= price) & (price <= series.high[rows]))
            if off.any():
                k = int(np.argmax(off))
                low, high, when = series.low[rows[k]], series.high[rows[k]], utc_text(int(series.time[rows[k]]))
                raise AccountingError(
                    f"{symbol}: an {leg} at {price[k]!r} lies outside the bar of {when}, {low!r} to {high!r}"
                )


# Trades.

_TRADE_COLUMNS: Mapping[str, type] = {
    "symbol": object,
    "side": object,
    "signal_time": np.int64,
    "entry_time": np.int64,
    "exit_time": np.int64,
    "entry_price": np.float64,
    "exit_price": np.float64,
    "stop": np.float64,
    "target": np.float64,
    "quantity": np.float64,
    "gross_pnl": np.float64,
    "fees": np.float64,
    "spread": np.float64,
    "slippage": np.float64,
    "net_pnl": np.float64,
    "exit_reason": object,
    "equity_at_entry": np.float64,
    "risk": np.float64,
    "bound_by": object,
    "mae": np.float64,
    "mfe": np.float64,
    "ambiguous": np.bool_,
    "confidence": np.float64,
    "reason": object,
}


def trades_table(trades: Sequence[ClosedTrade], bars: Mapping[str, Bars]) -> Table:
    """One row per trade in the order in which they ended."""
    noted = (
        dict(zip(ClosedTrade._fields, zip(*trades, strict=True), strict=True))
        if trades
        else dict.fromkeys(ClosedTrade._fields, ())
    )
    worst, best = _excursions(noted, bars)
    columns = {
        **noted,
        "side": [side_name(side) for side in noted["side"]],
        "mae": worst,
        "mfe": best,
        "reason": [why if isinstance(why, str) else why() for why in noted["why"]],
    }
    return {name: np.array(columns[name], dtype=dtype) for name, dtype in _TRADE_COLUMNS.items()}


def trade_of(trade: ClosedTrade, bars: Bars) -> Trade:
    """One closed trade as a value, for observers."""
    row = {name: column[0] for name, column in trades_table([trade], {bars.symbol: bars}).items()}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
    plain["target"] = trade.target
    return Trade(**plain)


def _excursions(noted: Mapping[str, Sequence[Any]], bars: Mapping[str, Bars]) -> tuple[Floats, Floats]:
    """Worst and best move of each trade as positive fractions of its entry price.

    The bars from the entry to the one before the exit count whole; of the exit bar only the exit
    price, or all of it when the trade ended at its close.
    """
    entry, exit_ = np.array(noted["entry_price"], dtype=float), np.array(noted["exit_price"], dtype=float)
    lowest, highest = exit_.copy(), exit_.copy()
    entered, left = np.array(noted["entry_time"], dtype=np.int64), np.array(noted["exit_time"], dtype=np.int64)
    at_close = np.array(noted["at_close"], dtype=bool)
    symbols = np.array(noted["symbol"], dtype=object)
    for symbol in dict.fromkeys(noted["symbol"]):
        own, series = np.flatnonzero(symbols == symbol), bars[symbol]
        start = series.time.searchsorted(entered[own])
        stop = series.time.searchsorted(left[own], side="right") - 1 + at_close[own]
        whole = stop > start
        edges = np.column_stack([start[whole], stop[whole]]).ravel()
        if len(edges):
            if edges[-1] == len(series):  # only the last can reach the end, where reduceat wants no edge
                edges = edges[:-1]
            low, high = np.minimum.reduceat(series.low, edges)[::2], np.maximum.reduceat(series.high, edges)[::2]
            rows = own[whole]
            lowest[rows], highest[rows] = np.minimum(lowest[rows], low), np.maximum(highest[rows], high)
    long = np.array(noted["side"], dtype=np.int64) > 0
    worst = np.where(long, entry - lowest, highest - entry) / entry
    best = np.where(long, highest - entry, entry - lowest) / entry
    return np.maximum(worst, 0.0), np.maximum(best, 0.0)


# Equity.


def equity_table(account: Account, trades: Table, data: MarketData) -> Table:
    """Equity, cash and gross exposure at every close from the start of the result on.

    Raises AccountingError when cash + marked positions differs from capital + profits at any bar.
    """
    moments = all_moments([bars.time for bars in data.bars.values()])
    times = np.array([time for time, _ in account.flow], dtype=np.int64)
    after = np.array([cash for _, cash in account.flow], dtype=np.float64)
    _check_flow(account, trades, times, after)
    cash = _steps(moments, times, after, account.capital)
    equity, exposure = cash.copy(), np.zeros(len(moments))
    for symbol in dict.fromkeys(trades["symbol"].tolist()):
        own = trades["symbol"] == symbol
        value = _holding({name: trades[name][own] for name in ("entry_time", "exit_time", "side", "quantity")}, moments)
        value *= _last_closes(data.bars[symbol], moments)
        equity += value
        exposure += np.abs(value, out=value)
    first = int(moments.searchsorted(data.start_ns))
    return {"time": moments[first:], "equity": equity[first:], "cash": cash[first:], "exposure": exposure[first:]}


def _check_flow(account: Account, trades: Table, times: Ints, after: Floats) -> None:
    """Cash after the fills of every bar = capital + net of what has ended - what open positions cost.

    Both sides of "cash + positions = capital + profits" hold the same positions at the same closes, so
    that they agree between fills follows from their agreeing after each.
    """
    if not len(times):
        return
    signed = np.where(trades["side"] == "long", trades["quantity"], -trades["quantity"])
    paid = signed * trades["entry_price"] + np.array([trade.entry_costs for trade in account.trades])
    moves = np.concatenate((-paid, paid + trades["net_pnl"]))
    when = np.concatenate((trades["entry_time"], trades["exit_time"]))
    order = np.argsort(when, kind="stable")
    last = np.append(np.diff(times) > 0, True)  # the last fill of each bar
    expected = account.capital + np.cumsum(moves[order])[last]
    off = ~(np.abs(after[last] - expected) <= _TOLERANCE * _scale(account))
    if off.any():
        k = int(np.argmax(off))
        place, has, wants = utc_text(int(times[last][k])), float(after[last][k]), float(expected[k])
        raise AccountingError(f"after the fills of {place} cash is {has!r}, capital and profits make {wants!r}")


def _steps(moments: Ints, times: Ints, values: Floats, before: float) -> Floats:
    """A step function at ``moments``: the last of ``values`` whose time is not later, or ``before``."""
    at = moments.searchsorted(times)
    edges = np.concatenate(([0], at, [len(moments)]))
    return np.repeat(np.concatenate(([before], values)), np.diff(edges))


def _holding(trades: Table, moments: Ints) -> Floats:
    """Signed quantity of one symbol held at each close."""
    over = trades["entry_time"] < trades["exit_time"]
    signed = np.where(trades["side"] == "long", trades["quantity"], -trades["quantity"])[over]
    times = np.column_stack([trades["entry_time"][over], trades["exit_time"][over]]).ravel()
    return _steps(moments, times, np.column_stack([signed, np.zeros(len(signed))]).ravel(), 0.0)


def _last_closes(bars: Bars, moments: Ints) -> Floats:
    """The last close of ``bars`` at each moment; the first close before there is one (nothing is held then)."""
    if len(bars) == len(moments):
        return bars.close
    rows = bars.time.searchsorted(moments, side="right") - 1
    return bars.close[np.maximum(rows, 0)]


# Refusals.


def refusals_table(rows: Sequence[RefusalRow]) -> Table:
    """One row per refused entry, in the order in which they were refused."""
    times, symbols, sides, rules, limits, values, prices, texts = zip(*rows, strict=True) if rows else ((),) * 8
    return {
        "time": np.array(times, dtype=np.int64),
        "symbol": np.array(symbols, dtype=object),
        "side": np.array([side_name(side) for side in sides], dtype=object),
        "rule": np.array(rules, dtype=object),
        "limit": _numbers(limits),
        "value": _numbers(values),
        "price": _numbers(prices),
        "text": np.array(texts, dtype=object),
    }


def _numbers(values: Sequence[float | None]) -> Floats:
    """None and what is not finite become NaN, which the run folder writes as null."""
    numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers
