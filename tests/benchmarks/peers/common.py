"""What both peers' scripts share: reading candles, the TREND indicators with TA-Lib, timing, the line they print.

It runs in the environment of a peer, without Quantsail.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow.parquet as pq
import talib

CAPITAL = 10_000.0
ADX_PERIOD, ATR_PERIOD, MA_PERIOD, LOOKBACK, VOLUME_PERIOD = 14, 14, 50, 20, 20
ADX_THRESHOLD, STOP_ATR, TARGET_ATR = 25.0, 2.0, 3.0
RISK, POSITION = 0.005, 0.10
MIN_PROFIT, DAILY_TRADES, DAILY_LOSS = 0.10, 6, 20.0
TAKER_FEE, MAKER_FEE = 0.00075, 0.00075  # ten basis points, a quarter off when paid in BNB
HALF_SPREAD, SLIPPAGE = 0.0001, 0.0003

Columns = dict[str, np.ndarray]


class Run(Protocol):
    """The job, its candles in memory."""

    def simulate(self) -> dict[str, Any]:
        """Signals and simulation: number of trades and final equity, or what else the job asks for."""

    def report(self, folder: Path) -> None:
        """Print a summary of the last simulation and write its trades and equity into ``folder``."""


def read(path: Path) -> Columns:
    """The columns of one Parquet file of candles."""
    table = pq.ParquetFile(path).read()
    return {name: table.column(name).to_numpy() for name in table.column_names}


def trend(columns: Columns, adx_threshold: float = ADX_THRESHOLD) -> tuple[np.ndarray, np.ndarray]:
    """Where the TREND strategy wants to enter, and the ATR (NaN while warming up)."""
    high, low, close, volume = (columns[name] for name in ("high", "low", "close", "volume"))
    atr = talib.ATR(high, low, close, ATR_PERIOD)
    highest = np.concatenate([[np.nan], talib.MAX(high, LOOKBACK)[:-1]])
    with np.errstate(invalid="ignore"):
        enter = (
            (talib.ADX(high, low, close, ADX_PERIOD) > adx_threshold)
            & (close > talib.SMA(close, MA_PERIOD))
            & (close > highest)
            & (volume > talib.SMA(volume, VOLUME_PERIOD))
        )
    return enter, atr


def main(job: Callable[..., Run], *settings: str) -> None:
    """Run ``job``, made of its candles and of ``settings`` that are given to it as JSON, and print what it
    found and its warm seconds as one line of JSON.

    With ``--out DIR`` it ends as a run of Quantsail does: a summary on the console, trades and equity as Parquet.
    With ``--warm N`` only the simulation is repeated.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--warm", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("files", nargs="+", type=Path)
    for setting in settings:
        parser.add_argument(f"--{setting}", type=json.loads, required=True)
    options = parser.parse_args()
    given = {setting: getattr(options, setting) for setting in settings}
    run = job([read(path) for path in options.files], **given)
    result = run.simulate()
    if options.out:
        options.out.mkdir(parents=True)
        run.report(options.out)
    warm = []
    for _ in range(options.warm):
        began = time.perf_counter()
        run.simulate()
        warm.append(time.perf_counter() - began)
    print(json.dumps({**result, "warm_s": warm}))
