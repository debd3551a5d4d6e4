"""What a run leaves behind, as tables: trades, equity curve, refusals; and the identities they must obey."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from quantsail_framework.domain.bars import Bars, Floats, Ints, utc_text
from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.lazy import Lazy
from quantsail_framework.domain.order import EntryOrder
from quantsail_framework.domain.result import Column, CurveFacts, Table
from quantsail_framework.domain.signals import LONG, SHORT, side_name
from quantsail_framework.domain.trade import Trade
from quantsail_framework.engine.account import Account, ClosedTrade
from quantsail_framework.engine.desk import RefusalRow
from quantsail_framework.engine.market import MarketData, all_moments
from quantsail_framework.errors import AccountingError, ComponentError

_TOLERANCE = 1e-9


class Simulation(NamedTuple):
    """The tables of one run, as in the run folder, its last cash, and what is known of the equity curve already."""

    trades: Table
    equity: Table
    refusals: Table
    final_cash: float
    curve: CurveFacts | None = None


class Books(NamedTuple):
    """What a simulation noted: how its cash moved, and each trade, by column, in the order in which they ended.

    ``cash_times`` and ``cash_after``: of every fill, its bar's open and the cash after it. ``trades`` has columns named
    as the fields of ClosedTrade and of its order, costs apart. ``refusals`` is the table itself. ``equity``: the
    equity at every moment and what is known of it, where it has been drawn already.
    """

    capital: float
    cash: float
    left_open: Sequence[str]
    cash_times: Ints
    cash_after: Floats
    trades: Mapping[str, Sequence[Any]]
    refusals: Table
    equity: tuple[Floats, CurveFacts] | None = None


def record(account: Account, refusals: Sequence[RefusalRow], data: MarketData) -> Simulation:
    """The tables of a finished run. Raises AccountingError when its money does not add up."""
    books = Books(
        capital=account.capital,
        cash=account.cash,
        left_open=sorted([*account.positions, *account.pending]),
        cash_times=_column(account.flow_times, np.int64),
        cash_after=_column(account.flow_cash, np.float64),
        trades=_noted(account.trades),
        refusals=_refusals_table(refusals),
    )
    return tables_of(books, data)


def tables_of(books: Books, data: MarketData) -> Simulation:
    """The tables of what was noted. Raises AccountingError when its money does not add up."""
    # What a relative error is relative to: the size of the account.
    tolerance = _TOLERANCE * max(books.capital, float(np.abs(books.cash_after).max(initial=0.0)))
    trades = _Trades(books.trades, data.bars)
    _check_total(books, trades, tolerance)
    _check_prices(trades)
    _check_flow(books, trades, tolerance)
    known = None if books.equity is None else books.equity[1]
    return Simulation(trades.table(), _equity_table(books, trades, data), books.refusals, books.cash, known)


def _check_total(books: Books, trades: _Trades, tolerance: float) -> None:
    """Sum of trade nets = final cash - capital; nothing is left open."""
    if books.left_open:
        raise AccountingError(f"the run ended with {books.left_open} still open")
    net, moved = float(trades.net_pnl.sum()), books.cash - books.capital
    if not abs(net - moved) <= tolerance:
        raise AccountingError(f"the trades net {net!r} but cash moved by {moved!r}")


def _check_prices(trades: _Trades) -> None:
    """Every fill lies inside the last bar that had opened by then."""
    for symbol, bars, own, entered, left in trades.by_symbol:
        for leg, rows, prices in (("entry", entered, trades.entry_price), ("exit", left, trades.exit_price)):
            price = prices[own]
            off = ~((bars.low[rows] <= price) & (price <= bars.high[rows]))
            if off.any():
                k = int(np.argmax(off))
                low, high, off_price = (float(column) for column in (bars.low[rows[k]], bars.high[rows[k]], price[k]))
                when = utc_text(int(bars.time[rows[k]]))
                raise AccountingError(
                    f"{symbol}: an {leg} at {off_price!r} lies outside the bar of {when}, {low!r} to {high!r}"
                )


def _column(values: Sequence[Any] | Column, dtype: type) -> Column:
    """An array of plain values; None among numbers becomes NaN."""
    return (
        values.astype(dtype, copy=False) if isinstance(values, np.ndarray) else np.fromiter(values, dtype, len(values))
    )


# Trades.

_TRADE_COLUMNS = (
    *("symbol", "side", "signal_time", "entry_time", "exit_time", "entry_price", "exit_price", "stop", "target"),
    *("quantity", "gross_pnl", "fees", "spread", "slippage", "net_pnl", "exit_reason", "equity_at_entry", "risk"),
    *("bound_by", "mae", "mfe", "ambiguous", "confidence", "reason"),
)


class _Trades:
    """The closed trades as columns, in the order in which they ended; what follows from what was noted is added here.

    ``by_symbol``: symbol, bars, its trades, the bars that they were entered in and the last ones open when they ended.
    """

    def __init__(self, noted: Mapping[str, Sequence[Any]], bars: Mapping[str, Bars]) -> None:
        self.noted = noted
        self.side = _column(noted["side"], np.int64)
        self.entry_time, self.exit_time = (_column(noted[f"{leg}_time"], np.int64) for leg in ("entry", "exit"))
        self.entry_price, self.exit_price = (_column(noted[f"{leg}_price"], np.float64) for leg in ("entry", "exit"))
        self.net_pnl = _column(noted["net_pnl"], np.float64)
        self.quantity = _column(noted["quantity"], np.float64)
        self.signed = self.side * self.quantity  # below zero for shorts
        self.entry_costs, self.exit_costs = (
            tuple(_column(noted[f"{leg}_{part}"], np.float64) for part in Costs._fields) for leg in ("entry", "exit")
        )
        self.by_symbol = [
            (symbol, bars[symbol], own, *self._open_bars(bars[symbol].time, own))
            for symbol, own in _rows_by_symbol(noted["symbol"], len(bars)).items()
        ]

    def _open_bars(self, times: Ints, own: Ints) -> tuple[Ints, Ints]:
        """The last bar that had opened by each entry, and by each exit."""
        if "entry_i" in self.noted:  # the loop tells
            return _column(self.noted["entry_i"], np.int64)[own], _column(self.noted["exit_i"], np.int64)[own]
        entered, left = (times.searchsorted(of[own], side="right") - 1 for of in (self.entry_time, self.exit_time))
        return entered, left

    def table(self) -> Table:
        """One row per trade."""
        noted = self.noted
        fees, spread, slippage = (self.entry_costs[k] + self.exit_costs[k] for k in range(3))
        made: dict[str, Column] = {
            "symbol": _column(noted["symbol"], object),
            "side": _SIDES[self.side],
            "signal_time": _column(noted["signal_time_ns"], np.int64),
            "entry_time": self.entry_time,
            "exit_time": self.exit_time,
            "entry_price": self.entry_price,
            "exit_price": self.exit_price,
            "stop": _column(noted["stop"], np.float64),
            "target": _column(noted["target"], np.float64),
            "quantity": self.quantity,
            "gross_pnl": self.signed * (self.exit_price - self.entry_price),
            "fees": fees,
            "spread": spread,
            "slippage": slippage,
            "net_pnl": self.net_pnl,
            "exit_reason": _column(noted["exit_reason"], object),
            "equity_at_entry": _column(noted["equity"], np.float64),
            "risk": _column(noted["risk"], np.float64),
            "bound_by": _column(noted["bound_by"], object),
            "ambiguous": _column(noted["ambiguous"], np.bool_),
            "confidence": _column(noted["confidence"], np.float64),
        }
        later = {"mae": self._excursions, "mfe": self._excursions, "reason": self._reasons}
        return Lazy(_TRADE_COLUMNS, made, later)

    def _reasons(self) -> Table:
        return {"reason": np.array([_reason(why) for why in self.noted["reason"]], dtype=object)}

    def _excursions(self) -> Table:
        """Worst and best move of each trade as positive fractions of its entry price.

        The bars from the entry to the one before the exit count whole; of the exit bar only the exit
        price, or all of it when the trade ended at its close.
        """
        entry, lowest, highest = self.entry_price, self.exit_price.copy(), self.exit_price.copy()
        at_close = _column(self.noted["at_close"], np.bool_)
        for _, bars, own, start, left in self.by_symbol:
            stop = left + at_close[own]
            whole = stop > start
            edges = _in_turns(start[whole], stop[whole])
            if len(edges):
                if edges[-1] == len(bars):  # only the last can reach the end, where reduceat wants no edge
                    edges = edges[:-1]
                low, high = np.minimum.reduceat(bars.low, edges)[::2], np.maximum.reduceat(bars.high, edges)[::2]
                rows = own[whole]
                lowest[rows], highest[rows] = np.minimum(lowest[rows], low), np.maximum(highest[rows], high)
        long = self.side > 0
        worst = np.where(long, entry - lowest, highest - entry) / entry
        best = np.where(long, highest - entry, entry - lowest) / entry
        return {"mae": np.maximum(worst, 0.0), "mfe": np.maximum(best, 0.0)}


# The word of a side, at its own index: -1 is the last.
_SIDES = np.array([None, side_name(LONG), side_name(SHORT)], dtype=object)


def _rows_by_symbol(symbols: Sequence[str], most: int) -> Mapping[str, Ints]:
    """The rows of each symbol, of ``most`` that there may be, in order."""
    if most == 1 and len(symbols):
        return {symbols[0]: np.arange(len(symbols))}
    rows = defaultdict[str, list[int]](list)
    for row, symbol in enumerate(symbols):
        rows[symbol].append(row)
    return {symbol: np.array(own) for symbol, own in rows.items()}


def _reason(why: str | Callable[[], str]) -> str:
    word = why if isinstance(why, str) else why()
    if not isinstance(word, str):
        raise ComponentError(f"the strategy's signals.reason answered {word!r}; it must answer with a text")
    return word


def _noted(trades: Sequence[ClosedTrade]) -> dict[str, Sequence[Any]]:
    """What was noted of each trade and its order, by column. The trade's target, in force last, hides the order's."""
    own = tuple(zip(*trades, strict=True)) if trades else ((),) * len(ClosedTrade._fields)
    orders: Sequence[EntryOrder] = own[-1]
    of_orders = zip(*orders, strict=True) if orders else ((),) * len(EntryOrder._fields)
    noted: dict[str, Any] = dict(zip(EntryOrder._fields, of_orders, strict=True))
    noted.update(zip(ClosedTrade._fields, own, strict=True))
    for leg in ("entry", "exit"):
        paid = noted.pop(f"{leg}_costs")
        parts = zip(*paid, strict=True) if paid else ((),) * len(Costs._fields)
        noted.update(zip((f"{leg}_{part}" for part in Costs._fields), parts, strict=True))
    return noted


def trade_of(trade: ClosedTrade, bars: Bars) -> Trade:
    """One closed trade as a value, for observers."""
    row = {name: column[0] for name, column in _Trades(_noted([trade]), {bars.symbol: bars}).table().items()}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
    plain["target"] = trade.target
    return Trade(**plain)


# Equity.


def _equity_table(books: Books, trades: _Trades, data: MarketData) -> Table:
    """Equity, cash and gross exposure at every close from the start of the result on.

    Where the equity has been drawn already, the others are made when they are read.
    """
    moments = all_moments([bars.time for bars in data.bars.values()])
    first = int(moments.searchsorted(data.start_ns))
    asked = moments[first:] if first else moments
    if books.equity is None:
        return {"time": asked, **_curves(books, trades, moments, first)}

    def later() -> Table:
        curves = _curves(books, trades, moments, first)
        return {name: curves[name] for name in ("cash", "exposure")}

    points = books.equity[0]
    if len(points) and points[-1] != books.cash:  # nothing is held at the end
        raise AccountingError(f"the equity curve ends at {float(points[-1])!r} but cash at {books.cash!r}")
    made = {"time": asked, "equity": points[first:]}
    return Lazy((*made, "cash", "exposure"), made, dict.fromkeys(("cash", "exposure"), later))


def _curves(books: Books, trades: _Trades, moments: Ints, first: int) -> dict[str, Floats]:
    """The columns of ``_equity_table``, from moment ``first`` on."""
    size = len(moments)
    cash = _steps(moments.searchsorted(books.cash_times), books.cash_after, books.capital, size)
    equity, exposure = cash, np.zeros(0)
    for number, (_, bars, own, entered, left) in enumerate(trades.by_symbol):
        if len(bars) < size:  # else a bar is its moment
            entered, left = (moments.searchsorted(of[own]) for of in (trades.entry_time, trades.exit_time))
        value = _holding(entered, left, trades.signed[own], size)
        value *= _last_closes(bars, moments)
        # The first makes the columns, the others add to them: long columns take time to come and go.
        equity = np.add(equity, value, out=equity if number else None)
        np.abs(value, out=value)
        exposure = np.add(exposure, value, out=exposure) if number else value
    if not trades.by_symbol:
        equity, exposure = cash.copy(), np.zeros(size)
    return {"equity": equity[first:], "cash": cash[first:], "exposure": exposure[first:]}


def _check_flow(books: Books, trades: _Trades, tolerance: float) -> None:
    """Cash after the fills of every bar = capital + net of what has ended - what open positions cost.

    Both sides of "cash + positions = capital + profits" hold the same positions at the same closes, so
    that they agree between fills follows from their agreeing after each. Raises AccountingError.
    """
    times, after = books.cash_times, books.cash_after
    if not len(times):
        return
    fee, spread, slippage = trades.entry_costs
    paid = trades.signed * trades.entry_price + (fee + spread + slippage)
    moves = np.concatenate((-paid, paid + trades.net_pnl))
    when = np.concatenate((trades.entry_time, trades.exit_time))
    order = np.argsort(when, kind="stable")
    last = np.append(times[1:] > times[:-1], True)  # the last fill of each bar
    expected = books.capital + np.cumsum(moves[order])[last]
    off = ~(np.abs(after[last] - expected) <= tolerance)
    if off.any():
        k = int(np.argmax(off))
        place, has, wants = utc_text(int(times[last][k])), float(after[last][k]), float(expected[k])
        raise AccountingError(f"after the fills of {place} cash is {has!r}, capital and profits make {wants!r}")


def _steps(at: Ints, values: Floats, before: float, size: int) -> Floats:
    """A step function over ``size`` points: ``before``, and from each point of ``at`` on its value."""
    edges = np.concatenate(([0], at, [size]))
    return np.repeat(np.concatenate(([before], values)), np.diff(edges))


def _holding(entered: Ints, left: Ints, signed: Floats, size: int) -> Floats:
    """Signed quantity of one symbol held at each of so many closes."""
    over = entered < left
    return _steps(_in_turns(entered[over], left[over]), _in_turns(signed[over], 0.0), 0.0, size)


def _in_turns(ones: Column, others: Column | float) -> Column:
    """One of each, again and again."""
    both = np.empty(2 * len(ones), ones.dtype)
    both[::2], both[1::2] = ones, others
    return both


def _last_closes(bars: Bars, moments: Ints) -> Floats:
    """The last close of ``bars`` at each moment; the first close before there is one (nothing is held then)."""
    if len(bars) == len(moments):
        return bars.close
    rows = bars.time.searchsorted(moments, side="right") - 1
    return bars.close[np.maximum(rows, 0)]


# Refusals.


_REFUSAL_COLUMNS = ("time", "symbol", "side", "rule", "limit", "value", "price")


def _refusals_table(rows: Sequence[RefusalRow]) -> Table:
    """One row per refused entry, in the order in which they were refused."""
    *columns, texts = zip(*rows, strict=True) if rows else ((),) * (len(_REFUSAL_COLUMNS) + 1)
    return refusals_of(lambda: columns, lambda: texts)


def refusals_of(columns: Callable[[], Sequence[Sequence[Any]]], texts: Callable[[], Sequence[str]]) -> Table:
    """The refusals table of time, symbol, side, rule, limit, value and price, and of texts; made when it is read."""

    def made() -> Table:
        times, symbols, sides, rules, *numbers = columns()
        return {
            "time": _column(times, np.int64),
            "symbol": _column(symbols, object),
            "side": _SIDES[_column(sides, np.int64)],
            "rule": _column(rules, object),
            **dict(zip(_REFUSAL_COLUMNS[-3:], map(_numbers, numbers), strict=True)),
        }

    def worded() -> Table:
        return {"text": np.array(texts(), dtype=object)}

    return Lazy((*_REFUSAL_COLUMNS, "text"), {}, dict.fromkeys(_REFUSAL_COLUMNS, made) | {"text": worded})


def _numbers(values: Sequence[float | None] | Floats) -> Floats:
    """None and what is not finite become NaN, which the run folder writes as null."""
    numbers = _column(values, np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)
