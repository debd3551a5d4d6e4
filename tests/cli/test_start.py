"""The command starts light, knows its verbs, and ends with the right code and one clear line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import quantsail_framework
from tests.plugins_.site import FakeSite

HEAVY = ("attr", "numpy", "pandas", "pyarrow", "talib", "ccxt", "plotly", "rich", "cattrs", "pytest")
_PROGRAM = f"""
import atexit, sys
from quantsail_framework.cli import main
atexit.register(lambda: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr))
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["plugins", "list"],
        ["plugins", "list", "--json"],
        ["plugins", "info", "toy"],
        ["components", "list"],
        ["run", "--help"],
        ["toy", "--help"],
    ],
)
def test_light_commands_import_nothing_heavy(site: FakeSite, arguments: list[str]) -> None:
    done = site.quantsail(*arguments, code=_PROGRAM)
    assert done.returncode == 0
    assert done.stderr == "[]\n"


def test_help_lists_the_verbs_the_runners_and_the_commands_of_plugins(site: FakeSite) -> None:
    done = site.quantsail("--help", load="toy")
    assert done.returncode == 0
    for line in (
        "  run             Run a pipeline file with its runner, or another.",
        "  runs            List and show run folders.",
        "  alerts          Try the alert sinks of a pipeline file.",
        "Runners:",
        "  toy    Runs nothing at all.",
        "Commands of plugins:",
        "  wave  Waves.",
    ):
        assert line in done.stdout.splitlines()


def test_a_command_of_a_plugin_runs(site: FakeSite) -> None:
    done = site.quantsail("wave", load="toy")
    assert (done.returncode, done.stdout) == (0, "o/\n")


def test_version(site: FakeSite) -> None:
    assert site.quantsail("--version").stdout == f"quantsail {quantsail_framework.__version__}\n"


def test_an_unknown_verb_suggests_the_nearest(site: FakeSite) -> None:
    done = site.quantsail("tyo", "file.toml", load="toy")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: no command named 'tyo'; did you mean 'toy'? Commands: run, check, check-strategy, show, init, schema, "
        "new-plugin, components, plugins, runs, compare, reproduce, why, alerts, other, toy, wave.\n"
    )


def test_a_verb_of_a_plugin_that_is_switched_off_says_so(site: FakeSite) -> None:
    done = site.quantsail("backtest", "file.toml", load="")
    assert (done.returncode, done.stderr) == (
        2,
        (
            "error: no command named 'backtest': runner 'backtest' is switched off by `QUANTSAIL_LOAD_PLUGINS`; "
            "add backtest there\n"
        ),
    )


def test_the_command_of_a_first_party_plugin_that_is_switched_off(site: FakeSite) -> None:
    done = site.quantsail("data", "list", load="toy")
    assert done.returncode == 2
    assert done.stderr.endswith("command 'data' is switched off by `QUANTSAIL_LOAD_PLUGINS`; add data there\n")


def test_without_arguments_the_help_is_shown(site: FakeSite) -> None:
    done = site.quantsail(load="")
    assert done.returncode == 2
    assert "Usage: quantsail [OPTIONS] COMMAND" in done.stderr


def test_a_missing_argument_says_where_the_help_is(site: FakeSite) -> None:
    done = site.quantsail("run")
    assert done.returncode == 2
    assert done.stderr == "error: Missing argument 'FILE'. (see `quantsail run --help`)\n"


def test_a_command_that_is_no_command_names_its_plugin(tmp_path: Path) -> None:
    site = FakeSite(tmp_path / "site")
    site.install("liar", '@hookimpl\ndef quantsail_commands():\n    yield Component("fib", "math:pi", "Fibs.")\n')
    done = site.quantsail("fib", load="liar")
    assert done.returncode == 2
    assert done.stderr == "error: command 'fib' of quantsail-liar 1.0: math:pi is not a click command\n"


def test_a_broken_plugin_takes_no_verb_away(site: FakeSite, tmp_path: Path) -> None:
    broken = FakeSite(tmp_path / "broken")
    broken.install("burst", "raise RuntimeError('no')")
    done = broken.quantsail("--help")
    assert done.returncode == 0
    assert "  run             Run a pipeline file" in done.stdout


def test_plugins_list_shows_what_is_installed_and_what_is_switched_off(site: FakeSite) -> None:
    done = site.quantsail("plugins", "list", load="toy")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["NAME", "DISTRIBUTION", "VERSION", "ORIGIN", "ENABLED", "LAST", "CHECK"]
    assert ["toy", "quantsail-toy", "1.0", "index", "yes", "-"] in [line.split() for line in lines]
    listed = {plugin["name"]: plugin for plugin in json.loads(site.quantsail("plugins", "list", "--json").stdout)}
    assert listed["toy"] == {
        "name": "toy",
        "distribution": "quantsail-toy",
        "version": "1.0",
        "module": "toy",
        "status": "installed",
        "problem": None,
        "last_check": None,
        "left_out_by": None,
        "needs": None,
        "origin": "index",
        "enabled": True,
    }
    others = [line for line in lines[1:] if not line.startswith("toy ")]
    assert [line for line in others if "no: left out by QUANTSAIL_LOAD_PLUGINS" not in line] == []
