"""What the runners say of a run, on a market of three bars and on candles with gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_backtest.runners import BacktestRunner, ReplayRunner
from quantsail_framework import Bars, Signals, Timeframe, run
from quantsail_framework.errors import ComponentError, DataError
from quantsail_framework.results import read_run
from quantsail_framework.testing.examples import example_pipeline, example_session
from quantsail_framework.testing.fakes import FakeSource, ListEvents
from quantsail_framework.testing.markets import random_walk

HOUR = 3_600_000_000_000


@attrs.frozen
class BuyFirst:
    """Buys on the first bar, stop 10 below and target 20 above the close."""

    warmup: int = 0

    def signals(self, bars: Bars) -> Signals:
        entry = np.zeros(len(bars), np.int8)
        entry[0] = 1
        return Signals(entry, bars.close - 10.0, bars.close + 20.0, reason=lambda i: f"bar {i}")


def candles(rows: list[tuple[float, float, float, float]], hours: list[int] | None = None) -> Bars:
    """Hourly candles of TEST/USDT from open, high, low, close."""
    open_, high, low, close = np.array(rows, dtype=float).T
    at = np.array(hours or range(len(rows))) * HOUR
    return Bars("TEST/USDT", Timeframe("1h"), at, open_, high, low, close, np.ones(len(rows)))


def pipeline(bars: Bars, **parts: Any) -> Any:
    spec = attrs.evolve(
        example_pipeline().data, symbols=("TEST/USDT",), timeframe=Timeframe("1h"), **parts.pop("data", {})
    )
    given = {"source": FakeSource({"TEST/USDT": bars}), "strategy": BuyFirst(), "data": spec, "risk": ()} | parts
    return example_pipeline(**given)


# Both levels of the position that opens at 100 (stop 90, target 120) lie inside the second bar.
BOTH = [(100.0, 100.0, 100.0, 100.0), (100.0, 125.0, 85.0, 100.0), (100.0, 100.0, 100.0, 100.0)]


@pytest.mark.parametrize("runner", [BacktestRunner, ReplayRunner])
@pytest.mark.parametrize(
    "both_touched, reason, price", [("stop_first", "stop", 90.0), ("target_first", "target", 120.0)]
)
def test_d033_the_policy_for_both_levels_is_an_option(
    runner: Any, both_touched: Any, reason: str, price: float
) -> None:
    result = runner(both_touched=both_touched).run(pipeline(candles(BOTH)), example_session())
    assert result.trades["exit_reason"].tolist() == [reason]
    assert result.trades["exit_price"].tolist() == [price]
    assert result.trades["ambiguous"].tolist() == [True]
    assert result.metrics["ambiguous_trades"] == 1


def test_buy_and_hold_runs_from_the_first_tradable_open() -> None:
    # The first bar may decide: bought at its open, 100, and worth 110 at the last close.
    bars = candles([(100.0, 101.0, 99.0, 100.0), (100.0, 111.0, 100.0, 110.0)])
    assert BacktestRunner().run(pipeline(bars), example_session()).metrics["buy_and_hold_return"] == pytest.approx(0.1)
    # With one bar of warm-up it is bought at the second open: 108 / 104 - 1.
    bars = candles([(100.0, 101.0, 99.0, 100.0), (104.0, 111.0, 100.0, 110.0), (110.0, 110.0, 108.0, 108.0)])
    later = BacktestRunner().run(pipeline(bars, strategy=BuyFirst(warmup=1)), example_session())
    assert later.metrics["buy_and_hold_return"] == pytest.approx(108.0 / 104.0 - 1.0)
    assert later.facts["symbols"][0]["first_tradable"] == HOUR


def test_gaps_are_told_or_refused_or_filled() -> None:
    bars = candles([(100.0, 100.0, 100.0, 100.0)] * 4, hours=[0, 1, 4, 5])
    kept = BacktestRunner().run(pipeline(bars), example_session())
    assert kept.notes == ("TEST/USDT: 1 gap (2 bars missing), kept",)
    filled = BacktestRunner().run(pipeline(bars, data={"gaps": "fill"}), example_session())
    facts = filled.facts["symbols"][0]
    assert (facts["bars"], facts["gaps"], facts["missing"]) == (6, 1, 2)
    with pytest.raises(
        DataError, match=r"TEST/USDT 1h: 1 gap \(2 bars missing\), the first after 1970-01-01 01:00 UTC"
    ):
        BacktestRunner().run(pipeline(bars, data={"gaps": "fail"}), example_session())


def test_a_warm_up_that_eats_all_bars_is_said() -> None:
    bars = candles([(100.0, 100.0, 100.0, 100.0)] * 3)
    result = BacktestRunner().run(pipeline(bars, strategy=BuyFirst(warmup=5)), example_session())
    assert result.notes == ("TEST/USDT: 3 bars loaded and the warm-up takes 5: nothing can be decided",)
    assert result.metrics["buy_and_hold_return"] is None
    assert len(result.equity["time"]) == 3


@pytest.mark.parametrize("feed", ["once", "rolling"])
def test_replay_tells_every_close_and_the_backtest_every_day(feed: Any) -> None:
    bars = random_walk(seed=5, size=60, timeframe="1h", symbol="TEST/USDT")
    walked, jumped = ListEvents(), ListEvents()
    ReplayRunner(feed=feed).run(pipeline(bars), example_session(events=walked))
    result = BacktestRunner().run(pipeline(bars), example_session(events=jumped))
    closes = [event for event in walked.happened if event[0] == "equity_updated"]
    assert len(closes) == 60
    days = [event for event in jumped.happened if event[0] == "equity_updated"]
    assert len(days) == len(np.unique(bars.time // (24 * HOUR)))
    assert days[-1][1][1] == result.equity["equity"][-1]
    assert set(days) <= set(closes)


def test_a_cancelled_run_stops() -> None:
    bars = random_walk(seed=5, size=3_000, timeframe="1h", symbol="TEST/USDT")
    with pytest.raises(KeyboardInterrupt):
        ReplayRunner().run(pipeline(bars), example_session(cancelled=lambda: True))


def test_no_bar_before_the_start_decides_though_filling_makes_more_of_them() -> None:
    """Two warm-up bars before the start become four when the gap between them is filled; the start stays the start."""
    bars = candles([(100.0, 100.0, 100.0, 100.0)] * 5, hours=[0, 3, 4, 5, 6])
    data = {"gaps": "fill", "start_ns": 4 * HOUR}
    result = BacktestRunner().run(pipeline(bars, strategy=BuyFirst(warmup=2), data=data), example_session())
    assert result.facts["symbols"][0]["first_tradable"] == 4 * HOUR
    assert result.equity["time"].tolist() == [4 * HOUR, 5 * HOUR, 6 * HOUR]


@attrs.frozen
class TooShort:
    """Forgets a bar."""

    warmup: int = 0

    def signals(self, bars: Bars) -> Signals:
        return Signals(np.zeros(len(bars) - 1, np.int8), bars.close)


@attrs.frozen
class Silent:
    """Returns nothing."""

    warmup: int = 0

    def signals(self, bars: Bars) -> None:
        return None


def test_d052_what_a_strategy_returns_is_checked_and_named() -> None:
    bars = candles([(100.0, 100.0, 100.0, 100.0)] * 3)
    with pytest.raises(
        ComponentError, match=r"TooShort.signals\(TEST/USDT\): signals.entry has shape \(2,\); the bars have \(3,\)"
    ):
        BacktestRunner().run(pipeline(bars, strategy=TooShort()), example_session())
    with pytest.raises(ComponentError, match=r"Silent.signals\(TEST/USDT\) returned NoneType; it must return Signals"):
        BacktestRunner().run(pipeline(bars, strategy=Silent()), example_session())


@pytest.mark.parametrize("runner", ["backtest", "replay"])
def test_the_candles_go_to_reporters_and_not_into_the_folder(runner: str, tmp_path: Path) -> None:
    bars = candles(BOTH)
    result = run(pipeline(bars), runner=runner, out=tmp_path / "run")
    assert result.market["TEST/USDT"].close.tolist() == bars.close.tolist()
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {"manifest.json", "metrics.json", "trades.parquet", "equity.parquet", "refusals.parquet"}
    assert read_run(tmp_path / "run").result().market == {}
