"""On a terminal: tables by rich, and a progress bar once a run has lasted a while."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.plugins_.site import ROOT, FakeSite

_SHOW = """
import sys
from quantsail_framework.cli.output import print_table
print_table(("name", "limits"), [("a[b]", None), ("longer name", ">= 2")])
print("rich" in sys.modules)
"""
_WORK = """
import sys, time
from quantsail_framework.cli import output
output._Bar.patience_s = output._Lines.patience_s = float(sys.argv[1])
output._Lines.pause_s = 0.05
with output.progress_bar(shown=True) as progress:
    for step in range(1, 4):
        progress(step / 4, f"bar {step} of 4")
        time.sleep(float(sys.argv[2]))
print("rich" in sys.modules)
"""


def on_a_terminal(program: str, *arguments: str, site: FakeSite | None = None) -> str:
    """What the program writes to a terminal that is its stdout and stderr."""
    ours, theirs = pty.openpty()
    path = os.pathsep.join([*([str(site.folder)] if site else []), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}
    command = [sys.executable, "-c", program, *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 4096):
            written += chunk
    except OSError:  # the other end is closed: the program is done
        pass
    os.close(ours)
    assert process.wait(timeout=30) == 0, written
    return written.decode()


def test_a_table_is_drawn_by_rich_and_takes_brackets_literally() -> None:
    text = on_a_terminal(_SHOW)
    assert "a[b]" in text
    assert "longer name" in text
    assert text.splitlines()[-1] == "True"


def test_a_long_run_shows_a_bar_and_a_short_one_does_not() -> None:
    """What was told before the bar is begun is in it, however long nothing else is told."""
    long = on_a_terminal(_WORK, "0.5", "1.5")
    assert all(f"bar {step} of 4" in long for step in (1, 2, 3))
    assert long.splitlines()[-1].endswith("True")
    short = on_a_terminal(_WORK, "60", "0.01")
    assert short.splitlines() == ["False"]


def test_a_long_run_that_is_piped_tells_in_lines_how_far_it_is() -> None:
    command = [sys.executable, "-c", _WORK, "0.5", "1.5"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stderr.splitlines() == [" 25%  bar 1 of 4", " 50%  bar 2 of 4", " 75%  bar 3 of 4"]
    assert done.stdout == "False\n"


def test_piped_output_is_aligned_text(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _SHOW]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines() == ["NAME         LIMITS", "a[b]         -", "longer name  >= 2", "False"]


_WIDE = """
from quantsail_framework.cli.output import print_table
folder, value = "runs/" + "long-name-" * 5 + "20240101T000000Z-12345678", 1234567.125
print_table(("folder", "trades", "value", "summary"), [(folder, 7, value, "many words " * 12)], prose=["summary"])
"""


def test_names_and_numbers_are_never_broken_on_a_narrow_terminal() -> None:
    lines = on_a_terminal(_WIDE).splitlines()
    folder = "runs/" + "long-name-" * 5 + "20240101T000000Z-12345678"
    # The number of trades ends below the end of its header.
    assert lines[1].startswith(f"{folder}       7  1234567.125  many words many words")
    assert all(line.strip().startswith(("many", "words")) for line in lines[2:])
