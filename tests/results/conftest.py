"""A small result and the pipeline that it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework.domain.result import RunResult
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.ports.runner import DataSpec, Pipeline
from quantsail_framework.results import RunFolder, write_files

HOUR = 3_600_000_000_000


@attrs.frozen
class Nothing:
    """Stands for every component: a run folder does not look at them."""


def make_result(**changes: Any) -> RunResult:
    tables = {
        "trades": {
            "symbol": np.array(["BNB/USDT", "ADA/USDT"], object),
            "entry_time": np.array([HOUR, 3 * HOUR]),
            "entry_price": np.array([300.5, 0.25]),
            "target": np.array([np.nan, 0.5]),
            "ambiguous": np.array([False, True]),
            "reason": np.array(["breakout", None], object),
        },
        "equity": {"time": np.array([0, HOUR, 2 * HOUR]), "equity": np.array([1000.0, 1001.5, 999.25])},
        "refusals": {"time": np.empty(0, np.int64), "symbol": np.empty(0, object), "limit": np.empty(0)},
    }
    values: dict[str, Any] = {
        "kind": "backtest",
        "name": "trend-bnb",
        "tables": tables,
        "metrics": {"total_trades": 2, "win_rate": 0.5, "sharpe": None, "total_return": -0.00075},
        "undefined": {"sharpe": "fewer than two days"},
        "facts": {"first_tradable": {"BNB/USDT": "2020-01-01T00:00:00Z"}, "instrument_rules": "none"},
        "notes": ("BNB/USDT has 3 missing bars.",),
    }
    return RunResult(**{**values, **changes})


@pytest.fixture
def result() -> RunResult:
    return make_result()


@pytest.fixture
def pipeline() -> Pipeline:
    spec = DataSpec(("BNB/USDT", "ADA/USDT"), Timeframe("1h"))
    nothing: Any = Nothing()
    resolved = {"pipeline": {"name": "trend-bnb", "capital": 1000.0}, "strategy": {"use": "trend", "adx_period": 14}}
    return Pipeline(
        "trend-bnb", "backtest", 1000.0, spec, nothing, nothing, nothing, nothing, seed=7, resolved=resolved
    )


def write_run(result: RunResult, pipeline: Pipeline, folder: Path, **times: Any) -> None:
    """Write a whole run folder as a session does."""
    with RunFolder(folder) as pending:
        write_files(result, pipeline, pending.temporary, **times)
