"""Sweeps of the TREND job in vectorbt: a column for each set of parameters, some dozens of columns at a time.

All at once need 11 GB for 400 sets. With several processes each takes its share of the sets.
"""

from __future__ import annotations

import multiprocessing
from itertools import product
from pathlib import Path
from typing import Any

import common
import numpy as np
import pandas as pd
from vectorbt_trend import TrendRun, levels, portfolio

CHUNK = 25
Grid = dict[str, list[float]]


class SweepRun:
    """All sets of ``grid`` (adx_threshold, stop_atr, target_atr) on the first of ``markets``."""

    def __init__(self, markets: list[common.Columns], *, grid: Grid, processes: int) -> None:
        self.trend, self.processes = TrendRun(markets[:1]), processes
        self.sets = list(product(grid["adx_threshold"], grid["stop_atr"], grid["target_atr"]))

    def simulate(self) -> dict[str, Any]:
        chunks = [self.sets[at : at + CHUNK] for at in range(0, len(self.sets), CHUNK)]
        if self.processes == 1:
            found = list(map(self._try, chunks))
        else:
            with multiprocessing.Pool(self.processes) as pool:  # forked: candles and compiled code come along
                found = pool.map(self._try, chunks, chunksize=1)
        self.trials = pd.concat(found, ignore_index=True)
        score = self.trials["profit_factor"] * np.log(self.trials["total_trades"])
        return {"sets": len(self.trials), "best": self.trials.loc[score.idxmax()].to_dict()}

    def _try(self, sets: list[tuple[float, float, float]]) -> pd.DataFrame:
        market = self.trend.markets[0]
        enter = {threshold: common.trend(market, threshold) for threshold, _, _ in sets}
        columns = [levels(market, *enter[threshold], stop, target) for threshold, stop, target in sets]
        done = portfolio(columns, self.trend.prices, self.trend.freq)
        figures = {
            "total_trades": done.trades.count(),
            "profit_factor": done.trades.profit_factor(),
            "total_return": done.total_return(),
            "max_drawdown": done.max_drawdown(),
        }
        values = pd.DataFrame(sets, columns=["adx_threshold", "stop_atr", "target_atr"])
        return values.assign(**{name: np.asarray(figure) for name, figure in figures.items()})

    def report(self, folder: Path) -> None:
        print(self.trials.describe().to_string())
        self.trials.to_parquet(folder / "trials.parquet")


if __name__ == "__main__":
    common.main(SweepRun, "grid", "processes")
