"""Candles without any volume, and strategies that need some: refused before the run, whatever the feed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.errors import DataError
from quantsail_framework.testing import markets

PIPELINE = """
[pipeline]
name = "silent"
runner = "{runner}"
capital = 10_000
[data]
use = "csv"
path = "candles"
symbols = ["TEST/USDT"]
timeframe = "5m"
[strategy]
use = "{strategy}"
{option}
[costs]
use = "basis-points"
[sizer]
use = "fixed-fractional"
[replay]
feed = "{feed}"
"""


@pytest.fixture
def silent(tmp_path: Path) -> Any:
    """Loads a pipeline on candles without volume."""
    bars = markets.trending(1, 600)
    (tmp_path / "candles").mkdir()
    times = (bars.time // 1_000_000).tolist()
    prices = [getattr(bars, name).tolist() for name in ("open", "high", "low", "close")]
    lines = [",".join(map(repr, row)) + ",0" for row in zip(times, *prices, strict=True)]
    text = "\n".join(["timestamp,open,high,low,close,volume", *lines])
    (tmp_path / "candles" / "TEST_USDT-5m.csv").write_text(text + "\n", encoding="utf-8")

    def load(strategy: str, option: str = "", runner: str = "backtest", feed: str = "once") -> Any:
        file = tmp_path / "p.toml"
        text = PIPELINE.format(strategy=strategy, option=option, runner=runner, feed=feed)
        file.write_text(text, encoding="utf-8")
        return load_pipeline(file)

    return load


@pytest.mark.parametrize("runner, feed", [("backtest", "once"), ("replay", "once"), ("replay", "rolling")])
@pytest.mark.parametrize("strategy", ["trend", "volatility-expansion"])
def test_candles_without_volume_are_refused_in_every_feed(silent: Any, strategy: str, runner: str, feed: str) -> None:
    with pytest.raises(DataError) as caught:
        run(silent(strategy, runner=runner, feed=feed))
    text = str(caught.value)
    assert "TEST_USDT-5m.csv: TEST/USDT: the candles have no volume, which the volume filter of strategy" in text
    assert f"strategy {strategy!r} needs; switch it off with volume_period = 0 under [strategy]" in text


@pytest.mark.parametrize("strategy", ["trend", "volatility-expansion", "mean-reversion"])
def test_they_do_where_nothing_needs_volume(silent: Any, strategy: str) -> None:
    option = "" if strategy == "mean-reversion" else "volume_period = 0"
    assert len(run(silent(strategy, option)).equity["time"]) == 600
