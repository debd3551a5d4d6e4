"""Strategies of every form through the engine: levels that cannot be, one rule in two forms, every feed alike."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from quantsail_framework import load_pipeline
from quantsail_framework.engine import Simulation, load_market, replay, simulate
from tests.engine.test_reference import assert_alike, assert_identical

EXAMPLES = Path(__file__).parents[2] / "examples"

PIPELINE = """
[pipeline]
name = "one-market"
capital = 10_000
[data]
use = "samples"
symbols = ["EUR/USD"]
timeframe = "1h"
start = 2017-06-01
[strategy]
{strategy}
[costs]
use = "basis-points"
fee_bps = 0.0
spread_bps = 0.8
slippage_bps = 0.2
[sizer]
use = "fixed-fractional"
[[risk]]
use = "profitability-gate"
min_profit = 0.1
[[risk]]
use = "max-daily-loss"
limit = 4.0
[[risk]]
use = "max-daily-trades"
limit = 3
[[risk]]
use = "max-concurrent-positions"
limit = 1
[[risk]]
use = "max-correlated-positions"
limit = 1
window = 50
threshold = 0.9
[[risk]]
use = "max-exposure"
pct = 10.0
"""
# A package as people have it: a base class, and a strategy that imports it, in the form of `generate_signal`.
PACKAGE = {
    "__init__.py": "",
    "base.py": """
        from abc import ABC, abstractmethod


        class BaseStrategy(ABC):
            def __init__(self, symbol):
                self.symbol = symbol

            @abstractmethod
            def generate_signal(self, candles): ...
        """,
    "reverting.py": """
        import pandas as pd
        import talib

        from .base import BaseStrategy


        class Reverting(BaseStrategy):
            def __init__(self, symbol="ADA/USDT", oversold=30, adx_threshold=20):
                super().__init__(symbol)
                self.oversold, self.adx_threshold = oversold, adx_threshold

            def generate_signal(self, candles: pd.DataFrame) -> dict:
                high, low, close = (candles[name].values for name in ("high", "low", "close"))
                _, middle, lower = talib.BBANDS(close, timeperiod=20, nbdevup=2, nbdevdn=2)
                adx, rsi = talib.ADX(high, low, close)[-1], talib.RSI(close)[-1]
                if adx < self.adx_threshold and low[-1] <= lower[-1] and rsi < self.oversold:
                    stop = lower[-1] - 0.5 * (middle[-1] - lower[-1])
                    return {"signal": "ENTER_LONG", "entry": close[-1], "stop": stop, "target": middle[-1],
                            "confidence": 0.7, "rationale": f"RSI={rsi:.1f}"}
                return {"signal": "NO_TRADE"}
        """,
}
SEED_FORM = """\
use = "generate-signal"
class_name = "old_strategies.reverting:Reverting"
parameters = { oversold = 45, adx_threshold = 40 }
"""
ARRAY_FORM = 'use = "mean-reversion"\nrsi_oversold = 45\nadx_threshold = 40\n'


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable package of strategies in the form of ``generate_signal``."""
    folder = tmp_path / "old_strategies"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(dedent(text), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]


def run(folder: Path, strategy: str, how: str = "backtest") -> Simulation:
    file = folder / "pipeline.toml"
    file.write_text(PIPELINE.format(strategy=strategy), encoding="utf-8")
    pipeline = load_pipeline(file)
    data = load_market(pipeline)
    return simulate(pipeline, data) if how == "backtest" else replay(pipeline, data, feed=how)


def test_d077_d078_levels_that_cannot_be_are_refused_and_never_traded(tmp_path: Path) -> None:
    made = run(tmp_path, ARRAY_FORM)
    impossible = made.refusals["rule"] == "invalid_levels"
    # The refused value is the stop: above the close in one kind, while in the other only the target is wrong.
    above_close = made.refusals["limit"][impossible] > made.refusals["price"][impossible]
    assert above_close.any()
    assert not above_close.all()
    trades = made.trades
    assert (trades["stop"] < trades["entry_price"]).all()
    assert (trades["entry_price"] < trades["target"]).all()
    assert (trades["gross_pnl"][trades["exit_reason"] == "stop"] < 0.0).all()


def test_a_class_of_a_package_trades_as_the_array_strategy_of_the_same_rule(package: Path) -> None:
    theirs, ours = run(package.parent, SEED_FORM), run(package.parent, ARRAY_FORM)
    assert len(ours.trades["symbol"]) >= 10
    for column in ("signal_time", "entry_time", "exit_time", "exit_reason"):
        np.testing.assert_array_equal(theirs.trades[column], ours.trades[column], err_msg=column)
    for column in ("stop", "target", "quantity", "net_pnl"):
        np.testing.assert_allclose(theirs.trades[column], ours.trades[column], rtol=1e-6, err_msg=column)
    np.testing.assert_array_equal(theirs.refusals["rule"], ours.refusals["rule"])
    assert "invalid_levels" in set(ours.refusals["rule"])


def test_a_class_of_a_package_trades_the_same_in_every_feed(package: Path) -> None:
    once = run(package.parent, SEED_FORM)
    assert_identical(once, run(package.parent, SEED_FORM, "once"))
    assert_identical(once, run(package.parent, SEED_FORM, "rolling"))


def test_d082_the_example_that_looks_at_its_position_trades_the_same_in_every_feed() -> None:
    pipeline = load_pipeline(EXAMPLES / "local-strategy.toml")
    data = load_market(pipeline)
    once = simulate(pipeline, data)
    # A stop at the entry price was moved there: a trade begins with one below.
    moved = (once.trades["exit_price"] == once.trades["entry_price"]) & (once.trades["exit_reason"] == "stop")
    assert moved.any()
    assert_identical(once, replay(pipeline, data))
    assert_alike(once, replay(pipeline, data, feed="rolling"))
