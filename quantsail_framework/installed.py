"""Installed distributions, read from their metadata folders.

What ``importlib.metadata`` says of them, for those that lie in folders of ``sys.path``: importing that takes as long as
all the rest of a command such as ``--help``. Where anything else may hold distributions (an archive on the path, a
finder of its own), it is asked after all.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache, partial, reduce
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any, NamedTuple

_ENDINGS = (".dist-info", ".egg-info")
_ENTRY = re.compile(r"\s*(?P<module>[\w.]+)\s*(:\s*(?P<attribute>[\w.]+)\s*)?(\[.*\]\s*)?")


class Installed(NamedTuple):
    """One distribution. ``place`` is the folder that its packages lie in; ``read(file)`` reads a file of its metadata,
    None where it has none of that name."""

    place: str
    read: Callable[[str], str | None]

    def facts(self) -> dict[str, list[str]]:
        """The values of each name, in lower case, that stands in METADATA before its description."""
        text = self.read("METADATA") or self.read("PKG-INFO") or ""
        found: dict[str, list[str]] = {}
        for line in text.partition("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            found.setdefault(name.lower(), []).append(value.strip())
        return found

    def names(self) -> tuple[str, str]:
        """Its name and its release; empty where METADATA has none."""
        facts = self.facts()
        return facts.get("name", [""])[0], facts.get("version", [""])[0]


class Announced(NamedTuple):
    """One entry point: its name, what it names (``module`` or ``module:attribute``), and whose it is."""

    name: str
    value: str
    owner: Installed

    @property
    def module(self) -> str:
        """The module that it names, or all of what it says where that is no name."""
        found = _ENTRY.fullmatch(self.value)
        return found["module"] if found else self.value

    def load(self) -> Any:
        """What it names. Raises what importing it raises."""
        found = _ENTRY.fullmatch(self.value)
        if found is None:
            raise ImportError(f"the entry point {self.name} = {self.value!r} names no module")
        attributes = found["attribute"].split(".") if found["attribute"] else []
        return reduce(getattr, attributes, import_module(found["module"]))


def normal(name: str) -> str:
    """The name of a distribution in its one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find(name: str) -> Installed | None:
    """The distribution of that name; None where it is not installed."""
    wanted = normal(name)
    return next((each for own, each in _all() if own == wanted), None)


def version(name: str) -> str | None:
    """The release of an installed distribution; None where it is not installed."""
    found = find(name)
    return (found and found.names()[1]) or None


def announced(group: str) -> Iterator[Announced]:
    """The entry points of ``group``, of every distribution."""
    for _, owner in _all():
        text, section = owner.read("entry_points.txt") or "", ""
        if f"[{group}]" not in text:
            continue
        for line in filter(None, map(str.strip, text.splitlines())):
            if line.startswith("["):
                section = line.strip("[]")
            elif section == group and not line.startswith("#"):
                name, _, value = line.partition("=")
                yield Announced(name.strip(), value.strip(), owner)


def _all() -> Iterator[tuple[str, Installed]]:
    """Every distribution by its normal name; of those of one name the first on the path, which is the one imported."""
    seen: set[str] = set()
    for name, each in _in_folders() if _are_in_folders() else _elsewhere_too():
        if name not in seen:
            seen.add(name)
            yield name, each


def _are_in_folders() -> bool:
    finders = (finder for finder in sys.meta_path if finder is not PathFinder)
    if any(hasattr(finder, "find_distributions") for finder in finders):
        return False
    return not any(place.endswith(".egg") or os.path.isfile(place) for place in sys.path)


def _in_folders() -> Iterator[tuple[str, Installed]]:
    for place in sys.path:
        try:
            changed = os.stat(place or ".").st_mtime_ns
        except OSError:
            continue
        for name, folder in _metadata_of(place, changed):
            yield name, Installed(place, partial(_read, folder))


@lru_cache
def _metadata_of(place: str, _changed_ns: int) -> list[tuple[str, str]]:
    """Name and folder of what is installed in a folder that was changed then; nothing where it is none."""
    try:
        files = sorted(file for file in os.listdir(place or ".") if file.endswith(_ENDINGS))
    except OSError:
        return []
    return [(normal(file.rpartition(".")[0].partition("-")[0]), os.path.join(place, file)) for file in files]


def _read(folder: str, file: str) -> str | None:
    is_all = file == "PKG-INFO" and os.path.isfile(folder)  # of distutils: one file instead of a folder
    try:
        with open(folder if is_all else os.path.join(folder, file), encoding="utf-8") as text:
            return text.read()
    except OSError:
        return None


def _elsewhere_too() -> Iterator[tuple[str, Installed]]:
    from importlib.metadata import distributions

    for each in distributions():
        yield normal(each.metadata["Name"] or ""), Installed(str(each.locate_file("")), each.read_text)
