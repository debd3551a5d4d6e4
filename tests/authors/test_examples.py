"""The plugins in `examples/`: small, as their pages show them, and good for what they say, installed from a wheel."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from math import sqrt
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from quantsail_framework import RunResult, indicators
from quantsail_framework.scaffold import KINDS
from quantsail_framework.testing import FakeServer, markets
from tests.authors.pages import AUTHORS, blocks, tables
from tests.authors.pipelines import copied_fills, install_parts, pipeline, run, spied_trials, sweep
from tests.authors.workshop import ROOT, Workshop

# Kind, which names the page, to the example.
EXAMPLES = {
    "strategy": "quantsail-internal-bar-strength",
    "data-source": "quantsail-sqlite",
    "risk-rule": "quantsail-trading-hours",
    "alert-sink": "quantsail-chat-webhook",
    "bar-strategy": "quantsail-chandelier",
    "broker": "quantsail-quotes",
    "command": "quantsail-streaks",
    "cost-model": "quantsail-per-share",
    "executor": "quantsail-background",
    "objective": "quantsail-martin",
    "observer": "quantsail-event-log",
    "reporter": "quantsail-junit",
    "runner": "quantsail-start-dates",
    "sizer": "quantsail-turtle-unit",
}
MOST_LINES = 99


def folder(kind: str) -> Path:
    return ROOT / "examples" / EXAMPLES[kind]


def test_every_plugin_among_the_examples_is_tested_here() -> None:
    assert sorted(path.parent.name for path in (ROOT / "examples").glob("*/pyproject.toml")) == sorted(
        EXAMPLES.values()
    )


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_example_is_short(kind: str) -> None:
    lines = [
        line for file in folder(kind).glob("src/**/*.py") for line in file.read_text(encoding="utf-8").splitlines()
    ]
    assert 0 < len(lines) <= MOST_LINES


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_page_is_the_readme(kind: str) -> None:
    page = (AUTHORS / f"{kind}.md").read_text(encoding="utf-8")
    assert page == f'--8<-- "examples/{EXAMPLES[kind]}/README.md"\n'


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_readme_shows_every_file_as_it_is(kind: str) -> None:
    shown = {block.title: block.text for block in blocks(folder(kind) / "README.md") if block.title}
    files = [path for part in ("src", "tests") for path in folder(kind).glob(f"{part}/**/*.py")]
    assert shown == {path.relative_to(folder(kind)).as_posix(): path.read_text(encoding="utf-8") for path in files}


def own(kind: str) -> str:
    """What the README says of the example in a pipeline, for the market and the bars of the desk."""
    return tables(folder(kind) / "README.md").replace("BTC/USDT", "TEST/USDT").replace('"1h"', '"5m"')


@contextmanager
def installed(clean: Workshop, kind: str, made: Mapping[str, Path]) -> Iterator[None]:
    """Inside, the example is there from a wheel, has passed its own tests, and has generated plugins beside it."""
    name = EXAMPLES[kind].removeprefix("quantsail-")
    clean.install(str(clean.wheel(folder(kind))), "--no-deps")
    try:
        assert clean.plugins() == {name: EXAMPLES[kind]}
        clean.test(folder(kind))
        install_parts(clean, made, kind)
        yield
    finally:
        clean.uninstall(EXAMPLES[kind])
    assert name not in clean.plugins()


def result(
    clean: Workshop, desk: Path, kind: str, made: Mapping[str, Path], *arguments: str, **environment: str
) -> RunResult:
    """That of a run with the example in a pipeline of generated plugins."""
    with installed(clean, kind, made):
        text = pipeline(made, {KINDS[kind].registers: own(kind)})
        return run(clean, desk, text, *arguments, **environment).result()


@pytest.mark.slow
def test_the_strategy_trades(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    trades = result(clean, desk, "strategy", made).trades
    assert len(trades["reason"]) >= 10
    assert all(reason.startswith("internal bar strength 0.") for reason in trades["reason"])
    assert "signal" in set(trades["exit_reason"])


@pytest.mark.slow
def test_the_data_source_gives_its_candles(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    bars = markets.random_walk(5, 400)
    with closing(sqlite3.connect(desk / "candles.db")) as database, database:
        database.execute("CREATE TABLE candles (symbol, timeframe, time, open, high, low, close, volume)")
        columns = (bars.time // 1_000_000_000, bars.open, bars.high, bars.low, bars.close, bars.volume)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        database.executemany(f"INSERT INTO candles VALUES ('{bars.symbol}', '5m', ?, ?, ?, ?, ?, ?)", rows)
    (facts,) = result(clean, desk, "data-source", made).facts["symbols"]
    assert facts["sha256"] == bars.content_hash


@pytest.mark.slow
def test_the_risk_rule_refuses_at_night(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    done = result(clean, desk, "risk-rule", made)
    assert set(done.refusals["rule"]) == {"trading-hours"}
    decided = [(time // 1_000_000_000 + 300) // 3_600 % 24 for time in done.trades["signal_time"].tolist()]
    assert decided
    assert all(8 <= hour < 20 for hour in decided)


@pytest.mark.slow
def test_the_alert_sink_posts(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    with FakeServer() as server:
        # The README lets warnings and errors through alone, of which this run has none.
        surroundings = {"CHAT_URL": f"{server.url}/hooks/secret", "QUANTSAIL__ALERTS__CHAT_WEBHOOK__MIN_LEVEL": "info"}
        result(clean, desk, "alert-sink", made, **surroundings)
        texts = [asked.body.decode() for asked in server.requests]
    assert any("Run finished" in text for text in texts), texts


@pytest.mark.slow
def test_the_bar_strategy_leaves_at_its_chandelier(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    # The ATR of the README needs nearly as many bars to warm up as there are.
    trades = result(clean, desk, "bar-strategy", made, "--set", "strategy.atr_period=5").trades
    bars = markets.random_walk(3, 600)
    signalled, entered, left = (bars.time.searchsorted(trades[f"{name}_time"]) for name in ("signal", "entry", "exit"))
    distance = 3.0 * indicators.atr(bars, 5)
    stopped = np.flatnonzero(trades["exit_reason"] == "stop").tolist()
    assert len(stopped) >= 3
    for row in stopped:
        first, last = entered[row], left[row]
        hung = [bars.high[first : now + 1].max() - distance[now] for now in range(first, last)]
        stop = max([bars.close[signalled[row]] - distance[signalled[row]], *hung])
        assert trades["exit_price"][row] == pytest.approx(min(stop, bars.open[last]))


@pytest.mark.slow
def test_a_round_trip_at_the_broker_costs_the_spread(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    with installed(clean, "broker", made):
        done, fills = copied_fills(clean, made, desk, own("broker"))
    bought, sold = ([fill for fill in fills if fill.side == side] for side in (1, -1))
    assert len(bought) == len(sold) == len(done.trades["symbol"]) >= 3
    assert ({fill.price for fill in bought}, {fill.price for fill in sold}) == ({50_010.0}, {49_990.0})
    paid = sum(fill.side * fill.quantity * fill.price for fill in fills)
    assert paid == pytest.approx(20.0 * done.trades["quantity"].sum())


@pytest.mark.slow
def test_the_command_tells_the_streaks_of_a_run(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    with installed(clean, "command", made):
        near = ("--set", "strategy.stop_pct=0.3", "--set", "strategy.target_pct=0.3")  # for many trades of either kind
        trades = run(clean, desk, pipeline(made), *near).result().trades
        told = json.loads(clean.quantsail("streaks", "run", "--json", cwd=desk))
        header, *rows = clean.quantsail("streaks", "run", cwd=desk).splitlines()
    won = trades["net_pnl"][np.argsort(trades["exit_time"], kind="stable")]
    numbers = {"trades": len(won), "winning": longest(won > 0.0), "losing": longest(won < 0.0)}
    assert min(numbers.values()) >= 2
    assert told == [{"symbol": name, **numbers} for name in ("TEST/USDT", None)]
    assert [row.split() for row in rows] == [[name, *map(str, numbers.values())] for name in ("TEST/USDT", "all")]
    (shown,) = (block.text for block in blocks(folder("command") / "README.md") if block.language == "text")
    assert header.split() == shown.splitlines()[0].split()


def longest(happened: Sequence[bool]) -> int:
    """The most in a row that are true."""
    most = now = 0
    for each in happened:
        now = now + 1 if each else 0
        most = max(most, now)
    return most


@pytest.mark.slow
def test_the_cost_model_charges_by_the_share(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    # The positions are small: with the minimum of the README each fill would pay that.
    trades = result(clean, desk, "cost-model", made, "--set", "costs.minimum=0.0").trades
    assert len(trades["fees"]) >= 3
    assert trades["fees"].tolist() == pytest.approx((2 * 0.005 * trades["quantity"]).tolist())


@pytest.mark.slow
def test_the_executor_lowers_the_priority_of_trials(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    with installed(clean, "executor", made):
        priorities = spied_trials(clean, made, desk, own("executor"), "os.nice(0)")
    assert set(priorities) == {str(min(19, os.nice(0) + 10))}


@pytest.mark.slow
def test_the_objective_ranks_the_trials_of_a_sweep(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    with installed(clean, "objective", made):
        done = sweep(clean, made, desk, own("objective"))
    peak, squares = 0.0, []
    for equity in done.equity["equity"].tolist():  # of the best trial, as the tables of the run are
        peak = max(peak, equity)
        squares.append((1.0 - equity / peak) ** 2)
    expected = (done.metrics["cagr"] - 0.02) / sqrt(sum(squares) / len(squares))
    assert max(done.tables["trials"]["score"]) == pytest.approx(expected)


@pytest.mark.slow
def test_the_observer_logs_the_run(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    done = result(clean, desk, "observer", made)
    log = [json.loads(line) for line in (desk / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert (log[0], log[-1]["event"]) == ({"event": "run_started", "name": "made"}, "run_finished")
    trades = len(done.trades["symbol"])
    assert trades >= 3
    assert Counter(line["event"] for line in log[1:-1]) == Counter(
        order_filled=trades, trade_closed=trades, order_refused=len(done.refusals["rule"])
    )
    assert [line["net_pnl"] for line in log if line["event"] == "trade_closed"] == done.trades["net_pnl"].tolist()


@pytest.mark.slow
def test_the_reporter_writes_the_verdict(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    done = result(clean, desk, "reporter", made)
    assert done.verdict == "fail"  # and yet the command has succeeded
    (suite,) = ET.parse(desk / "run" / "junit.xml").getroot()
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("made", "1", "1")
    shown = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert shown["total_return"] == f"{done.metrics['total_return']:.6g}"


@pytest.mark.slow
def test_the_runner_starts_twenty_times(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    done = result(clean, desk, "runner", made)
    starts = done.tables["starts"]
    minute = starts["start_time"] // 60_000_000_000
    assert (len(minute), minute[-1] - minute[0]) == (20, 1_495)  # 299 bars of five minutes: what half of 597 leaves
    share = (starts["total_return"] > 0.0).mean()
    assert (done.metrics["profitable_starts"], done.verdict) == (share, "pass" if share >= 0.7 else "fail")


@pytest.mark.slow
def test_the_sizer_weighs_by_true_range(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    trades = result(clean, desk, "sizer", made).trades
    assert set(trades["bound_by"]) == {"unit"}
    time, _, high, low, close, _ = np.loadtxt(desk / "candles" / "TEST_USDT-5m.csv", delimiter=",", skiprows=1).T
    for signal, equity, quantity in zip(
        trades["signal_time"], trades["equity_at_entry"], trades["quantity"], strict=True
    ):
        row = int(np.flatnonzero(time == signal // 1_000_000)[0])
        rows = range(row - 19, row + 1)
        mean = sum(max(high[k], close[k - 1]) - min(low[k], close[k - 1]) for k in rows) / 20
        assert quantity == pytest.approx(equity * 0.001 / mean)
