"""What others build upon changes on purpose only: every line of it is kept in `public_api.txt`."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path

import griffe
import pytest

from tests.docs.reference.components import MISSING
from tests.reference.public_api import ROOT, SNAPSHOT, components, described, lines, names

OF_COMPONENTS = ("component ", "option ")
needs_every_plugin = pytest.mark.skipif(bool(MISSING), reason=f"plugins are not installed: {', '.join(MISSING)}")
REFRESH = "python -m tests.reference.public_api > tests/reference/public_api.txt"


def change(before: Sequence[str], after: Sequence[str]) -> str:
    """What the change of the public API has to say; nothing when there is none."""
    shown = list(unified_diff(before, after, "public_api.txt", "the code", lineterm="", n=0))
    broken = [line for line in before if line not in set(after)]
    words = "Lines with - are gone or changed: whoever uses them breaks, so they are deprecated first, and told in the "
    advice = f"{words}changelog.\n" if broken else ""
    return "\n".join([*shown, f"\n{advice}When this is meant: {REFRESH}"]) if shown else ""


def test_the_public_names_are_as_they_were() -> None:
    text = change([line for line in _snapshot() if not line.startswith(OF_COMPONENTS)], sorted(names()))
    assert not text, text


@needs_every_plugin
def test_the_components_are_as_they_were() -> None:
    text = change([line for line in _snapshot() if line.startswith(OF_COMPONENTS)], sorted(components()))
    assert not text, text


@needs_every_plugin
def test_nothing_is_gone_since_the_last_release_without_a_word() -> None:
    """What was released and is gone or changed is named below "Removed" or "Changed" of the changelog's Unreleased."""
    tag = _git("describe", "--tags", "--abbrev=0", "--match", "v*")
    if not tag:
        pytest.skip("no release is tagged yet, or the tags are not here")
    released = _git("show", f"{tag}:{SNAPSHOT.relative_to(ROOT).as_posix()}").splitlines()
    unreleased = (ROOT / "docs" / "changelog.md").read_text(encoding="utf-8").partition("## Unreleased")[2]
    assert untold(released, lines(), unreleased.partition("\n## ")[0]) == []


def untold(released: Sequence[str], now: Sequence[str], changes: str) -> list[str]:
    """The released names of which a line is gone or changed and that ``changes`` does not name."""
    gone = [line for line in released if line not in set(now)]
    names = {_name(line) for line in gone}
    return sorted(name for name in names if f"`{name}`" not in changes)


def _snapshot() -> list[str]:
    return SNAPSHOT.read_text(encoding="utf-8").splitlines()


def _name(line: str) -> str:
    """The name that a changelog would use: the last one or, of an option, component and option."""
    kind, rest = line.split(" ", 1)
    if kind in ("component", "option"):
        return ".".join(rest.removesuffix(" (network)").partition(":")[0].split(" ")[1:])
    return rest.partition("(")[0].partition(":")[0].rpartition(".")[2]


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


# -- that a change is seen ---------------------------------------------------------------------------

SOURCE = '''
"""A module."""
from elsewhere import Other
LIMIT: int = 3
_hidden = 1
class Shape(Other):
    """A class."""
    sides: int
    def area(self, scale: float = 1.0, *, unit: str) -> float: ...
    def _secret(self): ...
'''


def _lines_of(source: str, folder: Path) -> list[str]:
    (folder / "shapes.py").write_text(source, encoding="utf-8")
    return sorted(described(griffe.load("shapes", search_paths=[str(folder)])))


def test_a_line_holds_what_a_user_of_a_name_depends_on(tmp_path: Path) -> None:
    assert _lines_of(SOURCE, tmp_path) == [
        "class shapes.Shape(Other)",
        "function shapes.Shape.area(scale: float = 1.0, *, unit: str) -> float",
        "value shapes.LIMIT: int",
        "value shapes.Shape.sides: int",
    ]


@pytest.mark.parametrize(
    ("old", "new", "gone"),
    [
        ("scale: float = 1.0", "scale: float", "area"),
        ("area(", "surface(", "area"),
        ("sides: int", "sides: float", "sides"),
        ("class Shape(Other)", "class Shape", "Shape"),
    ],
)
def test_what_breaks_a_user_is_shown_and_must_be_told(tmp_path: Path, old: str, new: str, gone: str) -> None:
    before = _lines_of(SOURCE, tmp_path)
    after = _lines_of(SOURCE.replace(old, new), tmp_path)
    text = change(before, after)
    assert "Lines with - are gone or changed" in text
    assert text.endswith(f"When this is meant: {REFRESH}")
    assert untold(before, after, "- Nothing to see.") == [gone]
    assert untold(before, after, f"- `{gone}` is another thing.") == []


def test_what_is_new_breaks_nobody(tmp_path: Path) -> None:
    before = _lines_of(SOURCE, tmp_path)
    after = _lines_of(f"{SOURCE}    color: str\n", tmp_path)
    assert change(before, after).splitlines()[-3:] == [
        "+value shapes.Shape.color: str",
        "",
        f"When this is meant: {REFRESH}",
    ]
    assert "Lines with -" not in change(before, after)
    assert untold(before, after, "") == []
    assert change(before, before) == ""


def test_an_option_is_told_by_its_component() -> None:
    released = ["option strategy trend adx_period: whole number = 14", "component alert-sink phone (network)"]
    assert untold(released, [], "") == ["phone", "trend.adx_period"]
