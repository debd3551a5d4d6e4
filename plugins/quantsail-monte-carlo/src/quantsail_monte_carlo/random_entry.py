"""Is the entry better than chance: the same trades, begun at random bars."""

from __future__ import annotations

import numpy as np

from quantsail_framework.domain.bars import Bars, Floats, Ints
from quantsail_framework.domain.result import Table
from quantsail_framework.domain.signals import LONG, side_name
from quantsail_framework.engine import MarketData
from quantsail_monte_carlo.draws import Draws, chunks


def random_entries(trades: Table, data: MarketData, capital: float, draws: int, random: np.random.Generator) -> Draws:
    """Each trade again with its side, notional, costs and holding time, but from a random tradable bar of its symbol.

    It is bought or sold at the open of that bar and closed at the close of the bar after the same number of bars.
    The bars of one symbol's trades may overlap. Total return: sum of the results / capital.
    """
    found = Draws.sized("random-entry", draws)
    total = np.zeros(draws)
    for symbol, bars in data.bars.items():
        mine = trades["symbol"] == symbol
        if mine.any():
            part = {name: column[mine] for name, column in trades.items()}
            _add_results(total, part, bars, data.first(symbol) + 1, random)
    found.total_return[:] = total / capital
    found.ruined[:] = total <= -capital
    return found


def p_value(draws: Floats, actual: float) -> float:
    """(1 + number of draws >= actual) / (1 + number of draws): how often chance does as well.

    Never zero, since what happened is one of the possible draws (Davison and Hinkley, Bootstrap Methods and their
    Application, 1997, ch. 4).
    """
    return float((1 + np.count_nonzero(draws >= actual)) / (1 + len(draws)))


def _add_results(total: Floats, trades: Table, bars: Bars, first: int, random: np.random.Generator) -> None:
    """Add what the trades of one symbol earn to each draw's total."""
    held = bars.time.searchsorted(trades["exit_time"]) - bars.time.searchsorted(trades["entry_time"])
    able = _entry_bars(bars, first)
    choices = able.searchsorted(len(bars) - held)  # those from which the holding time fits into the data
    notional = trades["quantity"] * trades["entry_price"] * np.where(trades["side"] == side_name(LONG), 1.0, -1.0)
    costs = float((trades["fees"] + trades["spread"] + trades["slippage"]).sum())
    for rows in chunks(len(total), len(held)):
        entry = able[random.integers(0, choices, (rows.stop - rows.start, len(held)))]
        moves = bars.close[entry + held] / bars.open[entry] - 1.0
        total[rows] += (moves * notional).sum(axis=1) - costs


def _entry_bars(bars: Bars, first: int) -> Ints:
    """Rows at whose open an entry may fill."""
    rows = np.arange(first, len(bars))
    return rows if bars.tradable is None else rows[bars.tradable[first:]]
