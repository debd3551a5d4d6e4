"""The plugins in `examples/`: small, as their pages show them, and good for what they say, installed from a wheel."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from math import sqrt
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from quantsail_framework import RunResult
from quantsail_framework.testing import FakeServer, markets
from tests.authors.pages import AUTHORS, blocks, tables
from tests.authors.uses import install_with_parts, pipeline, run, run_its_tests, trials_of
from tests.authors.workshop import ROOT, Workshop

# Kind, which names the page, to the example.
EXAMPLES = {
    "strategy": "quantsail-internal-bar-strength",
    "data-source": "quantsail-sqlite",
    "risk-rule": "quantsail-trading-hours",
    "alert-sink": "quantsail-chat-webhook",
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
    """What a pipeline says of the example, as its README shows it, of the candles that are there."""
    return tables(folder(kind) / "README.md").replace("BTC/USDT", "TEST/USDT").replace('"1h"', '"5m"')


@contextmanager
def installed(clean: Workshop, kind: str) -> Iterator[None]:
    """The example, installed from a wheel for as long as the block lasts; its own tests pass."""
    clean.install(str(clean.wheel(folder(kind))), "--no-deps")
    name = EXAMPLES[kind].removeprefix("quantsail-")
    assert clean.plugins() == {name: EXAMPLES[kind]}
    run_its_tests(clean, folder(kind))
    yield
    clean.uninstall(EXAMPLES[kind])
    assert name not in clean.plugins()


def result(clean: Workshop, desk: Path, kind: str, made: Mapping[str, Path], **environment: str) -> RunResult:
    """Of a run of generated plugins with the example among them."""
    with installed(clean, kind):
        install_with_parts(clean, made, kind)
        return run(clean, desk, pipeline(made, kind, own(kind)), **environment).result()


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
def test_the_objective_ranks_the_trials_of_a_sweep(clean: Workshop, made: Mapping[str, Path], desk: Path) -> None:
    with installed(clean, "objective"):
        done = trials_of("objective", made, clean, desk, own("objective"))
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
