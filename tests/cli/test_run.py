"""quantsail run: the folder, what goes to stdout, exit codes, and nothing left behind by what failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.toy import write_pipeline
from tests.plugins_.site import ROOT, FakeSite

LOAD = "toy"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_run_writes_a_folder_in_runs_and_says_where(site: FakeSite, work: Path) -> None:
    done = site.quantsail("run", "toy.toml", cwd=work, load=LOAD)
    assert (done.returncode, done.stderr) == (0, "")
    (folder,) = (work / "runs").iterdir()
    assert done.stdout.splitlines()[-1] == f"run folder: runs/{folder.name}"
    assert folder.name.startswith("toy-run-20")
    assert _names(folder) == ["equity.parquet", "manifest.json", "metrics.json", "notes.txt", "trades.parquet"]
    assert "  total_trades   0" in done.stdout.splitlines()
    assert "  note: A toy." in done.stdout.splitlines()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["plugins"] == {"quantsail-toy": "1.0"}
    assert manifest["pipeline"]["strategy"] == {"use": "toy-strategy", "period": 14, "factor": 1.5}
    assert manifest["data"] == {"A/USD": "none"}
    assert "folder" not in manifest


def test_out_is_the_folder_itself(site: FakeSite, work: Path) -> None:
    done = site.quantsail("run", "toy.toml", "--out", "my/run", cwd=work, load=LOAD)
    assert done.returncode == 0
    assert (work / "my" / "run" / "manifest.json").exists()
    assert not (work / "runs").exists()


def test_a_folder_that_exists_is_refused_before_the_run(site: FakeSite, work: Path) -> None:
    (work / "mine").mkdir()
    done = site.quantsail("run", "toy.toml", "--out", "mine", cwd=work, load=LOAD)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: 'mine' exists; choose another folder with --out, or remove it\n"
    assert _names(work) == ["mine", "toy.toml"]


def test_json_prints_one_document_and_nothing_else(site: FakeSite, work: Path) -> None:
    done = site.quantsail("run", "toy.toml", "--json", "--out", "out", cwd=work, load=LOAD)
    assert json.loads(done.stdout) == {
        "kind": "toy",
        "name": "toy run",
        "verdict": None,
        "notes": ["A toy."],
        "folder": "out",
        "metrics": {"total_trades": 0, "total_return": 0.0, "sharpe": None},
        "undefined": {"sharpe": "no trades"},
    }
    assert done.stderr == "chatter of a component\n"


def test_quiet_prints_the_folder_and_nothing_else(site: FakeSite, work: Path) -> None:
    done = site.quantsail("run", "toy.toml", "--quiet", "--out", "out", cwd=work, load=LOAD)
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "")


def test_two_runs_give_the_same_bytes_but_for_the_times(site: FakeSite, work: Path) -> None:
    for name in ("a", "b"):
        site.quantsail("run", "toy.toml", "--out", name, cwd=work, load=LOAD)
    differing = [n for n in _names(work / "a") if (work / "a" / n).read_bytes() != (work / "b" / n).read_bytes()]
    assert differing in ([], ["manifest.json"])
    manifests = [json.loads((work / name / "manifest.json").read_text()) for name in ("a", "b")]
    assert [manifest.pop("times").keys() for manifest in manifests] == [{"started", "finished"}] * 2
    assert manifests[0] == manifests[1]


def test_an_installed_runner_is_a_verb_and_runner_picks_one(site: FakeSite, work: Path) -> None:
    assert site.quantsail("other", "toy.toml", "--out", "a", cwd=work, load=LOAD).returncode == 0
    assert site.quantsail("run", "toy.toml", "--runner", "other", "--out", "b", cwd=work, load=LOAD).returncode == 0
    manifests = [json.loads((work / name / "manifest.json").read_text()) for name in ("a", "b")]
    assert [manifest["pipeline"]["pipeline"]["runner"] for manifest in manifests] == ["other", "other"]


def test_an_unknown_runner_suggests(site: FakeSite, work: Path) -> None:
    done = site.quantsail("run", "toy.toml", "--runner", "othr", cwd=work, load=LOAD)
    assert done.returncode == 2
    assert "no runner named 'othr'; did you mean 'other'? Installed: other, toy." in done.stderr
    assert _names(work) == ["toy.toml"]


def test_set_changes_a_value_and_a_typo_in_it_is_bad_input(site: FakeSite, work: Path) -> None:
    arguments = ("run", "toy.toml", "--out", "a", "--set", "strategy.period=20", "--set", "strategy.factor=2.5")
    assert site.quantsail(*arguments, cwd=work, load=LOAD).returncode == 0
    manifest = json.loads((work / "a" / "manifest.json").read_text())
    assert manifest["pipeline"]["strategy"] == {"use": "toy-strategy", "period": 20, "factor": 2.5}
    done = site.quantsail("run", "toy.toml", "--set", "strategy.perod=20", cwd=work, load=LOAD)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "did you mean period?" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_problem_of_a_pipeline_is_an_error_line(site: FakeSite, work: Path) -> None:
    write_pipeline(work, '[toy]\nmod = "x"\n[[risk]]\nuse = "nothing"\n')
    done = site.quantsail("run", "toy.toml", cwd=work, load=LOAD)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 2
    assert all(line.startswith("error: toy.toml:") for line in done.stderr.splitlines())
    assert _names(work) == ["toy.toml"]


def test_a_missing_file_is_bad_input(site: FakeSite, work: Path) -> None:
    done = site.quantsail("run", "gone.toml", cwd=work, load=LOAD)
    assert done.returncode == 2
    assert "gone.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plugin_switched_off_is_missed_by_name(site: FakeSite, work: Path) -> None:
    done = site.quantsail("run", "toy.toml", "--no-plugin", "toy", cwd=work, load=LOAD)
    assert done.returncode == 2
    assert "strategy 'toy-strategy' is switched off by `--no-plugin`; leave out --no-plugin toy\n" in done.stderr
    assert "pip install" not in done.stderr
    wrong = site.quantsail("run", "toy.toml", "--no-plugin", "tyo", cwd=work, load=LOAD)
    assert (wrong.returncode, wrong.stderr[:60]) == (2, "error: no plugin named 'tyo'; did you mean 'toy'? Installed:")[
        :2
    ]


def test_only_the_plugins_that_the_pipeline_allows_are_imported(
    site: FakeSite, work: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    both = FakeSite(tmp_path_factory.mktemp("only") / "both")
    both.install("spy", "from pathlib import Path\nPath('spied').touch()")
    for path in site.folder.iterdir():
        (both.folder / path.name).symlink_to(path)
    write_pipeline(work, '[plugins]\nonly = ["toy"]\n')
    assert both.quantsail("run", "toy.toml", "--out", "a", cwd=work).returncode == 0
    assert not (work / "spied").exists()
    write_pipeline(work)
    assert both.quantsail("run", "toy.toml", "--out", "b", cwd=work).returncode == 0
    assert (work / "spied").exists()


@pytest.mark.parametrize(
    "mode, errors",
    [
        ("fail", ["error: the toy broke at 2020-01-01"]),
        (
            "crash",
            [
                "error: unexpected KeyError: 'bug' (QUANTSAIL_DEBUG=1 shows where)",
                "  in runner 'toy' of quantsail-toy 1.0",
            ],
        ),
        ("notanumber", ["error: metrics.total_return is nan; a result holds null and a reason instead"]),
    ],
)
def test_a_failed_run_exits_1_and_leaves_nothing(site: FakeSite, work: Path, mode: str, errors: list[str]) -> None:
    done = site.quantsail("run", "toy.toml", "--set", f"toy.mode={mode}", cwd=work, load=LOAD)
    assert (done.returncode, done.stderr.splitlines()) == (1, errors)
    assert _names(work) == ["toy.toml"]


QUITS = """\
import sys

