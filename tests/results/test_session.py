"""run() as a notebook calls it: nothing is written unless asked, and the manifest names what really ran."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import Component, RunResult, hookimpl, run
from quantsail_framework.domain.alert import Alert
from quantsail_framework.errors import ResultsError, RunError, UnknownComponentError
from quantsail_framework.plugins import Registry, load_registry
from quantsail_framework.ports.alert_sink import RoutedSink
from quantsail_framework.ports.runner import Pipeline, Session
from quantsail_framework.session import EventHub, used_plugins

NEW_YEAR_2020 = 1_577_836_800 * 1_000_000_000
asked: list[Pipeline] = []


@attrs.frozen
class Probe:
    """A runner that keeps what it was asked to run."""

    fail: bool = attrs.field(default=False, metadata={"doc": "Fail instead of finishing."})

    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        asked.append(pipeline)
        session.progress(1.0, "done")
        if self.fail:
            raise RunError("it broke")
        return RunResult("probe", pipeline.name, {"equity": {"time": np.array([0]), "equity": np.array([1.0])}})


@attrs.frozen
class Doubling:
    """A strategy of the notebook's own."""

    factor: float = 2.0


class Plugin:
    @hookimpl
    def quantsail_runners(self) -> list[Component]:
        return [Component("backtest", f"{__name__}:Probe", "Probes.")]

    @hookimpl
    def quantsail_strategies(self) -> list[Component]:
        return [Component("trend", f"{__name__}:Doubling", "Doubles.")]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("QUANTSAIL_LOAD_PLUGINS", "")
    asked.clear()
    return load_registry(extra=[Plugin()])


