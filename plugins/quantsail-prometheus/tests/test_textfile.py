"""The file for the node exporter: there after a run that ended well, and never half of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from quantsail_framework import run
from quantsail_framework.domain.alert import Alert
from quantsail_framework.errors import InputError, RunError
from quantsail_framework.ports.runner import Pipeline
from quantsail_framework.testing.examples import example_pipeline, example_result
from quantsail_prometheus.observers import PrometheusTextfile


def test_the_file_says_what_the_endpoint_said_last(
    watched: Pipeline, run_watched: Callable[..., Any], tmp_path: Path
) -> None:
    _, seen = run_watched(watched)
    run(attrs.evolve(watched, observers=(PrometheusTextfile(tmp_path / "run.prom"),)))
    written = type(seen)((tmp_path / "run.prom").read_text(encoding="utf-8"))
    assert written.repeatable == seen.repeatable
    assert [path.name for path in tmp_path.iterdir()] == ["run.prom"]


def test_a_run_that_fails_leaves_the_file_of_the_run_before(watched: Pipeline, tmp_path: Path) -> None:
    class Broken:
        warmup = 0

        def signals(self, bars: Any) -> Any:
            raise RunError("it broke")

    file = tmp_path / "run.prom"
    pipeline = attrs.evolve(watched, observers=(PrometheusTextfile(file),))
    run(pipeline)
    before = file.read_bytes()
    with pytest.raises(RunError, match="it broke"):
        run(attrs.evolve(pipeline, strategy=Broken()))
    assert file.read_bytes() == before


def test_an_alert_lost_after_the_run_is_in_the_file(tmp_path: Path) -> None:
    observer = PrometheusTextfile(tmp_path / "run.prom")
    observer.open()
    observer.run_prepared(example_pipeline())
    observer.run_finished(example_result())
    observer.alert_dropped("telegram", Alert("run_finished", "info", "done", 0))
    observer.close()
    text = (tmp_path / "run.prom").read_text(encoding="utf-8")
    assert 'quantsail_alerts_dropped_total{pipeline="example",runner="backtest",sink="telegram"} 1.0' in text


def test_a_folder_that_is_missing_is_told_before_the_run(tmp_path: Path) -> None:
    observer = PrometheusTextfile(tmp_path / "none" / "run.prom")
    with pytest.raises(InputError, match=r"the folder of '.*run\.prom' does not exist; make it, or mend the option"):
        observer.open()


def test_a_name_that_the_node_exporter_would_pass_over_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must end in \.prom, or the node exporter does not read it; got 'run.txt'"):
        PrometheusTextfile(Path("run.txt"))