import attrs


@attrs.frozen
class Quits:
    warmup = 0

    def signals(self, bars):
        sys.exit(0)

    def open(self):
        sys.exit(3)

    close = open

    def write(self, result, folder):
        sys.exit("no licence")
"""


def test_a_component_that_would_end_the_program_fails_the_run_and_is_named(site: FakeSite, work: Path) -> None:
    (work / "quits.py").write_text(QUITS)
    write_pipeline(work, '[[alerts]]\nuse = "toy-sink"\n[toy]\nmode = "ask"\n')
    done = site.quantsail("run", "toy.toml", "--set", "strategy.use=quits.py:Quits", cwd=work, load=LOAD)
    said = "a component ended the program with sys.exit(0); it must raise an error that says what is wrong"
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: {said}",
        "  it arose in signals of strategy 'quits.py:Quits' (quits.py:11)",
    ]
    assert (work / "alerts.txt").read_text() == f"open error:error:toy 'toy run' failed: {said} close\n"
    assert _names(work) == ["alerts.txt", "quits.py", "toy.toml"]


def test_an_observer_that_would_end_the_program_does_not_stop_the_run(site: FakeSite, work: Path) -> None:
    (work / "quits.py").write_text(QUITS)
    write_pipeline(work, '[[observers]]\nuse = "quits.py:Quits"\n')
    done = site.quantsail("run", "toy.toml", "--out", "out", cwd=work, load=LOAD)
    assert (done.returncode, done.stderr) == (0, "observer 'quits.py:Quits' failed in open: SystemExit: 3\n")


def test_a_reporter_that_would_end_the_program_is_named(site: FakeSite, work: Path) -> None:
    (work / "quits.py").write_text(QUITS)
    write_pipeline(work, '[[reporters]]\nuse = "quits.py:Quits"\n')
    done = site.quantsail("run", "toy.toml", "--out", "out", cwd=work, load=LOAD)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("error: reporter 'quits.py:Quits' ended the program with sys.exit('no licence'); ")
    assert second == "  the run itself is complete: out"


def test_debug_shows_the_traceback(site: FakeSite, work: Path) -> None:
    arguments = ("run", "toy.toml", "--set", "toy.mode=crash")
    done = site.quantsail(*arguments, cwd=work, load=LOAD, QUANTSAIL_DEBUG="1")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "raise error" in done.stderr


def _stopped(site: FakeSite, work: Path, stop: int, *arguments: str) -> tuple[int, str, list[str]]:
    """Run it in a process of its own and stop that as soon as it hangs: exit code, stderr, what deep/ held then."""
    command = [sys.executable, "-c", "from quantsail_framework.cli import main; main()"]
    path = os.pathsep.join([str(site.folder), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "QUANTSAIL_LOAD_PLUGINS": LOAD}
    process = subprocess.Popen(
        [*command, "run", "toy.toml", "--out", "deep/run", *arguments],
        cwd=work,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not (work / "hanging").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    held = [path.name.replace(str(process.pid), "PID") for path in (work / "deep").iterdir()]
    process.send_signal(stop)
    _, errors = process.communicate(timeout=30)
    return process.returncode, errors.strip(), held


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_or_a_kill_leaves_no_partial_folder_and_exits_130(site: FakeSite, work: Path, stop: int) -> None:
    code, errors, held = _stopped(site, work, stop, "--set", "toy.mode=hang")
    assert held == [".run.partial-PID"]
    assert (code, errors) == (130, "stopped; nothing was written")
    assert _names(work) == ["hanging", "toy.toml"]


def test_ctrl_c_while_alerts_are_delivered_says_that_the_run_is_complete(site: FakeSite, work: Path) -> None:
    write_pipeline(work, '[[alerts]]\nuse = "toy-sink"\nhang = true\n')
    began = time.monotonic()
    code, errors, held = _stopped(site, work, signal.SIGINT)
    assert time.monotonic() - began < 25.0  # the sink is not waited for
    assert held == ["run"]
    assert (code, errors.splitlines()[-1]) == (130, "stopped; the run itself is complete: deep/run")
    assert "nothing was written" not in errors
    assert (work / "deep" / "run" / "manifest.json").exists()


def test_reporters_are_called_when_the_folder_is_complete(site: FakeSite, work: Path) -> None:
    write_pipeline(work, '[[reporters]]\nuse = "toy-reporter"\n')
    done = site.quantsail("run", "toy.toml", "--out", "out", cwd=work, load=LOAD)
    assert done.stdout.splitlines()[-2:] == ["report of toy run, complete: True", "run folder: out"]
    assert "total_trades" not in done.stdout


def test_a_reporter_that_fails_does_not_undo_the_run(site: FakeSite, work: Path) -> None:
    write_pipeline(work, '[[reporters]]\nuse = "toy-reporter"\nfail = true\n')
    done = site.quantsail("run", "toy.toml", "--out", "out", cwd=work, load=LOAD)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: unexpected RuntimeError: printer on fire (QUANTSAIL_DEBUG=1 shows where)",
        "  the run itself is complete: out",
    ]
    assert (work / "out" / "manifest.json").exists()


def test_observers_hear_what_they_have_methods_for_and_are_closed(site: FakeSite, work: Path) -> None:
    write_pipeline(work, '[[observers]]\nuse = "toy-observer"\n')
    site.quantsail("run", "toy.toml", cwd=work, load=LOAD)
    heard = (work / "events.txt").read_text().splitlines()
    assert heard == ["open", "started toy run", "a trade", "finished True", "close"]


def test_an_observer_that_raises_is_named_and_stops_neither_run_nor_others(site: FakeSite, work: Path) -> None:
    broken = '[[observers]]\nuse = "toy-observer"\nbroken = true\npath = "broken.txt"\n'
    write_pipeline(work, broken + '[[observers]]\nuse = "toy-observer"\n')
    done = site.quantsail("run", "toy.toml", cwd=work, load=LOAD)
    assert done.returncode == 0
    assert done.stderr == "observer 'toy-observer' of quantsail-toy 1.0 failed in trade_closed: ValueError: no disk\n"
    assert "a trade" in (work / "events.txt").read_text().splitlines()
    assert (work / "broken.txt").read_text().splitlines() == ["open", "started toy run", "finished True", "close"]


def test_alerts_tell_of_the_end_and_of_failure(site: FakeSite, work: Path) -> None:
    write_pipeline(work, '[[alerts]]\nuse = "toy-sink"\n')
    site.quantsail("run", "toy.toml", cwd=work, load=LOAD)
    site.quantsail("run", "toy.toml", "--set", "toy.mode=fail", cwd=work, load=LOAD)
    assert (work / "alerts.txt").read_text().splitlines() == [
        "open run_finished:info:toy 'toy run' finished",
        "0 trades, return +0.00% close",
        "open error:error:toy 'toy run' failed: the toy broke at 2020-01-01 close",
    ]


def test_a_run_whose_report_fails_is_told_as_finished(site: FakeSite, work: Path) -> None:
    write_pipeline(work, '[[alerts]]\nuse = "toy-sink"\n[[reporters]]\nuse = "toy-reporter"\nfail = true\n')
    done = site.quantsail("run", "toy.toml", "--out", "out", cwd=work, load=LOAD)
    assert done.returncode == 1
    told = (work / "alerts.txt").read_text()
    assert told.startswith("open run_finished:info:toy 'toy run' finished")
    assert "error:" not in told


def test_an_alert_that_is_not_delivered_is_said_and_fails_nothing(site: FakeSite, work: Path) -> None:
    write_pipeline(work, '[[alerts]]\nuse = "toy-sink"\nbroken = true\n')
    done = site.quantsail("run", "toy.toml", cwd=work, load=LOAD)
    assert done.returncode == 0
    expected = "alert sink 'toy-sink' of quantsail-toy 1.0 did not deliver 'run_finished': no such chat\n"
    assert done.stderr == expected
    assert (work / "alerts.txt").read_text() == "open close\n"


def test_of_two_sinks_of_one_kind_the_one_that_failed_is_named(site: FakeSite, work: Path) -> None:
    write_pipeline(work, '[[alerts]]\nuse = "toy-sink"\n[[alerts]]\nuse = "toy-sink"\nbroken = true\n')
    done = site.quantsail("run", "toy.toml", cwd=work, load=LOAD)
    assert done.returncode == 0
    expected = "alert sink 'toy-sink' of quantsail-toy 1.0 (toy-sink-2) did not deliver 'run_finished': no such chat\n"
    assert done.stderr == expected


def test_a_piped_run_imports_neither_rich_nor_pandas(site: FakeSite, work: Path) -> None:
    program = """
