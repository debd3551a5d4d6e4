"""What a good pipeline file becomes: the Pipeline, its resolved values, their origins."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from quantsail_framework.config import Secret, build_runner
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.plugins import Registry
from quantsail_framework.ports.alert_sink import RoutedSink
from quantsail_framework.ports.runner import NamedRule
from tests.config.conftest import MINIMAL, Desk, changed
from tests.config.parts import Backtest, Fixed, Flat, Folder, Listener, MaxExposure, MaxLoss, Messenger, Printer, Trend

FULL = """\
[pipeline]
name = "full run"
runner = "backtest"
capital = 10_000
currency = "USDT"
timezone = "Europe/Berlin"
seed = 7
[data]
use = "folder"
path = "data/binance"
symbols = ["BNB/USDT", "BTC/USDT"]
timeframe = "5m"
start = 2023-01-01
end = 2023-07-01T02:00:00+02:00
informative = ["1h", "ETH/BTC@1d"]
gaps = "fail"
[strategy]
use = "trend"
adx_period = 20
[costs]
use = "flat"
[sizer]
use = "fixed"
quantity = 2
[[risk]]
use = "max-exposure"
[[risk]]
use = "max-loss"
limit = 50.0
[[risk]]
use = "max-exposure"
pct = 40
[[alerts]]
use = "messenger"
token = { env = "TOKEN" }
[[observers]]
use = "listener"
[[reporters]]
use = "printer"
[backtest]
both_touched = "target_first"
"""
DAY_NS = 86_400 * 10**9


def test_every_table_arrives_in_the_pipeline(desk: Desk) -> None:
    pipeline = desk.load(FULL)
    assert (pipeline.name, pipeline.runner, pipeline.capital) == ("full run", "backtest", 10_000.0)
    assert (pipeline.currency, pipeline.timezone, pipeline.seed) == ("USDT", "Europe/Berlin", 7)
    assert pipeline.source == Folder(path=desk.folder / "data/binance")
    assert (pipeline.strategy, pipeline.costs, pipeline.sizer) == (Trend(adx_period=20), Flat(), Fixed(2.0))
    assert pipeline.risk == (
        NamedRule("max-exposure", MaxExposure()),
        NamedRule("max-loss", MaxLoss(50.0)),
        NamedRule("max-exposure-2", MaxExposure(40.0)),
    )
    assert pipeline.alerts == (RoutedSink("messenger", Messenger(Secret(env="TOKEN"))),)
    assert (pipeline.observers, pipeline.reporters) == ((Listener(),), (Printer(),))
    assert pipeline.runner_options == {"backtest": {"both_touched": "target_first"}}


def test_data_spec_holds_exact_nanoseconds(desk: Desk) -> None:
    data = desk.load(FULL).data
    assert data.symbols == ("BNB/USDT", "BTC/USDT")
    assert data.timeframe == Timeframe("5m")
    assert data.start_ns == 19_358 * DAY_NS  # 2023-01-01 is day 19,358 since 1970
    assert data.end_ns == 19_539 * DAY_NS  # 02:00+02:00 is 00:00 UTC; January to June have 181 days
    assert data.informative == ((None, Timeframe("1h")), ("ETH/BTC", Timeframe("1d")))
    assert data.gaps == "fail"


def test_d010_dates_are_utc_in_every_machine_zone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = set()
    for zone in ("UTC", "America/New_York", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        starts.add((desk.load(FULL).data.start_ns, desk.load(FULL).data.end_ns))
    monkeypatch.undo()
    time.tzset()
    assert starts == {(19_358 * DAY_NS, 19_539 * DAY_NS)}


def test_what_is_left_out_has_its_default(desk: Desk) -> None:
    pipeline = desk.load(MINIMAL)
    assert (pipeline.name, pipeline.runner, pipeline.timezone, pipeline.seed) == ("p", "backtest", "UTC", 0)
    assert pipeline.currency == "USDT"  # what BNB/USDT is priced in
    assert (pipeline.data.start_ns, pipeline.data.end_ns) == (None, None)
    assert (pipeline.data.informative, pipeline.data.gaps) == ((), "keep")
    assert (pipeline.risk, pipeline.alerts, pipeline.observers, pipeline.reporters) == ((), (), (), ())
    assert pipeline.runner_options == {"backtest": {}}


def test_name_of_the_file_that_cannot_be_a_folder_is_mended(desk: Desk) -> None:
    from quantsail_framework.config import load_pipeline

    path = desk.write(MINIMAL, "my run (1).toml")
    assert load_pipeline(path, registry=desk.registry, environ={}).name == "my run -1-"


def test_resolved_is_complete_plain_and_in_a_fixed_order(desk: Desk) -> None:
    resolved = desk.load(FULL).resolved
    expected: dict[str, Any] = {
        "pipeline": {
            "name": "full run",
            "runner": "backtest",
            "capital": 10000.0,
            "currency": "USDT",
            "timezone": "Europe/Berlin",
            "seed": 7,
            "alerts": "auto",
        },
        "data": {
            "use": "folder",
            "symbols": ["BNB/USDT", "BTC/USDT"],
            "timeframe": "5m",
            "start": "2023-01-01T00:00:00Z",
            "end": "2023-07-01T00:00:00Z",
            "informative": ["1h", "ETH/BTC@1d"],
            "gaps": "fail",
            "path": "data/binance",
            "extra": [],
        },
        "strategy": {"use": "trend", "adx_period": 20, "stop_atr": 2.0, "allow_short": False, "mode": "fast"},
        "costs": {"use": "flat", "fee_bps": 10.0},
        "sizer": {"use": "fixed", "quantity": 2.0},
        "risk": [
            {"use": "max-exposure", "pct": 100.0},
            {"use": "max-loss", "limit": 50.0},
            {"use": "max-exposure", "pct": 40.0},
        ],
        "alerts": [{"use": "messenger", "token": {"env": "TOKEN"}, "min_level": "info", "only": None}],
        "observers": [{"use": "listener"}],
        "reporters": [{"use": "printer", "width": 80}],
        "backtest": {"both_touched": "target_first"},
    }
    assert json.dumps(resolved) == json.dumps(expected)  # the same values in the same order


def test_each_sink_has_its_route(desk: Desk) -> None:
    sink = '[[alerts]]\nuse = "messenger"\ntoken = { env = "TOKEN" }\n'
    text = MINIMAL + sink + sink + 'min_level = "warning"\nonly = ["error", "trade_closed"]\n'
    pipeline = desk.load(text, sets={"alerts.messenger.only": ["error"]})
    messenger = Messenger(Secret(env="TOKEN"))
    assert pipeline.alerts == (
        RoutedSink("messenger", messenger, "info", ("error",)),
        RoutedSink("messenger-2", messenger, "warning", ("error", "trade_closed")),
    )
    assert pipeline.origins["alerts.messenger.only"] == "--set"
    assert pipeline.origins["alerts.messenger.min_level"] == "default"
    assert pipeline.origins["alerts.messenger-2.min_level"] == "p.toml:19"


def test_wrong_routes_are_told_beside_other_problems(desk: Desk) -> None:
    sink = '[[alerts]]\nuse = "messenger"\ntoken = "x"\nmin_level = "loud"\nonly = []\n'
    found = desk.problems(MINIMAL.replace("capital = 1000", 'capital = 1000\nalerts = "none"') + sink)
    assert [line.split(": ")[1] for line in found] == [
        "pipeline.alerts",
        "alerts.messenger.token",
        "alerts.messenger.min_level",
        "alerts.messenger.only",
    ]


def test_which_alerts_are_sent_is_said_once_for_all_sinks(desk: Desk) -> None:
    assert desk.load(MINIMAL).which_alerts == "auto"
    assert desk.load(MINIMAL, sets={"pipeline.alerts": "all"}).which_alerts == "all"


def test_resolved_does_not_depend_on_the_place_of_the_folder(desk: Desk, tmp_path: Path) -> None:
    from quantsail_framework.config import load_pipeline

    here = desk.load(FULL)
    (tmp_path / "else").mkdir()
    there = load_pipeline(desk.write(FULL, "else/p.toml").absolute(), registry=desk.registry, environ={})
    assert here.resolved == there.resolved
    assert there.source == Folder(path=tmp_path / "else/data/binance")


def test_origins_name_every_resolved_value(desk: Desk) -> None:
    origins = desk.load(FULL).origins
    assert origins["pipeline.name"] == "p.toml:2"
    assert origins["data.path"] == "p.toml:10"
    assert origins["data.extra"] == "default"
    assert origins["strategy.adx_period"] == "p.toml:19"
    assert origins["strategy.stop_atr"] == "default"
    assert origins["risk.max-exposure.pct"] == "default"
    assert origins["risk.max-loss.limit"] == "p.toml:29"
    assert origins["risk.max-exposure-2.pct"] == "p.toml:32"
    assert origins["alerts.messenger.token"] == "p.toml:35"
    assert origins["backtest.both_touched"] == "p.toml:41"


def test_default_paths_too_are_found_beside_the_pipeline(desk: Desk) -> None:
    pipeline = desk.load(MINIMAL)
    assert pipeline.source == Folder(path=desk.folder / "candles")
    assert pipeline.resolved["data"]["path"] == "candles"


def test_a_tilde_is_the_home_folder(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/trader")
    monkeypatch.setenv("USERPROFILE", "/home/trader")
    text = changed('use = "folder"', 'use = "folder"\npath = "~/candles"\nextra = ["/mnt/x", "y"]')
    extra = (Path("/mnt/x"), desk.folder / "y")
    assert desk.load(text).source == Folder(path=Path("/home/trader/candles"), extra=extra)


def test_build_runner_gives_the_runner_its_options(desk: Desk, registry: Registry) -> None:
    pipeline = desk.load(FULL)
    assert build_runner(pipeline, registry, "backtest") == Backtest("target_first")


def test_runner_argument_replaces_that_of_the_file(desk: Desk) -> None:
    pipeline = desk.load(changed("capital = 1000", 'capital = 1000\nrunner = "live"'), runner="backtest")
    assert (pipeline.runner, pipeline.origins["pipeline.runner"]) == ("backtest", "--runner")


def test_tables_of_runners_that_are_not_installed_are_kept(desk: Desk) -> None:
    pipeline = desk.load(MINIMAL + "[monte-carlo]\nmin_trades = 30\n")
    assert pipeline.resolved["monte-carlo"] == {"min_trades": 30}
    assert pipeline.runner_options == {"backtest": {}}


def test_objects_replace_tables(desk: Desk) -> None:
    text = MINIMAL.replace('[strategy]\nuse = "trend"\n', "")
    pipeline = desk.load(text, strategy=Trend(adx_period=5), sizer=Fixed(3.0), source=Folder(Path("x")), costs=None)
    assert (pipeline.strategy, pipeline.sizer, pipeline.source) == (Trend(adx_period=5), Fixed(3.0), Folder(Path("x")))
    assert pipeline.costs == Flat()
    assert pipeline.resolved["strategy"] == {
        "use": "tests.config.parts:Trend",
        "adx_period": 5,
        "stop_atr": 2.0,
        "allow_short": False,
        "mode": "fast",
    }
    assert pipeline.origins["strategy.adx_period"] == "argument strategy="
    assert pipeline.resolved["data"]["use"] == "tests.config.parts:Folder"


def test_an_object_that_fits_no_port_is_refused(desk: Desk) -> None:
    problems = desk.problems(sizer=Trend())
    assert problems == ["sizer=: Trend is not a sizer: it has no method size()"]


def test_an_unknown_keyword_is_a_programming_error(desk: Desk) -> None:
    with pytest.raises(TypeError, match="takes no 'stratgy'; objects may replace source, strategy, costs, sizer"):
        desk.load(stratgy=Trend())


def test_executor_is_checked_and_kept(desk: Desk) -> None:
    text = MINIMAL + '[executor]\nuse = "pool"\nworkers = 4\n'
    assert desk.load(text).resolved["executor"] == {"use": "pool", "workers": 4}
    assert desk.problems(text.replace("workers", "wrokers")) == [
        "p.toml:15: executor.wrokers: unknown option; did you mean workers?"
    ]


def test_file_saved_by_windows_reads_the_same(desk: Desk) -> None:
    (desk.folder / "w.toml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    from quantsail_framework.config import load_pipeline

    pipeline = load_pipeline("w.toml", registry=desk.registry, environ={})
    assert pipeline.origins["costs.use"] == "w.toml:10"


def test_reading_and_merging_thirty_lines_takes_milliseconds(desk: Desk) -> None:
    from quantsail_framework.config import resolve

    path = desk.write(FULL)
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        resolve(path, environ=os.environ)
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.02
