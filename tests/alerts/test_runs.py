"""Alerts of whole runs: which runner sends what, and that no sink can delay, break or give away anything."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import pytest

from quantsail_framework import Component, RunResult, Secret, hookimpl, load_pipeline, run
from quantsail_framework.domain.alert import Alert
from quantsail_framework.errors import DeliveryError
from quantsail_framework.plugins import load_registry
from quantsail_framework.ports.alert_sink import RoutedSink
from quantsail_framework.ports.runner import Pipeline
from quantsail_framework.testing import FakeServer, Reply
from tests.alerts.conftest import ScriptedSink

QUANTSAIL = str(Path(sys.executable).parent / "quantsail")
TOKEN = "110201543:AAHcanary-DmRg_5Qz"
KEY = "canary-key-4711/+="
PIPELINE = """\
[pipeline]
name = "alerting"
capital = 10_000
[data]
use = "samples"
symbols = ["EUR/USD"]
timeframe = "1h"
end = 2017-03-01
[strategy]
use = "trend"
allow_short = true
[costs]
use = "basis-points"
spread_bps = 0.8
[sizer]
use = "fixed-fractional"
[[risk]]
use = "max-daily-loss"
limit = 5.0
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    file = tmp_path / "alerting.toml"
    file.write_text(PIPELINE, encoding="utf-8")
    return load_pipeline(file)


def alerts_of(pipeline: Pipeline, **options: Any) -> tuple[list[Alert], Any]:
    sink = ScriptedSink()
    result = run(attrs.evolve(pipeline, alerts=(RoutedSink("kept", sink),)), **options)
    return sink.got, result


def test_d127_a_replay_tells_every_trade_and_limit_in_time_order(pipeline: Pipeline) -> None:
    got, result = alerts_of(pipeline, runner="replay")
    kinds = [alert.kind for alert in got]
    trades = len(result.trades["symbol"])
    assert trades >= 3
    assert Counter(kinds) == {
        "engine_started": 1,
        "trade_opened": trades,
        "trade_closed": trades,
        "daily_loss_limit": kinds.count("daily_loss_limit"),
        "run_finished": 1,
        "engine_stopped": 1,
    }
    assert kinds.count("daily_loss_limit") >= 1
    assert (kinds[0], kinds[-2:]) == ("engine_started", ["run_finished", "engine_stopped"])
    in_run = [alert.time_ns for alert in got[1:-2]]
    assert in_run == sorted(in_run)
    assert [a.fields["net_pnl"] for a in got if a.kind == "trade_closed"] == result.trades["net_pnl"].tolist()
    assert [a.fields["entry_price"] for a in got if a.kind == "trade_opened"] == result.trades["entry_price"].tolist()


def test_a_backtest_tells_its_end_only(pipeline: Pipeline) -> None:
    got, _ = alerts_of(pipeline, runner="backtest")
    assert [alert.kind for alert in got] == ["run_finished"]


def test_a_backtest_tells_everything_when_asked(pipeline: Pipeline, tmp_path: Path) -> None:
    everything = load_pipeline(tmp_path / "alerting.toml", overrides={"pipeline.alerts": "all"})
    of_backtest, _ = alerts_of(everything, runner="backtest")
    of_replay, _ = alerts_of(pipeline, runner="replay")
    in_run = [[(a.kind, a.text, a.time_ns) for a in got[1:-2]] for got in (of_backtest, of_replay)]
    assert in_run[0] == in_run[1]


def test_a_run_that_fails_or_is_stopped_says_so(pipeline: Pipeline) -> None:
    class Ends:
        def __init__(self, error: BaseException) -> None:
            self.error = error

        def open(self) -> None: ...

        def close(self) -> None: ...

        def order_filled(self, _position: Any) -> None:
            raise self.error

    class Breaks:
        warmup = 0

        def signals(self, _bars: Any) -> Any:
            raise ValueError("a bug in the strategy")

    stopped, failed = ScriptedSink(), ScriptedSink()
    by_user = attrs.evolve(pipeline, alerts=(RoutedSink("a", stopped),), observers=(Ends(KeyboardInterrupt()),))
    with pytest.raises(KeyboardInterrupt):
        run(by_user, runner="replay")
    assert [(a.kind, a.level) for a in stopped.got][-2:] == [("trade_opened", "info"), ("engine_stopped", "warning")]
    with pytest.raises(ValueError, match="a bug in the strategy"):
        run(attrs.evolve(pipeline, alerts=(RoutedSink("a", failed),)), runner="replay", strategy=Breaks())
    assert failed.texts[-2:] == [
        "replay 'alerting' failed: ValueError: a bug in the strategy",
        "replay 'alerting' stopped after an error",
    ]
    assert stopped.calls[-1] == failed.calls[-1] == "close"


