"""Every block of the documentation is run, from the top of its page to the end, in a folder that has the examples.

A pipeline is loaded, and where its candles ship with Quantsail it is run and must trade; commands are given and print
what the block below them shows; Python is executed. A block that a test cannot run says in its title what it needs.
"""

from __future__ import annotations

import gc
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.cli import main
from quantsail_framework.config import rebuild
from quantsail_framework.ports.runner import Pipeline
from tests.docs.blocks import NEEDS, PAGES, ROOT, Block, blocks_of, commands_of, installs_a_plugin
from tests.docs.reference.components import MISSING

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"plugins are not installed: {', '.join(MISSING)}")
FOLLOWED = [page for page in PAGES if not installs_a_plugin(page)]
SHIPPED = ("samples", "synthetic")
LONG = ("sweep", "optuna", "walk-forward", "monte-carlo")  # run by the tests of their own pages
INSTALLERS = ("git", "make", "pip", "source", "uv")
_RUN = re.compile(r"-\d{8}T\d{6}Z-[0-9a-f]{8}")  # the moment and the hash of a run folder
_EXIT = re.compile(r"#.*\bexit code (\d)")


class Reader:
    """Somebody who follows a page in a folder of their own."""

    def __init__(self, folder: Path, page: Path) -> None:
        self.folder, self.page = folder, page
        self.printed = ""
        self.base: str | None = None
        self.names: dict[str, Any] = {"__name__": "page"}
        shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
        for source in (ROOT / "examples").glob("*.py"):
            shutil.copy(source, folder)

    def follow(self, block: Block) -> None:
        """Do what the block says. Raises when that cannot be done."""
        if block.needs is None:
            follow = getattr(self, f"_{block.language or 'plain'}", None)
            assert follow, (
                f"nothing here can run {block.language!r}: add a method for it, or a title that says what it needs"
            )
            follow(block)

    def _write(self, block: Block, name: str = "") -> Path:
        path = self.folder / (block.title or name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        return path

    def _toml(self, block: Block) -> None:
        table = tomllib.loads(block.text)
        if "pipeline" in table:
            self.base = self.base or block.text
            path = self._write(block, "pipeline.toml")
            pipeline = load_pipeline(path)
            assert _made_again(pipeline, path.parent).resolved == pipeline.resolved
            if _is_quick_and_offline(pipeline):
                assert len(run(pipeline).trades["symbol"]) > 0
        elif block.title:
            self._write(block)
        elif table:
            assert self.base, "a part of a pipeline needs a whole one above it on the page"
            path = self.folder / "part.toml"
            path.write_text(_with(self.base, block.text), encoding="utf-8")
            load_pipeline(path)

    def _python(self, block: Block) -> None:
        code = compile(block.text, block.title or f"{self.page.name}:{block.line}", "exec")
        if block.title:
            self._write(block)
        else:
            exec(code, self.names)

    def _console(self, block: Block) -> None:
        self.printed = "".join(self._shell(command) for command in commands_of(block))

    def _shell(self, command: str) -> str:
        """What a command prints, once it has ended with the code that its comment says, else 0."""
        code = _EXIT.search(command)
        words = shlex.split(command, comments=True)
        assert words[0] not in INSTALLERS, f"{command!r} changes the environment: give the block a title of NEEDS"
        quantsail = words[0] == "quantsail" and not {">", "|", "&&"} & set(words)
        ended, printed = _given(words[1:]) if quantsail else _in_a_shell(command, self.folder)
        assert ended == int(code[1] if code else 0), f"{command}\n{printed}"
        return printed

    def _text(self, block: Block) -> None:
        """What the commands right above print, if there are any; "..." stands for lines that are left out."""
        if block.below and self.printed:
            printed = iter(_RUN.sub("", self.printed).splitlines())
            shown = [line for line in _RUN.sub("", block.text).splitlines() if line != "..."]
            assert [line for line in shown if line not in printed] == [], self.printed  # in this order
        self.printed = ""

    def _csv(self, block: Block) -> None:
        self._write(block)

    def _plain(self, block: Block) -> None:
        """A drawing or a tree of folders."""

    def _json(self, block: Block) -> None:
        json.loads(block.text)

    def _yaml(self, block: Block) -> None:
        assert pytest.importorskip("yaml").safe_load(block.text)


def _is_quick_and_offline(pipeline: Pipeline) -> bool:
    """Whether it needs neither a network nor minutes; sinks of alerts might find a token and send."""
    used = pipeline.resolved
    return used["data"]["use"] in SHIPPED and pipeline.runner not in LONG and not used.get("alerts")


def _made_again(pipeline: Pipeline, folder: Path) -> Pipeline:
    """The pipeline as ``quantsail reproduce`` makes it, from what a manifest keeps."""
    return rebuild(json.loads(json.dumps(pipeline.resolved)), folder, "manifest.json")


def _with(base: str, part: str) -> str:
    """A pipeline with ``part`` in place of the tables that it is about."""
    tables = set(tomllib.loads(part))
    kept = re.split(r"^(?=\[)", base, flags=re.MULTILINE)
    return "".join(each for each in kept if _table(each) not in tables) + part


def _table(text: str) -> str:
    """``risk`` of ``[[risk]]``, ``sweep`` of ``[sweep.parameters]``; nothing of what stands above all tables."""
    return re.split(r"[\[\].]+", text)[1] if text.startswith("[") else ""


def _given(arguments: list[str]) -> tuple[int, str]:
    """Exit code and output of the command line, called in this process: a new one each time would take minutes."""
    printed, handler = StringIO(), signal.getsignal(signal.SIGTERM)
    try:
        with redirect_stdout(printed), redirect_stderr(printed), pytest.raises(SystemExit) as ended:
            main(arguments)
    finally:
        gc.enable()
        signal.signal(signal.SIGTERM, handler)
    return int(ended.value.code or 0), printed.getvalue()


def _in_a_shell(command: str, folder: Path) -> tuple[int, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8"}
    shell = ["bash", "-c", command]
    done = subprocess.run(shell, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_can_be_followed_from_top_to_end(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    reader = Reader(tmp_path, page)
    for block in blocks_of(page):
        try:
            reader.follow(block)
        except BaseException as error:
            error.add_note(f"in the block at {page.relative_to(ROOT)}:{block.line}")
            raise


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_block_that_is_not_run_says_what_it_needs(page: Path) -> None:
    assert [block.needs for block in blocks_of(page) if block.needs and block.needs not in NEEDS] == []
