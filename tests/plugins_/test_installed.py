"""What is read of installed distributions is what ``importlib.metadata`` says of them."""

from __future__ import annotations

import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from quantsail_framework.installed import announced, find, normal, version


def entries(group: str) -> set[tuple[str, str, str]]:
    return {(each.name, each.value, normal(each.owner.names()[0])) for each in announced(group)}


@pytest.mark.parametrize("group", ["quantsail", "pytest11", "console_scripts"])
def test_entry_points_are_those_of_importlib_metadata(group: str) -> None:
    theirs = {
        (each.name, each.value, normal(each.dist.name)) for each in metadata.entry_points(group=group) if each.dist
    }
    assert len(theirs) > 5 or group != "quantsail"
    assert entries(group) == theirs


def test_every_distribution_has_its_release_and_files() -> None:
    for each in metadata.distributions():
        name = each.metadata["Name"]
        own, first = find(name), metadata.distribution(name)
        assert own is not None
        assert version(name) == first.version
        assert own.read("RECORD") == first.read_text("RECORD")
        assert Path(own.place) == Path(str(first.locate_file("")))
    assert version("no-such-thing") is None


def test_the_first_on_the_path_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in ("1", "2"):
        info = tmp_path / number / f"Some_Thing-{number}.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Name: Some.Thing\nVersion: {number}.0\n\nVersion: of the text\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(
            f"# of a test\n[other]\nquantsail = no\n[quantsail]\nsome = some_{number}:Thing.made [extra]\n",
            encoding="utf-8",
        )
    monkeypatch.syspath_prepend(str(tmp_path / "2"))
    monkeypatch.syspath_prepend(str(tmp_path / "1"))
    assert version("some-thing") == "1.0"
    (own,) = (each for each in announced("quantsail") if each.name == "some")
    assert (own.value, own.module) == ("some_1:Thing.made [extra]", "some_1")


def test_what_lies_in_an_archive_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("archived.py", "THING = 1\n")
        made.writestr("archived-3.0.dist-info/METADATA", "Name: archived\nVersion: 3.0\n")
        made.writestr("archived-3.0.dist-info/entry_points.txt", "[quantsail]\narchived = archived:THING\n")
    monkeypatch.syspath_prepend(str(archive))
    assert version("archived") == "3.0"
    (own,) = (each for each in announced("quantsail") if each.name == "archived")
    assert own.load() == 1
    monkeypatch.delitem(sys.modules, "archived")