def test_nothing_is_written_unless_asked(
    pipeline: Pipeline, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(pipeline, registry=registry)
    assert result.equity["equity"].tolist() == [1.0]
    assert "folder" not in result.facts
    assert list(tmp_path.iterdir()) == []


def test_keep_writes_a_new_folder_in_runs(
    pipeline: Pipeline, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [run(pipeline, registry=registry, keep=True, wall_ns=lambda: NEW_YEAR_2020).facts["folder"] for _ in "ab"]
    assert folders[0].startswith("runs/trend-bnb-20200101T000000Z-")
    assert folders[1] == f"{folders[0]}.2"
    manifest = json.loads((tmp_path / folders[1] / "manifest.json").read_text())
    assert manifest["times"] == {"started": "2020-01-01T00:00:00.000000Z", "finished": "2020-01-01T00:00:00.000000Z"}


def test_an_object_replaces_the_component_also_in_the_manifest(
    pipeline: Pipeline, registry: Registry, tmp_path: Path
) -> None:
    mine: Any = Doubling(3.0)
    run(pipeline, registry=registry, strategy=mine, out=tmp_path / "run")
    assert asked[0].strategy is mine
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["pipeline"]["strategy"] == {"use": f"{__name__}:Doubling", "factor": 3.0}
    assert manifest["pipeline"]["pipeline"] == {"name": "trend-bnb", "capital": 1000.0}


def test_a_folder_that_exists_is_refused_before_anything_runs(
    pipeline: Pipeline, registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(ResultsError, match="exists; choose another folder"):
        run(pipeline, registry=registry, out=tmp_path)
    assert asked == []


def test_a_run_that_fails_leaves_nothing(pipeline: Pipeline, registry: Registry, tmp_path: Path) -> None:
    failing = attrs.evolve(pipeline, runner_options={"backtest": {"fail": True}})
    with pytest.raises(RunError, match="it broke"):
        run(failing, registry=registry, out=tmp_path / "deep" / "run")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_runner_is_named(pipeline: Pipeline, registry: Registry) -> None:
    with pytest.raises(UnknownComponentError, match=r"no runner named 'bactest'; did you mean 'backtest'\?"):
        run(pipeline, registry=registry, runner="bactest")


def test_progress_reaches_the_caller(pipeline: Pipeline, registry: Registry) -> None:
    heard: list[tuple[float, str]] = []
    run(pipeline, registry=registry, progress=lambda fraction, text: heard.append((fraction, text)))
    assert heard == [(1.0, "done")]


def test_used_plugins_are_those_the_pipeline_names(pipeline: Pipeline, registry: Registry) -> None:
    assert [plugin.name for plugin in used_plugins(pipeline, registry)] == ["Plugin"]
    assert used_plugins(attrs.evolve(pipeline, runner="none", resolved={}), registry) == []


class Recorder:
    """A sink that keeps what it was sent, and a slow leak of an observer."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def open(self) -> None:
        self.calls.append("open")

    def send(self, alert: Alert) -> None:
        self.calls.append((alert.kind, alert.level, alert.text, alert.time_ns))

    def close(self) -> None:
        self.calls.append("close")

    def equity_updated(self, time_ns: int, equity: float) -> None:
        raise ValueError(f"no room for {equity}")


def test_a_sink_is_opened_only_when_there_is_an_alert(pipeline: Pipeline, registry: Registry) -> None:
    sink = Recorder()
    routed = RoutedSink("recorder", sink)
    run(attrs.evolve(pipeline, alerts=(routed,)), registry=registry, wall_ns=lambda: 5)
    assert sink.calls == ["open", ("run_finished", "info", "probe 'trend-bnb' finished", 5), "close"]
    sink.calls.clear()
    with pytest.raises(UnknownComponentError):
        run(attrs.evolve(pipeline, alerts=(routed,)), registry=registry, runner="none")
    assert sink.calls == []


def test_an_observer_that_keeps_failing_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    observer = Recorder()
    hub = EventHub([("observer 'leaky' of leaks 1.0", observer)])
    for equity in (1.0, 2.0, 3.0):
        hub.equity_updated(0, equity)
    hub.run_started("nobody listens to this")
    hub.close()
    assert observer.calls == ["open", "close"]
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["observer 'leaky' of leaks 1.0 failed in equity_updated: ValueError: no room for 1.0"]


def test_an_observer_that_cannot_open_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    class Shut(Recorder):
        def open(self) -> None:
            raise OSError("port in use")

    shut = Shut()
    hub = EventHub([("observer shut", shut)])
    hub.equity_updated(0, 1.0)
    hub.close()
    assert shut.calls == []
    assert [record.getMessage() for record in caplog.records] == ["observer shut failed in open: OSError: port in use"]


def test_an_observer_is_told_what_runs_before_it_starts(pipeline: Pipeline, registry: Registry) -> None:
    class Listener(Recorder):
        def run_prepared(self, pipeline: Pipeline) -> None:
            self.calls.append((pipeline.name, pipeline.runner, pipeline.data.symbols))

        def run_started(self, name: str) -> None:
            self.calls.append(name)

    listener = Listener()
    run(attrs.evolve(pipeline, runner="none", observers=(listener,)), registry=registry, runner="backtest")
    prepared = ("trend-bnb", "backtest", ("BNB/USDT", "ADA/USDT"))
    assert listener.calls == ["open", prepared, "trend-bnb", "close"]


def test_reporters_are_called_when_asked_only(pipeline: Pipeline, registry: Registry) -> None:
    told: list[tuple[str, Path | None]] = []

    class Telling:
        def write(self, result: RunResult, folder: Path | None) -> None:
            told.append((result.name, folder))

    pipeline = attrs.evolve(pipeline, reporters=(Telling(),))
    run(pipeline, registry=registry)
    assert told == []
    run(pipeline, registry=registry, report=True)
    assert told == [("trend-bnb", None)]


def test_what_is_no_pipeline_is_refused_with_the_remedy(registry: Registry) -> None:
    path: Any = "file.toml"
    with pytest.raises(TypeError, match=re.escape("run() takes a Pipeline, not str; use run(load_pipeline('file.t")):
        run(path)
    with pytest.raises(TypeError, match=r"^run\(\) takes a Pipeline, not dict$"):
        run({}, registry=registry)  # type: ignore[arg-type]


def test_a_name_or_a_class_is_no_component(pipeline: Pipeline, registry: Registry) -> None:
    remedy = "strategy= takes an object, not the name 'trend'; to name a component use "
    with pytest.raises(TypeError) as caught:
        run(pipeline, strategy="trend", registry=registry)
    assert str(caught.value) == f"{remedy}load_pipeline(file, overrides={{'strategy.use': 'trend'}})"
    with pytest.raises(TypeError, match=re.escape("make one: sizer=Doubling(...)")):
        run(pipeline, sizer=Doubling, registry=registry)
    assert asked == []
