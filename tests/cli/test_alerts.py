"""``quantsail alerts test``: one alert of each kind to each sink, and a report of what became of them."""

from __future__ import annotations

import json
from pathlib import Path

from quantsail_framework.domain.alert import KINDS
from tests.cli.toy import write_pipeline
from tests.plugins_.site import FakeSite

LOAD = "toy"


def test_each_sink_gets_one_of_each_kind_that_its_route_takes(site: FakeSite, work: Path) -> None:
    more = """
        [[alerts]]
        use = "toy-sink"
        [[alerts]]
        use = "toy-sink"
        path = "urgent.txt"
        min_level = "error"
    """
    write_pipeline(work, more)
    done = site.quantsail("alerts", "test", "toy.toml", cwd=work, load=LOAD)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["SINK", "SENT", "LEFT", "OUT", "RESULT"],
        ["toy-sink", "9", "0", "ok"],
        ["toy-sink-2", "2", "7", "ok"],
    ]
    everything = (work / "alerts.txt").read_text()
    assert [kind for kind in KINDS if f"{kind}:" not in everything] == []
    urgent = (work / "urgent.txt").read_text()
    assert [kind for kind in KINDS if f"{kind}:" in urgent] == ["daily_loss_limit", "error"]
    assert urgent.endswith("close\n")


def test_a_sink_that_fails_is_told_and_does_not_stop_the_next(site: FakeSite, work: Path) -> None:
    write_pipeline(work, '[[alerts]]\nuse = "toy-sink"\nbroken = true\n[[alerts]]\nuse = "toy-sink"\n')
    done = site.quantsail("alerts", "test", "toy.toml", "--json", cwd=work, load=LOAD)
    assert (done.returncode, done.stderr) == (1, "")
    first, second = json.loads(done.stdout)
    assert first == {"sink": "toy-sink", "sent": [], "left_out": [], "problem": "no such chat"}
    assert second == {"sink": "toy-sink-2", "sent": list(KINDS), "left_out": [], "problem": None}


def test_a_pipeline_without_sinks_is_told_what_to_add(site: FakeSite, work: Path) -> None:
    done = site.quantsail("alerts", "test", "toy.toml", cwd=work, load=LOAD)
    expected = 'error: toy.toml has no [[alerts]]; add one with use = "console" or another alert sink\n'
    assert (done.returncode, done.stderr) == (2, expected)


def test_a_wrong_route_is_named_with_its_line(site: FakeSite, work: Path) -> None:
    write_pipeline(work, '[[alerts]]\nuse = "toy-sink"\nmin_level = "warn"\nonly = ["eror"]\nonli = 3\n')
    done = site.quantsail("alerts", "test", "toy.toml", cwd=work, load=LOAD)
    assert done.returncode == 2
    told = [line.removeprefix("error: ") for line in done.stderr.splitlines()]
    assert told[0] == (
        'toy.toml:17: alerts.toy-sink.min_level: expects "info", "success", "warning" or "error", got the text "warn"'
        "; did you mean warning?"
    )
    assert told[1].startswith("toy.toml:18: alerts.toy-sink.only[0]: expects ")
    assert told[1].endswith('got the text "eror"; did you mean error?')
    assert told[2] == "toy.toml:19: alerts.toy-sink.onli: unknown option; did you mean only?"
