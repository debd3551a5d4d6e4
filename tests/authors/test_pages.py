"""There is a page for every kind of plugin, and the tutorial works as it is typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from quantsail_framework.scaffold import KINDS
from tests.authors.pages import AUTHORS, blocks
from tests.authors.test_examples import EXAMPLES
from tests.authors.workshop import ROOT, Workshop

EXAMPLES_AT = ROOT / "examples"
TUTORIAL = AUTHORS / "index.md"
# What its pipeline uses. Everything else of Quantsail is absent.
NEEDED = ("backtest", "samples", "costs", "sizing", "report")


def test_there_is_a_page_for_every_kind() -> None:
    assert [kind for kind in KINDS if not (AUTHORS / f"{kind}.md").is_file()] == []
    overview = TUTORIAL.read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"[{kind}]({kind}.md)" not in overview] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_begins_with_the_command_that_its_plugin_began_with(kind: str) -> None:
    distribution = EXAMPLES[kind]
    command = next(
        block.text for block in blocks(EXAMPLES_AT / distribution / "README.md") if block.language == "console"
    )
    assert command == f"$ quantsail new-plugin {kind} {distribution.removeprefix('quantsail-')}\n"


def script(page: Path) -> str:
    """The page as a shell script: each titled block is written to its file, each line after `$ ` is a command."""
    lines = ["set -euo pipefail"]
    for block in blocks(page):
        if block.language == "console":
            lines += [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
        elif block.title:
            lines += [f"cat > '{block.title}' <<'END_OF_FILE'", f"{block.text}END_OF_FILE"]
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_the_tutorial_works_as_it_is_typed(clean: Workshop, tmp_path: Path) -> None:
    clean.install_plugins([ROOT / "plugins" / f"quantsail-{name}" for name in NEEDED])
    # Nothing is fetched: pip takes the build backend that is there, and finds what the plugin needs installed.
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    done = clean.run(["bash", "-c", script(TUTORIAL)], tmp_path, **offline)
    shown = [line for block in blocks(TUTORIAL) if block.language == "console" for line in block.text.splitlines()]
    assert [line for line in shown if not line.startswith("$ ") and line not in done.stdout.splitlines()] == []
    assert len(re.findall(r"\b\d+ passed in ", done.stdout)) == 2
    assert "no look-ahead" in done.stdout, done.stdout
    first, second = (tmp_path / "quantsail-dip" / "runs" / name for name in ("first", "second"))
    assert (first / "trades.parquet").is_file()
    assert (second / "trades.parquet").is_file()
    listed = [line for line in done.stdout.splitlines() if line.split()[:2] == ["dip", "quantsail-dip"]]
    assert len(listed) == 1  # before it was uninstalled, and not after
