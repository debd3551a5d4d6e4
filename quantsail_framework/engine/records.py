"""What a run leaves behind, as tables: trades, equity curve, refusals; and the identities they must obey."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy as np

from quantsail_framework.domain.bars import Bars, Floats, Ints, utc_text
from quantsail_framework.domain.order import EntryOrder
from quantsail_framework.domain.result import Column, Table
from quantsail_framework.domain.signals import LONG, side_name
from quantsail_framework.domain.trade import Trade
from quantsail_framework.engine.account import Account, ClosedTrade
from quantsail_framework.engine.desk import RefusalRow
from quantsail_framework.engine.market import MarketData, all_moments
from quantsail_framework.errors import AccountingError, ComponentError

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
    flow = _flow(account)
    # What a relative error is relative to: the size of the account.
    tolerance = _TOLERANCE * max(account.capital, float(np.abs(flow[1]).max(initial=0.0)))
    _check_total(account, tolerance)
    trades = trades_table(account.trades, data.bars)
    _check_prices(trades, data.bars)
    _check_flow(account, trades, *flow, tolerance)
    return Simulation(trades, equity_table(account, trades, data, *flow), refusals_table(refusals), account.cash)


def _check_total(account: Account, tolerance: float) -> None:
    """Sum of trade nets = final cash - capital; nothing is left open."""
    if account.positions or account.pending:
        raise AccountingError(f"the run ended with {sorted([*account.positions, *account.pending])} still open")
    net, moved = sum(account.closed_net_pnl), account.cash - account.capital
    if not abs(net - moved) <= tolerance:
        raise AccountingError(f"the trades net {net!r} but cash moved by {moved!r}")


def _flow(account: Account) -> tuple[Ints, Floats]:
    """When cash moved (bar opens), and what there was of it after."""
    times, cash = zip(*account.flow, strict=True) if account.flow else ((), ())
    return np.array(times, dtype=np.int64), np.array(cash, dtype=np.float64)


def _check_prices(trades: Table, bars: Mapping[str, Bars]) -> None:
    """Every fill lies inside the last bar that had opened by then."""
    for symbol, own in _by_symbol(trades["symbol"]).items():
        series = bars[symbol]
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


def _by_symbol(symbols: Iterable[str]) -> Mapping[str, list[int]]:
    """The rows of each symbol, in order."""
    rows = defaultdict[str, list[int]](list)
    for row, symbol in enumerate(symbols):
        rows[symbol].append(row)
    return rows


def _signed(trades: Table) -> Floats:
    """Quantities, below zero for shorts."""
    quantity = trades["quantity"]
    return np.where(trades["side"] == side_name(LONG), quantity, -quantity)


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
    noted = _noted(trades)
    worst, best = _excursions(noted, bars)
    columns = {
        **noted,
        "signal_time": noted["signal_time_ns"],
        "equity_at_entry": noted["equity"],
        "side": [side_name(side) for side in noted["side"]],
        "mae": worst,
        "mfe": best,
    }
    made: dict[str, Column] = {
        name: np.array(columns[name], dtype=_TRADE_COLUMNS[name]) for name in _TRADE_COLUMNS if name != "reason"
    }
    return _Worded(made, noted["reason"])


class _Worded(Mapping[str, Column]):
    """The trades table. Its reasons are put into words when somebody reads them: a search over many runs never does."""

    def __init__(self, columns: Mapping[str, Column], reasons: Sequence[str | Callable[[], str]]) -> None:
        self._columns = columns
        self._reasons = reasons

    @cached_property
    def _reason(self) -> Column:
        words = [why if isinstance(why, str) else why() for why in self._reasons]
        for word in words:
            if not isinstance(word, str):
                raise ComponentError(f"the strategy's signals.reason answered {word!r}; it must answer with a text")
        return np.array(words, dtype=object)

    def __getitem__(self, name: str) -> Column:
        return self._reason if name == "reason" else self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_TRADE_COLUMNS)

    def __len__(self) -> int:
        return len(_TRADE_COLUMNS)


def _noted(trades: Sequence[ClosedTrade]) -> dict[str, Sequence[Any]]:
    """What was noted of each trade and its order, by column. The trade's target, in force last, hides the order's."""
    names = (*EntryOrder._fields, *ClosedTrade._fields)
    if not trades:
        return dict.fromkeys(names, ())
    own = tuple(zip(*trades, strict=True))
    orders: Sequence[EntryOrder] = own[-1]
    return dict(zip(names, (*zip(*orders, strict=True), *own), strict=True))


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
    for symbol, rows in _by_symbol(noted["symbol"]).items():
        own, series = np.array(rows), bars[symbol]
        start = series.time.searchsorted(entered[own])
        stop = series.time.searchsorted(left[own], side="right") - 1 + at_close[own]
        whole = stop > start
        edges = np.column_stack([start[whole], stop[whole]]).ravel()
        if len(edges):
            if edges[-1] == len(series):  # only the last can reach the end, where reduceat wants no edge
                edges = edges[:-1]
            low, high = np.minimum.reduceat(series.low, edges)[::2], np.maximum.reduceat(series.high, edges)[::2]
            own = own[whole]
            lowest[own], highest[own] = np.minimum(lowest[own], low), np.maximum(highest[own], high)
    long = np.array(noted["side"], dtype=np.int64) > 0
    worst = np.where(long, entry - lowest, highest - entry) / entry
    best = np.where(long, highest - entry, entry - lowest) / entry
    return np.maximum(worst, 0.0), np.maximum(best, 0.0)


# Equity.


def equity_table(account: Account, trades: Table, data: MarketData, times: Ints, after: Floats) -> Table:
    """Equity, cash and gross exposure at every close from the start of the result on.

    Cash is ``after`` from the bars on that open at ``times``.
    """
    moments = all_moments([bars.time for bars in data.bars.values()])
    cash = _steps(moments, times, after, account.capital)
    equity, exposure = cash.copy(), np.zeros(len(moments))
    entered, left, signed = trades["entry_time"], trades["exit_time"], _signed(trades)
    for symbol, own in _by_symbol(trades["symbol"]).items():
        value = _holding(entered[own], left[own], signed[own], moments)
        value *= _last_closes(data.bars[symbol], moments)
        equity += value
        exposure += np.abs(value, out=value)
    first = int(moments.searchsorted(data.start_ns))
    return {"time": moments[first:], "equity": equity[first:], "cash": cash[first:], "exposure": exposure[first:]}


def _check_flow(account: Account, trades: Table, times: Ints, after: Floats, tolerance: float) -> None:
    """Cash after the fills of every bar = capital + net of what has ended - what open positions cost.

    Both sides of "cash + positions = capital + profits" hold the same positions at the same closes, so
    that they agree between fills follows from their agreeing after each. Raises AccountingError.
    """
    if not len(times):
        return
    paid = _signed(trades) * trades["entry_price"] + np.array([trade.entry_costs for trade in account.trades])
    moves = np.concatenate((-paid, paid + trades["net_pnl"]))
    when = np.concatenate((trades["entry_time"], trades["exit_time"]))
    order = np.argsort(when, kind="stable")
    last = np.append(np.diff(times) > 0, True)  # the last fill of each bar
    expected = account.capital + np.cumsum(moves[order])[last]
    off = ~(np.abs(after[last] - expected) <= tolerance)
    if off.any():
        k = int(np.argmax(off))
        place, has, wants = utc_text(int(times[last][k])), float(after[last][k]), float(expected[k])
        raise AccountingError(f"after the fills of {place} cash is {has!r}, capital and profits make {wants!r}")


def _steps(moments: Ints, times: Ints, values: Floats, before: float) -> Floats:
    """A step function at ``moments``: the last of ``values`` whose time is not later, or ``before``."""
    at = moments.searchsorted(times)
    edges = np.concatenate(([0], at, [len(moments)]))
    return np.repeat(np.concatenate(([before], values)), np.diff(edges))


def _holding(entered: Ints, left: Ints, signed: Floats, moments: Ints) -> Floats:
    """Signed quantity of one symbol held at each close."""
    over = entered < left
    times = np.column_stack([entered[over], left[over]]).ravel()
    return _steps(moments, times, np.column_stack([signed[over], np.zeros(len(times) // 2)]).ravel(), 0.0)


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
