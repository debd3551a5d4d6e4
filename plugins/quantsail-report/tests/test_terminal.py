"""The coloured summary: the same words as the plain one, at any width."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from quantsail_framework.domain.result import RunResult
from quantsail_report import plain, terminal
from quantsail_report.console import ConsoleReporter
from quantsail_report.summary import summary

RESULTS = ["full_run", "quiet_run", "long_run", "other_result"]
PATH = "runs/a-folder-with-a-name-that-is-much-longer-than-any-terminal/" + "x" * 150


def shown(result: RunResult, width: int) -> Console:
    console = Console(file=io.StringIO(), record=True, width=width, force_terminal=True, highlight=False)
    terminal.show(summary(result), PATH, console)
    return console


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", RESULTS)
def test_says_what_the_plain_summary_says(name: str, width: int, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(name)
    out = shown(result, width).export_text()
    assert words(out) == words(plain.text(summary(result), PATH))


@pytest.mark.parametrize("name", RESULTS)
def test_tables_fit_eighty_columns_unbroken(name: str, request: pytest.FixtureRequest) -> None:
    result = request.getfixturevalue(name)
    rows = {re.sub(r"\s+", " ", line).strip() for line in shown(result, 80).export_text().splitlines()}
    for section in summary(result):
        for row in section.rows:
            assert " ".join(filter(None, " ".join(row).split(" "))) in rows


@pytest.mark.parametrize("width", [1, 10, 30])
@pytest.mark.parametrize("name", RESULTS)
def test_narrow_terminals_do_not_crash(name: str, width: int, request: pytest.FixtureRequest) -> None:
    assert shown(request.getfixturevalue(name), width).export_text().splitlines()[-1] == PATH


def test_gains_are_green_and_losses_red(full_run: RunResult) -> None:
    out = shown(full_run, 120).export_text(styles=True)
    assert re.search(r"\x1b\[32m *\+600\.00\x1b\[0m", out)
    assert re.search(r"\x1b\[31m *-700\.00\x1b\[0m", out)


def test_brackets_in_names_are_not_markup() -> None:
    result = RunResult("backtest", "[bold]trend[/bold]", notes=("[red]kept[/red]",))
    out = shown(result, 120).export_text()
    assert "[bold]trend[/bold] (backtest)" in out
    assert "- [red]kept[/red]" in out


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(
    "changes, coloured", [({"TERM": "xterm-256color"}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_only_on_a_terminal_that_has_them(changes: dict[str, str], coloured: bool) -> None:
    code = """
from quantsail_framework.domain.result import RunResult
from quantsail_report.console import ConsoleReporter
ConsoleReporter().write(RunResult("backtest", "demo", metrics={"total_return": 0.1}), None)
"""
    keep = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    reader, writer = os.openpty()
    try:
        environment = {**keep, "TERM": "xterm-256color", **changes}
        subprocess.run([sys.executable, "-c", code], stdout=writer, env=environment, check=True)
        out = os.read(reader, 65_536).decode()
    finally:
        os.close(writer)
        os.close(reader)
    assert "demo (backtest)" in out
    assert "+10.00%" in out
    assert ("\x1b[" in out) is coloured


def test_a_pipe_gets_plain_text(full_run: RunResult, capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleReporter().write(full_run, Path("runs"))
    assert "\x1b[" not in capsys.readouterr().out
