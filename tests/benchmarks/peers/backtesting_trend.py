"""The TREND job in backtesting.py: one market, next-open entries, stops, targets, costs, size and rules in ``next``."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import common

warnings.simplefilter("ignore")
os.environ.setdefault("TQDM_DISABLE", "1")
import pandas as pd  # noqa: E402
from backtesting import Backtest, Strategy  # noqa: E402

ENTRY_COST = common.TAKER_FEE + common.HALF_SPREAD + common.SLIPPAGE


class Trend(Strategy):
    """Breakouts in a trending market."""

    def init(self) -> None:
        data = {name.lower(): getattr(self.data, name) for name in ("High", "Low", "Close", "Volume")}
        enter, self.atr = common.trend(data)
        self.enter = enter.tolist()
        self.day = self.data.index.normalize().asi8.tolist()
        self.today, self.entries, self.closed_before = -1, 0, 0

    def next(self) -> None:
        bar = len(self.data) - 1
        if not self.enter[bar] or self.position or self.orders:
            return
        price, atr = float(self.data.Close[-1]), float(self.atr[bar])
        stop, target = price - common.STOP_ATR * atr, price + common.TARGET_ATR * atr
        share = min(common.RISK * price / (price - stop), common.POSITION)
        if self._allowed(bar, price, target, share * self.equity / price):
            self.entries += 1
            self.buy(size=share, sl=stop, tp=target)

    def _allowed(self, bar: int, price: float, target: float, quantity: float) -> bool:
        if self.day[bar] != self.today:
            self.today, self.entries, self.closed_before = self.day[bar], 0, len(self.closed_trades)
        lost = -sum(trade.pl for trade in self.closed_trades[self.closed_before :])
        profit = quantity * (target - price) - quantity * (price * ENTRY_COST + target * common.MAKER_FEE)
        # One market: one position and 10 % of equity are below the limits of the other two rules.
        return profit >= common.MIN_PROFIT and self.entries < common.DAILY_TRADES and lost < common.DAILY_LOSS


class TrendRun:
    """A run over the first of ``markets``: backtesting.py has no account of several."""

    def __init__(self, markets: list[common.Columns]) -> None:
        columns = markets[0]
        self.frame = pd.DataFrame(
            {name.capitalize(): columns[name] for name in ("open", "high", "low", "close", "volume")},
            index=pd.DatetimeIndex(columns["timestamp"].astype("datetime64[ms]").astype("datetime64[ns]")),
        )

    def simulate(self) -> dict[str, Any]:
        test = Backtest(self.frame, Trend, cash=common.CAPITAL, commission=ENTRY_COST, finalize_trades=True)
        self.stats = test.run()
        return {"trades": int(self.stats["# Trades"]), "final_equity": float(self.stats["Equity Final [$]"])}

    def report(self, folder: Path) -> None:
        print(self.stats.to_string())
        self.stats["_trades"].to_parquet(folder / "trades.parquet")
        self.stats["_equity_curve"].to_parquet(folder / "equity.parquet")


if __name__ == "__main__":
    common.main(TrendRun)