def test_alerts_change_no_result(pipeline: Pipeline) -> None:
    silent = run(pipeline, runner="replay")
    _, told = alerts_of(pipeline, runner="replay")
    for name, column in silent.trades.items():
        assert column.tolist() == told.trades[name].tolist(), name


def test_a_sink_is_not_opened_and_its_secret_not_asked_for_where_nothing_goes(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    sink = ScriptedSink()
    routed = RoutedSink("trades", sink, only=("trade_opened",))
    run(attrs.evolve(pipeline, alerts=(routed,)), runner="backtest")
    assert sink.calls == []
    assert caplog.records == []


def test_observers_hear_what_was_dropped(pipeline: Pipeline) -> None:
    class Listening:
        heard: list[tuple[str, str]] = []

        def open(self) -> None: ...

        def close(self) -> None: ...

        def alert_dropped(self, sink: str, alert: Alert) -> None:
            self.heard.append((sink, alert.kind))

    sink = ScriptedSink(always=ValueError("a bug"))
    routed = RoutedSink("broken", sink, only=("run_finished",))
    with_both = attrs.evolve(pipeline, alerts=(routed,), observers=(Listening(),))
    run(with_both, runner="backtest")
    assert Listening.heard == [("broken", "run_finished")]


def test_d121_a_replay_is_not_delayed_by_a_sink_that_hangs(pipeline: Pipeline) -> None:
    """It hangs at the first alert until the run is over: the run ends all the same, and then everything arrives.

    How long an alert keeps the run is measured in tests/benchmarks/dead_sink.py.
    """
    expected, _ = alerts_of(pipeline, runner="replay")
    assert len(expected) >= 10
    sink = ScriptedSink()
    sink.gate.clear()
    ending = _Ending(sink)
    rescue = threading.Timer(60.0, sink.gate.set)  # where the run waits for the sink, this test fails and ends
    rescue.start()
    run(attrs.evolve(pipeline, alerts=(RoutedSink("hangs", sink),), observers=(ending,)), runner="replay")
    rescue.cancel()
    assert ending.delivered == [0]
    assert sink.texts == [alert.text for alert in expected]


class _Ending:
    """Notes what was delivered when the run was complete, and lets the sink go then."""

    def __init__(self, sink: ScriptedSink) -> None:
        self._sink = sink
        self.delivered: list[int] = []

    def open(self) -> None: ...

    def close(self) -> None: ...

    def run_finished(self, _result: Any) -> None:
        self.delivered.append(len(self._sink.got))
        self._sink.gate.set()


@attrs.frozen
class _Odd:
    """A runner whose result cannot be put into words."""

    def run(self, _pipeline: Pipeline, _session: Any) -> RunResult:
        class Unreadable(str):
            __slots__ = ()

            def __format__(self, _spec: str) -> str:
                raise ValueError("no words")

        return RunResult("odd", "night", verdict=Unreadable("pass"))


def test_a_result_that_cannot_be_told_fails_no_run(pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    class Odd:
        @hookimpl
        def quantsail_runners(self) -> Iterator[Component]:
            yield Component("odd", f"{__name__}:_Odd", "Odd.")

    registry = load_registry(extra=[Odd()])
    got, result = alerts_of(pipeline, runner="odd", registry=registry)
    assert (result.kind, got) == ("odd", [])
    assert caplog.messages == ["the end of the run could not be put into an alert: ValueError: no words"]


def warned(pipeline: Pipeline, caplog: pytest.LogCaptureFixture, text: str) -> str:
    """What is said on the terminal about a server that refuses with ``text``."""
    sink = ScriptedSink(always=DeliveryError(text, permanent=True))
    run(attrs.evolve(pipeline, alerts=(RoutedSink("s", sink, only=("run_finished",)),)), runner="backtest")
    [said] = caplog.messages
    return said.partition("did not deliver 'run_finished': ")[2]


def test_what_a_server_says_is_shown_short_and_printable(pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    """Escape sequences move the cursor, or write into the title of the terminal."""
    text = "HTTP 400: \x1b]0;owned\x07\x1b[2J\u202egnp.exe\nsecond line " + "x" * 1_000
    said = warned(pipeline, caplog, text)
    assert said.startswith("HTTP 400: \ufffd]0;owned\ufffd\ufffd[2J\ufffdgnp.exe second line xxx")
    assert said.isprintable()
    assert len(caplog.messages[0]) == 200


@pytest.mark.parametrize("before", range(100, 200, 9))
def test_a_secret_that_would_be_cut_is_masked_first(
    before: int, pipeline: Pipeline, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "canary-4711-canary")
    Secret(env="KEY").reveal()
    assert "canary" not in warned(pipeline, caplog, "x" * before + "canary-4711-canary")


# Secrets, in the whole command.

FORMS = {form for secret in (TOKEN, KEY, TOKEN.partition(":")[2]) for form in (
    secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("="),
)}  # fmt: skip
TROUBLES = {
    "fine": Reply(200, body={"ok": True, "result": {}}),
    "bad token": Reply(401, body={"ok": False, "error_code": 401, "description": "Unauthorized"}),
    "bad markup": Reply(400, body={"ok": False, "error_code": 400, "description": "Bad Request: can't parse entities"}),
    "flood": Reply(429, body={"ok": False, "error_code": 429, "parameters": {"retry_after": 90}}),
    "server error": Reply(500, body={"ok": False, "error_code": 500, "description": "Internal Server Error"}),
    "slow": Reply(delay_s=30.0),
    "repeats": lambda asked: Reply(404, body={"ok": False, "description": asked.path}),
    "refused": None,
}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("trouble", TROUBLES)
def test_d119_no_secret_is_in_any_output_of_a_run_or_a_test(trouble: str, server: FakeServer, tmp_path: Path) -> None:
    url = server.url
    if TROUBLES[trouble] is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
    else:
        server.otherwise = TROUBLES[trouble]  # type: ignore[assignment]
    sinks = f"""
[[alerts]]
use = "telegram"
token = {{ env = "T_TOKEN" }}
chat_id = 1
base_url = "{url}"
timeout_s = 0.3
only = ["run_finished"]
[[alerts]]
use = "webhook"
url = {{ env = "W_URL" }}
secret = {{ env = "W_KEY" }}
timeout_s = 0.3
only = ["run_finished"]
[[alerts]]
use = "apprise"
url = {{ env = "A_URL" }}
only = ["run_finished"]
"""
    (tmp_path / "p.toml").write_text(PIPELINE + sinks, encoding="utf-8")
    environment = {**os.environ, "T_TOKEN": TOKEN, "W_KEY": KEY, "W_URL": f"{url}/{TOKEN}", "QUANTSAIL_DEBUG": "1"}
    login = f"canary-user:{quote(KEY, safe='')}"
    environment["A_URL"] = f"{url.replace('http://', f'json://{login}@')}/{quote(TOKEN, safe='')}?cto=0.3&rto=0.3"
    printed = ""
    for command in (["run", "p.toml", "--out", "run"], ["alerts", "test", "p.toml"], ["show", "p.toml"]):
        done = subprocess.run(
            [QUANTSAIL, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        expected = 1 if command[0] == "alerts" and trouble != "fine" else 0
        assert done.returncode == expected, done.stderr
        printed += done.stdout + done.stderr
    kept = b"".join(path.read_bytes() for path in (tmp_path / "run").iterdir())
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["kind"] == "backtest"
    assert not [form for form in FORMS if form in printed or form.encode() in kept]
    if trouble != "fine":
        assert printed.count("did not deliver 'run_finished'") == 3
