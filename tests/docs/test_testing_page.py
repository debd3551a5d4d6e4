"""The page on testing lists every case of the kit with its words, and shows what the command prints.

To renew the tables: ``python -m tests.docs.test_testing_page`` prints them.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from quantsail_framework import testing
from quantsail_framework.testing.contract import COMMON, Contract

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "plugin-authors" / "testing.md"
QUANTSAIL = str(Path(sys.executable).parent / "quantsail")


def suites() -> dict[str, type[Contract]]:
    """Every suite by name; the one of bar strategies has the cases of the one of strategies, and comes after it."""
    names = sorted(name for name in testing.__all__ if name.endswith("Contract") and name != "Contract")
    return {name: getattr(testing, name) for name in sorted(names, key=lambda name: name == "BarStrategyContract")}


def tables() -> str:
    """A table for the cases of all kinds, and one for each suite with those that it adds."""
    told: set[str] = set()
    blocks = ["### Every kind\n\n" + _table(Contract, told, COMMON)]
    blocks += [f"### `{name}`\n\n" + _table(suite, told) for name, suite in suites().items()]
    return "\n\n".join(blocks) + "\n"


def _table(suite: type[Contract], told: set[str], prefix: str = "") -> str:
    return "\n".join(["| case | what it asks, and where to look |", "| --- | --- |", *_rows(suite, told, prefix)])


def _rows(suite: type[Contract], told: set[str], prefix: str) -> Iterator[str]:
    cases = suite.cases or next(iter(suites().values())).cases
    for number, name in cases.items():
        if number not in told and number.startswith(prefix):
            told.add(number)
            yield f"| {number} | {_markdown(inspect.getdoc(getattr(suite, name)) or '')} |"


def _markdown(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("``", "`").replace("|", "\\|").replace("__", "\\_\\_")


def test_the_page_has_every_case_with_its_words() -> None:
    assert tables() in PAGE.read_text(encoding="utf-8"), "renew it: python -m tests.docs.test_testing_page"


def test_the_page_shows_what_the_command_prints() -> None:
    page = PAGE.read_text(encoding="utf-8")
    ((command, shown),) = re.findall(r"```console\n\$ (quantsail .+)\n```\n\n```text\n([^`]+)```", page)
    done = subprocess.run([QUANTSAIL, *command.split()[1:]], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == (shown, 0)


if __name__ == "__main__":
    sys.stdout.write(tables())
