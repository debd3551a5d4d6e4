"""Every rule on at once, for every strategy: the backtest, the replay and what a live run sees agree."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from quantsail_framework import Bars, load_pipeline
from quantsail_framework.domain.order import Trip
from quantsail_framework.engine import MarketData, load_market, replay, simulate
from quantsail_framework.plugins import load_registry
from quantsail_framework.ports.runner import Pipeline
from quantsail_framework.testing.fakes import ListEvents
from quantsail_framework.testing.markets import other_future
from tests.engine.test_reference import assert_alike, assert_identical

# Limits at which each rule has something to refuse in the market below.
RULES: dict[str, dict[str, Any]] = {
    "max-daily-trades": {"limit": 3},
    "max-concurrent-positions": {"limit": 2},
    "max-exposure": {"pct": 20.0},
    "profitability-gate": {"min_profit": 16.0},
    "max-correlated-positions": {"limit": 1, "threshold": 0.2, "window": 50},
    "stop-loss-guard": {"limit": 2, "window": "1d", "duration": "8h"},
    "volatility-spike": {"duration": "3h", "atr_multiple": 2.5, "action": "flatten"},
    "cooldown": {"duration": "4h"},
    "max-consecutive-losses": {"limit": 4, "duration": "day", "action": "flatten"},
    "daily-target": {"target": 30.0, "include_open": True, "action": "flatten"},
    "max-daily-loss": {"limit": 25.0, "include_open": True},
    "max-drawdown": {"pct": 1.2, "duration": "1d", "action": "flatten"},
}


@attrs.frozen
class Case:
    """Options with which a strategy signals often enough for every rule, and limits of its own where it needs them."""

    options: Mapping[str, Any]
    rules: Mapping[str, dict[str, Any]] = {}
    end: str = "2023-09-01"
    has_targets: bool = True  # without, profitability-gate has nothing to judge


# One that moves its stop to break even, in the one-file form.
LOCAL = "my_strategy.py:CrossAndProtect"
STRATEGIES = {
    "trend": Case({"allow_short": True, "volume_period": 0}),
    "mean-reversion": Case(
        {"allow_short": True, "adx_threshold": 40.0, "rsi_oversold": 45.0},
        {"profitability-gate": {"min_profit": 4.0}, "max-exposure": {"pct": 20.2}},
        end="2023-06-01",
    ),
    "volatility-expansion": Case(
        {
            "allow_short": True,
            "volume_period": 0,
            "bb_std": 1.0,
            "squeeze_lookback": 40,
            "squeeze_bars": 38,
            "expansion_atr": 0.8,
        },
        end="2023-05-15",
    ),
    # Asked for each bar with a frame of its own: a shorter market.
    "generate-signal": Case(
        {"class_name": "quantsail_generate_signal.example:HigherCloses", "history": 20},
        {
            "max-daily-trades": {"limit": 4},
            "max-exposure": {"pct": 20.05},
            "profitability-gate": {"min_profit": 17.5},
            "max-correlated-positions": {"limit": 1, "threshold": 0.5, "window": 50},
            "max-daily-loss": {"limit": 15.0, "include_open": True},
        },
        end="2023-05-01",
    ),
    LOCAL: Case({"period": 20}, has_targets=False),
}
EXAMPLES = Path(__file__).parents[2] / "examples"
SYMBOLS = ["A/USD", "B/USD", "C/USD", "D/USD"]
PIPELINE = """
[pipeline]
capital = 10_000
timezone = "Europe/Berlin"
[data]
use = "synthetic"
symbols = {symbols}
timeframe = "1h"
start = 2023-01-01
end = {end}
[costs]
use = "binance-spot"
volatility_window = 50
[sizer]
use = "fixed-fractional"
"""


def table(header: str, use: str, options: dict[str, Any]) -> str:
    texts = {key: str(value).lower() if isinstance(value, bool) else repr(value) for key, value in options.items()}
    return "\n".join([header, f'use = "{use}"', *(f"{key} = {text}" for key, text in texts.items()), ""])


def prepared(folder: Path, strategy: str) -> tuple[Pipeline, MarketData]:
    case = STRATEGIES[strategy]
    text = PIPELINE.format(symbols=SYMBOLS, end=case.end) + table("[strategy]", strategy, dict(case.options))
    text += "".join(table("[[risk]]", name, options) for name, options in {**RULES, **case.rules}.items())
    shutil.copy(EXAMPLES / "my_strategy.py", folder)
    file = folder / "pipeline.toml"
    file.write_text(text, encoding="utf-8")
    pipeline = load_pipeline(file)
    return pipeline, load_market(pipeline)


def test_every_installed_rule_is_on() -> None:
    assert set(RULES) == set(load_registry().components("risk-rule"))


def test_every_installed_strategy_is_there() -> None:
    assert set(STRATEGIES) - {LOCAL} == set(load_registry().components("strategy"))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_backtest_and_replay_agree_with_every_rule_on(strategy: str, tmp_path: Path) -> None:
    pipeline, data = prepared(tmp_path, strategy)
    jumped = simulate(pipeline, data)
    has_targets = STRATEGIES[strategy].has_targets
    silent = set(RULES) - set(jumped.refusals["rule"])
    assert silent == (set() if has_targets else {"profitability-gate"})
    assert {"stop", "target" if has_targets else "signal", "flatten"} <= set(jumped.trades["exit_reason"])
    assert_identical(jumped, replay(pipeline, data))
    assert_alike(jumped, replay(pipeline, data, feed="rolling"))


# What has tripped by now does not depend on what the market does later, nor on what a process remembers.


def trips_until(pipeline: Pipeline, data: MarketData, now_ns: int) -> Sequence[tuple[str, Trip, int]]:
    """What has tripped at the closes of the bars that opened before ``now_ns``, in order."""
    events = ListEvents()
    replay(pipeline, data, events=events)
    tripped = [details for name, details in events.happened if name == "breaker_tripped"]
    return [(rule, trip, time) for rule, trip, time in tripped if time < now_ns]


def with_other_future(data: MarketData, now_ns: int) -> MarketData:
    """The same candles up to ``now_ns``, and others from then on."""

    def changed(bars: Bars) -> Bars:
        last = bars.index_at(now_ns - 1)
        return other_future(bars, last, seed=last)

    return attrs.evolve(data, bars={symbol: changed(bars) for symbol, bars in data.bars.items()})


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_every_breaker_has_tripped_as_it_would_before_another_future(share: float, tmp_path: Path) -> None:
    pipeline, data = prepared(tmp_path, "trend")
    times = data.bars[SYMBOLS[0]].time
    now_ns = int(times[int(len(times) * share)])
    uninterrupted = trips_until(pipeline, data, now_ns)
    anew, reloaded = prepared(tmp_path, "trend")  # components of their own
    assert trips_until(anew, with_other_future(reloaded, now_ns), now_ns) == uninterrupted
    assert len({rule for rule, _, _ in uninterrupted}) >= 5
