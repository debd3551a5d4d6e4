"""Run folders with tables made by hand: twelve hours of two markets, and what may differ between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np

from quantsail_framework.domain.result import RunResult
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.plugins import PluginInfo
from quantsail_framework.ports.runner import DataSpec, Pipeline
from quantsail_framework.results import RunFolder, write_files

HOUR = 3_600_000_000_000
START = 1_704_067_200_000_000_000  # 2024-01-01
BARS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]  # hours; the bar of 09:00 is missing
# BTC: decided at 01:00, entered at 02:00, left at 05:00. ETH: decided at 03:00, entered and left at 06:00.
TRADES: dict[str, list[Any]] = {
    "symbol": ["BTC/USDT", "ETH/USDT"],
    "side": ["long", "short"],
    "signal_time": [1, 3],
    "entry_time": [2, 6],
    "exit_time": [5, 6],
    "entry_price": [100.0, 2_000.5],
    "exit_price": [110.0, 2_010.0],
    "stop": [95.0, 2_010.0],
    "target": [110.0, np.nan],
    "quantity": [2.0, 0.25],
    "gross_pnl": [20.0, -2.375],
    "net_pnl": [19.5, -3.0],
    "exit_reason": ["target", "stop"],
    "equity_at_entry": [1_000.0, 1_010.0],
    "risk": [10.0, 2.375],
    "bound_by": ["risk", "position"],
    "confidence": [1.0, 0.5],
    "reason": ["close 101 above the highest high 100", None],
}
REFUSALS: dict[str, list[Any]] = {
    "time": [8, 8, 11],
    "symbol": ["BTC/USDT", "BTC/USDT", "BTC/USDT"],
    "side": ["long", "long", "short"],
    "rule": ["max-daily-trades", "gapped", "min_notional"],
    "limit": [1.0, np.nan, 10.0],
    "value": [1.0, np.nan, 7.5],
    "price": [101.25, 94.0, 99.0],
    "text": ["1 trade was accepted today, the limit is 1", "the open 94 is beyond the stop 95", None],
}
RESOLVED = {
    "pipeline": {"name": "made", "runner": "backtest", "capital": 1_000.0},
    "strategy": {"use": "trend", "lookback": 20, "allow_short": False},
    "risk": [{"use": "max-daily-trades", "limit": 1}],
}


def table(columns: dict[str, list[Any]]) -> dict[str, np.ndarray[Any, Any]]:
    """Columns as a result has them; times are given in hours since the start."""
    return {
        name: START + np.array(values, np.int64) * HOUR
        if name == "time" or name.endswith("_time")
        else np.array(values, object if any(isinstance(value, str) for value in values) else None)
        for name, values in columns.items()
    }


def result(**changes: Any) -> RunResult:
    """The result of the two trades; ``changes`` replace its fields."""
    equity = [1_000.0, 1_000.0, 1_002.0, 1_010.0, 1_015.0, 1_019.5, 1_016.5, 1_016.5, 1_016.5, 1_016.5, 1_016.5]
    symbols = [
        {"symbol": "BTC/USDT", "bars": 11, "first_tradable": START + HOUR, "sha256": "a1" * 32},
        {"symbol": "ETH/USDT", "bars": 11, "first_tradable": START + HOUR, "sha256": "b2" * 32},
    ]
    values: dict[str, Any] = {
        "kind": "backtest",
        "name": "made",
        "tables": {
            "trades": table(TRADES),
            "refusals": table(REFUSALS),
            "equity": table({"time": BARS, "equity": equity}),
        },
        "metrics": {"total_trades": 2, "total_return": 0.0165, "sharpe": None, "by_symbol": {"BTC/USDT": 1}},
        "undefined": {"sharpe": "fewer than two days"},
        "facts": {"timeframe": "1h", "capital": 1_000.0, "symbols": symbols},
    }
    return RunResult(**{**values, **changes})


def write(folder: Path, made: RunResult | None = None, *, version: str = "0.1.0", **changes: Any) -> Path:
    """A run folder of that result; ``changes`` replace fields of its pipeline."""
    nothing: Any = None
    spec = DataSpec(("BTC/USDT", "ETH/USDT"), Timeframe("1h"))
    pipeline = Pipeline("made", "backtest", 1_000.0, spec, nothing, nothing, nothing, nothing, resolved=RESOLVED)
    plugins = [PluginInfo("trend", "quantsail-trend", version, "quantsail_trend")]
    with RunFolder(folder) as pending:
        write_files(
            made or result(),
            attrs.evolve(pipeline, **changes),
            pending.temporary,
            plugins=plugins,
            started_ns=START,
            finished_ns=START,
        )
    return folder