import atexit, sys
from quantsail_framework.cli import main
names = ("pandas", "rich", "talib", "plotly")
atexit.register(lambda: print([name for name in names if name in sys.modules], file=sys.stderr))
main()
"""
    done = site.quantsail("run", "toy.toml", "--out", "out", cwd=work, load=LOAD, code=program)
    assert (done.returncode, done.stderr) == (0, "[]\n")


CONSOLE = """
@hookimpl
def quantsail_reporters():
    yield Component("console", "toy_console:Console", "Prints.")
"""
CLASS = """
import attrs


@attrs.frozen
class Console:
    def write(self, result, folder):
        print(f"summary of {result.name}")
        print(folder)
"""


def _with_console(site: FakeSite, folder: Path, source: str) -> FakeSite:
    both = FakeSite(folder / "both")
    both.install("show", CONSOLE)
    (both.folder / "toy_console.py").write_text(source)
    for path in site.folder.iterdir():
        (both.folder / path.name).symlink_to(path)
    return both


def test_the_console_reporter_shows_a_result_when_the_pipeline_names_none(
    site: FakeSite, work: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    both = _with_console(site, tmp_path_factory.mktemp("console"), CLASS)
    done = both.quantsail("run", "toy.toml", "--out", "out", cwd=work, load="toy,show")
    assert done.stdout.splitlines() == ["chatter of a component", "summary of toy run", "out"]


def test_json_and_quiet_leave_the_console_reporter_out(
    site: FakeSite, work: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    both = _with_console(site, tmp_path_factory.mktemp("console"), CLASS)
    write_pipeline(work, '[[reporters]]\nuse = "console"\n[[reporters]]\nuse = "toy-reporter"\n')
    done = both.quantsail("run", "toy.toml", "--out", "a", "--json", cwd=work, load="toy,show")
    assert json.loads(done.stdout)["folder"] == "a"
    assert done.stderr.splitlines() == ["chatter of a component", "report of toy run, complete: True"]
    done = both.quantsail("run", "toy.toml", "--out", "b", "--quiet", cwd=work, load="toy,show")
    assert (done.stdout, done.stderr) == ("b\n", "")


def test_a_console_reporter_that_cannot_be_imported_costs_the_summary_only(
    site: FakeSite, work: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    both = _with_console(site, tmp_path_factory.mktemp("console"), "import no_such_module")
    done = both.quantsail("run", "toy.toml", "--out", "out", cwd=work, load="toy,show")
    assert done.returncode == 0
    assert done.stderr.startswith("warning: no summary: reporter 'console' of quantsail-show 1.0 cannot be imported")
    assert done.stdout.splitlines()[-1] == "run folder: out"


def test_out_below_a_file_and_an_empty_out_are_refused(site: FakeSite, work: Path) -> None:
    (work / "afile").touch()
    done = site.quantsail("run", "toy.toml", "--out", "afile/x", cwd=work, load=LOAD)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: 'afile' is a file, not a folder; choose another folder with --out\n"
    done = site.quantsail("run", "toy.toml", "--out", "", cwd=work, load=LOAD)
    assert done.returncode == 2
    assert done.stderr.startswith("error: --out names the run folder to write, such as --out runs/first (see ")
