"""The TREND job in vectorbt: one account, next-open entries, stops and targets, costs and fixed-fractional size.

``from_signals`` knows no portfolio rules, so vectorbt is spared all five of them.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import common
import numpy as np

warnings.simplefilter("ignore")
import pandas as pd  # noqa: E402
import vectorbt as vbt  # noqa: E402


class TrendRun:
    """A run over all ``markets`` in one account."""

    def __init__(self, markets: list[common.Columns]) -> None:
        # Without a zone: an index with one costs vectorbt half a second in each run.
        index = pd.DatetimeIndex(markets[0]["timestamp"].astype("datetime64[ms]").astype("datetime64[ns]"))
        self.markets, self.freq = markets, index[1] - index[0]
        self.prices = {
            name: pd.DataFrame(np.column_stack([market[name] for market in markets]), index=index)
            for name in ("open", "high", "low", "close")
        }

    def simulate(self) -> dict[str, Any]:
        self.portfolio = portfolio = _simulate(self.markets, self.prices, self.freq)
        return {"trades": int(portfolio.trades.count()), "final_equity": float(portfolio.final_value())}

    def report(self, folder: Path) -> None:
        print(self.portfolio.stats().to_string())
        self.portfolio.trades.records.to_parquet(folder / "trades.parquet")
        self.portfolio.value().to_frame("equity").to_parquet(folder / "equity.parquet")


def _simulate(markets: list[common.Columns], prices: dict[str, pd.DataFrame], freq: pd.Timedelta) -> vbt.Portfolio:
    columns = [levels(market, *common.trend(market), common.STOP_ATR, common.TARGET_ATR) for market in markets]
    return portfolio(columns, prices, freq, cash_sharing=True, group_by=True)


def levels(market: common.Columns, enter: np.ndarray, atr: np.ndarray, stop: float, target: float) -> list[np.ndarray]:
    """One column: entries, stop and target as fractions of the price, and size as one of equity; known a bar later."""
    distance = stop * atr / market["close"]
    rows = (enter, distance, target * atr / market["close"], _share(distance))
    return [np.concatenate([[0.0], row[:-1]]) for row in rows]


def portfolio(
    columns: list[list[np.ndarray]], prices: dict[str, pd.DataFrame], freq: pd.Timedelta, **more: bool
) -> vbt.Portfolio:
    """The simulation of ``columns``, each as ``levels`` gives it."""
    enter, stop, target, share = (np.column_stack(rows) for rows in zip(*columns, strict=True))
    return vbt.Portfolio.from_signals(
        prices["close"],
        entries=enter.astype(bool),
        exits=False,
        open=prices["open"],
        high=prices["high"],
        low=prices["low"],
        price=prices["open"],
        size=np.nan_to_num(share),
        size_type="percent",
        sl_stop=np.nan_to_num(stop, nan=np.inf),
        tp_stop=np.nan_to_num(target, nan=np.inf),
        stop_entry_price="fillprice",
        fees=common.TAKER_FEE + common.HALF_SPREAD,
        slippage=common.SLIPPAGE,
        init_cash=common.CAPITAL,
        accumulate=False,
        freq=freq,
        **more,
    )


def _share(distance: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.minimum(common.RISK / distance, common.POSITION)


if __name__ == "__main__":
    common.main(TrendRun)
