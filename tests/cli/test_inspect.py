"""plugins info and doctor, components, runs: what they show, and what they say when something is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.toy import write_pipeline
from tests.plugins_.site import FakeSite, offering


def test_plugins_info_shows_a_plugin_and_what_it_offers(site: FakeSite) -> None:
    done = site.quantsail("plugins", "info", "toy", "--json", load="toy")
    about = json.loads(done.stdout)
    assert (about["distribution"], about["version"], about["summary"]) == ("quantsail-toy", "1.0", "Fake.")
    assert {"kind": "runner", "name": "toy", "summary": "Runs nothing at all."} in about["components"]
    text = site.quantsail("plugins", "info", "toy", load="toy").stdout
    assert "distribution: quantsail-toy\n" in text
    assert ["runner", "toy", "Runs", "nothing", "at", "all."] in [line.split() for line in text.splitlines()]


def test_plugins_info_of_an_unknown_name_suggests(site: FakeSite) -> None:
    done = site.quantsail("plugins", "info", "tyo")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no plugin named 'tyo'; did you mean 'toy'? Installed: ")


def test_doctor_is_content_with_a_sound_plugin(site: FakeSite) -> None:
    done = site.quantsail("plugins", "doctor", load="toy")
    assert (done.returncode, done.stdout) == (0, "1 plugins, 10 components: no problem found\n")


@pytest.fixture
def sick(tmp_path: Path) -> FakeSite:
    site = FakeSite(tmp_path / "site")
    site.install("broken", "import no_such_module")
    site.install("misspelt", offering("x", hook="quantsail_stratgies"))
    site.install("one", offering("trend"))
    site.install("two", offering("trend"), version="2.0")
    site.install("hollow", offering("hollow", target="no_such_module:Thing"))
    site.install("greedy", offering("run", hook="quantsail_commands", target="click:command"))
    site.install("sound", offering("sound"))
    return site


SICK = "broken,misspelt,one,two,hollow,greedy,sound"


def test_doctor_names_every_problem_and_exits_1(sick: FakeSite) -> None:
    done = sick.quantsail("plugins", "doctor", load=SICK)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        (
            "problem: plugin 'broken' (quantsail-broken 1.0): import of broken failed: "
            "ModuleNotFoundError: No module named 'no_such_module'"
        ),
        (
            "problem: plugin 'misspelt' (quantsail-misspelt 1.0): unknown hook 'quantsail_stratgies'; "
            "did you mean 'quantsail_strategies'?"
        ),
        (
            "problem: strategy 'trend' is offered twice, by quantsail-one 1.0 and quantsail-two 2.0; "
            "uninstall one, or switch one off with --no-plugin one or --no-plugin two"
        ),
        "problem: command 'run' of quantsail-greedy 1.0 is hidden by another command",
        (
            "problem: strategy 'hollow' of quantsail-hollow 1.0 cannot be imported from no_such_module:Thing: "
            "ModuleNotFoundError: No module named 'no_such_module'; "
            "reinstall quantsail-hollow with what it needs, or switch it off with --no-plugin hollow"
        ),
    ]


def test_doctor_as_json(sick: FakeSite) -> None:
    done = sick.quantsail("plugins", "doctor", "--json", load=SICK)
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert len(report["problems"]) == 5
    status = {plugin["name"]: plugin["status"] for plugin in report["plugins"]}
    assert {name: status[name] for name in ("broken", "misspelt", "one", "sound")} == {
        "broken": "failed",
        "misspelt": "failed",
        "one": "ok",
        "sound": "ok",
    }


def test_what_is_sick_breaks_nothing_else(sick: FakeSite) -> None:
    done = sick.quantsail("components", "list", "strategy", "--json", load=SICK)
    assert [component["name"] for component in json.loads(done.stdout)] == ["hollow", "sound", "trend"]


def test_components_list_of_one_kind_and_of_all(site: FakeSite) -> None:
    one = site.quantsail("components", "list", "runner", load="toy").stdout.splitlines()
    assert [line.split()[:3] for line in one] == [
        ["KIND", "NAME", "DISTRIBUTION"],
        ["runner", "other", "quantsail-toy"],
        ["runner", "toy", "quantsail-toy"],
    ]
    every = json.loads(site.quantsail("components", "list", "--json", load="toy").stdout)
    assert len(every) == 10
    assert every[0] == {
        "kind": "data-source",
        "name": "toy-data",
        "summary": "No candles.",
        "target": "toy_parts:Data",
        "network": False,
        "plugin": "toy",
        "distribution": "quantsail-toy",
        "version": "1.0",
    }


def test_components_list_of_what_is_switched_off_does_not_ask_to_install_it(site: FakeSite) -> None:
    done = site.quantsail("components", "list", "sizer", load="")
    assert done.returncode == 0
    assert re.fullmatch(
        r"no plugin that is in use offers a sizer; `quantsail plugins list` says why \d+ are not\n", done.stdout
    )


def test_components_list_of_an_unknown_kind_suggests(site: FakeSite) -> None:
    done = site.quantsail("components", "list", "runer", load="toy")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: no kind of component named 'runer'; did you mean 'runner'? Kinds: data-source,"
    )


def test_components_show_tells_the_options(site: FakeSite) -> None:
    done = site.quantsail("components", "show", "strategy", "toy-strategy", load="toy")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["toy-strategy: Never trades.", "strategy of quantsail-toy 1.0, class toy_parts:Strategy"]
    assert lines[3].split() == ["OPTION", "TYPE", "DEFAULT", "LIMITS", "MEANING"]
    assert "14" in lines[4].split()
    assert lines[4].startswith("period ")
    assert lines[4].endswith("Bars of the average.")
    shown = json.loads(site.quantsail("components", "show", "strategy", "toy-strategy", "--json", load="toy").stdout)
    assert [(o["name"], o["default"], o["doc"]) for o in shown["options"]] == [
        ("period", 14, "Bars of the average."),
        ("factor", 1.5, "Stop distance in ATR."),
    ]


def test_components_show_of_what_has_no_options(site: FakeSite) -> None:
    assert site.quantsail("components", "show", "sizer", "toy-sizer", load="toy").stdout.endswith("\n\nno options\n")
    assert "no options" in site.quantsail("components", "show", "command", "wave", load="toy").stdout


def test_components_show_of_an_unknown_name_suggests(site: FakeSite) -> None:
    done = site.quantsail("components", "show", "strategy", "toy-strtegy", load="toy")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: no strategy named 'toy-strtegy'; did you mean 'toy-strategy'? Installed: toy-strategy."
    )


def test_runs_are_listed_and_shown(site: FakeSite, work: Path) -> None:
    folder = site.quantsail("run", "toy.toml", "--quiet", cwd=work, load="toy").stdout.strip()
    listed = site.quantsail("runs", "list", cwd=work).stdout.splitlines()
    assert listed[0].split() == ["FOLDER", "KIND", "STRATEGY", "STARTED", "TRADES", "RETURN", "VERDICT"]
    cells = listed[1].split()
    assert (cells[:3], cells[4:]) == ([folder, "toy", "toy-strategy"], ["0", "+0.00%", "-"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", cells[3])  # no fraction of a second
    (summary,) = json.loads(site.quantsail("runs", "list", "--root", work / "runs", "--json").stdout)
    assert (summary["folder"], summary["total_trades"]) == (str(work / folder), 0)
    shown = site.quantsail("runs", "show", folder, cwd=work).stdout
    assert shown.startswith("toy toy run, started ")
    assert "plugins: quantsail-toy 1.0\n" in shown
    assert "tables: equity, trades\n" in shown
    assert "note: A toy.\n" in shown
    assert "sharpe        none: no trades\n" in shown
    document = json.loads(site.quantsail("runs", "show", folder, "--json", cwd=work).stdout)
    assert document["manifest"]["kind"] == "toy"
    assert document["tables"] == ["equity", "trades"]


def test_runs_list_without_any_says_how_to_get_one(site: FakeSite, work: Path) -> None:
    done = site.quantsail("runs", "list", cwd=work)
    assert (done.returncode, done.stdout) == (0, "no run folders in 'runs'; `quantsail run FILE` writes one\n")


def test_runs_list_of_a_folder_that_is_not_there_is_refused(site: FakeSite, work: Path) -> None:
    done = site.quantsail("runs", "list", "--root", "nowhere", cwd=work)
    assert done.returncode == 2
    assert done.stderr == "error: no folder 'nowhere'; --root names the folder that holds run folders\n"


def test_runs_show_of_what_is_no_run_folder_is_refused(site: FakeSite, work: Path) -> None:
    done = site.quantsail("runs", "show", ".", cwd=work)
    assert (done.returncode, done.stderr) == (2, "error: '.' is not a run folder: it has no manifest.json\n")


@pytest.mark.parametrize("word", ["cost-model", "cost-models", "costs"])
def test_components_take_the_words_of_pipeline_files_too(word: str, site: FakeSite) -> None:
    (found,) = json.loads(site.quantsail("components", "list", word, "--json", load="toy").stdout)
    assert (found["kind"], found["name"]) == ("cost-model", "toy-costs")
    assert site.quantsail("components", "show", word, "toy-costs", load="toy").stdout.startswith("toy-costs: Free.")


def test_every_component_table_of_a_pipeline_file_is_a_word_for_a_kind(site: FakeSite) -> None:
    for word in ("data", "strategy", "costs", "sizer", "risk", "alerts", "observers", "reporters", "executor"):
        assert site.quantsail("components", "list", word, load="toy").returncode == 0


def test_defaults_are_shown_as_toml(site: FakeSite) -> None:
    lines = site.quantsail("components", "show", "alerts", "toy-sink", load="toy").stdout.splitlines()
    assert '"alerts.txt"' in lines[4].split()
    assert "false" in lines[5].split()


LOCAL = '''
import attrs
from quantsail_framework import Signals

@attrs.frozen
class Mine:
    """Mine alone."""

    length: int = attrs.field(default=9, metadata={"doc": "Bars."})
    warmup: int = 0

    def signals(self, bars):
        return Signals(bars.close > 0, bars.close)
'''


def test_components_show_tells_the_options_of_a_local_class(site: FakeSite, work: Path) -> None:
    (work / "my.py").write_text(LOCAL)
    done = site.quantsail("components", "show", "strategy", "my.py:Mine", cwd=work, load="toy")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["my.py:Mine: Mine alone.", "strategy, a class of a local file"]
    assert lines[4].split() == ["length", "whole", "number", "9", "-", "Bars."]
    done = site.quantsail("components", "show", "strategy", "my.py:Mine", "--json", cwd=work, load="toy")
    assert [option["default"] for option in json.loads(done.stdout)["options"]] == [9, 0]
    done = site.quantsail("components", "show", "sizer", "my.py:Mine", cwd=work, load="toy")
    assert (done.returncode, done.stderr) == (2, "error: Mine is not a sizer: it has no method size()\n")
    done = site.quantsail("components", "show", "sizer", "no.py:Mine", cwd=work, load="toy")
    assert (done.returncode, done.stderr) == (2, f"error: there is no file no.py here; paths count from {work}\n")


def test_figures_have_six_digits_in_the_table_and_all_in_json(site: FakeSite, work: Path) -> None:
    folder = site.quantsail("run", "toy.toml", "--quiet", cwd=work, load="toy").stdout.strip()
    metrics = work / folder / "metrics.json"
    stored = {**json.loads(metrics.read_text()), "total_return": -0.123456789, "final_equity": 9876.54321}
    metrics.write_text(json.dumps(stored))
    lines = site.quantsail("runs", "show", folder, cwd=work).stdout.splitlines()
    # Numbers end below each other, as wide as the widest: -0.123457.
    assert "total_trades          0" in lines
    assert "total_return  -0.123457" in lines
    assert "final_equity    9876.54" in lines
    document = json.loads(site.quantsail("runs", "show", folder, "--json", cwd=work).stdout)
    assert document["metrics"]["final_equity"] == 9876.54321


def test_an_end_before_the_start_is_told_beside_other_problems(site: FakeSite, work: Path) -> None:
    path = write_pipeline(work)
    data = 'gaps = "kep"\nstart = 2024-01-05\nend = 2024-01-01\n[strategy]'
    path.write_text(path.read_text().replace("[strategy]", data))
    done = site.quantsail("check", "toy.toml", cwd=work, load="toy")
    assert [line.split(": ", 3)[2] for line in done.stderr.splitlines()] == ["data.gaps", "data.end"]
