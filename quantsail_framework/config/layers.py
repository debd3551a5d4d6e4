"""From files, profile, environment and --set to one tree: each layer lies over the one before."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from quantsail_framework.config.files import read_tree
from quantsail_framework.config.positions import Key
from quantsail_framework.config.tree import COMPONENT_LISTS, Place, Tree, dotted, items_of
from quantsail_framework.config.wording import describe, did_you_mean
from quantsail_framework.errors import InputError, PipelineError

ENVIRONMENT_PREFIX = "QUANTSAIL__"
OVERRIDES = "overrides"  # what messages call the overrides that Python code gave


class Resolved(NamedTuple):
    """A pipeline file with all that lies over it, before any component is looked at.

    ``problems`` holds, as (key, place, text), what could not be applied. ``is_plain``: the values are not of a file
    but as a manifest keeps them, dates as text.
    """

    path: Path
    tree: Tree
    problems: tuple[tuple[Key, Place, str], ...] = ()
    is_plain: bool = False

    @property
    def values(self) -> Mapping[str, Any]:
        """The merged values, as TOML gives them."""
        return self.tree.values

    @property
    def origins(self) -> dict[str, str]:
        """Where each value came from, by dotted key."""
        return {
            dotted(self.tree, key): place.origin
            for key, place in self.tree.places.items()
            if len(key) > 1 and isinstance(key[-1], str) and not isinstance(self.tree.get(key), dict)
        }


def resolve(
    path: str | Path,
    *,
    profile: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    told_as: str = OVERRIDES,
    environ: Mapping[str, str] | None = None,
) -> Resolved:
    """Merge ``extends`` < file < ``profile`` < environment < ``overrides``.

    ``overrides`` maps dotted keys to values; text is read as a TOML value where it is one;
    ``told_as`` is what messages and origins call them. Raises PipelineError when a file cannot
    be read or there is no such profile.
    """
    path = Path(path)
    tree = read_tree(path)
    _apply_profile(tree, profile)
    folder = path.absolute().parent
    variables = os.environ if environ is None else environ
    assignments = _from_environment(variables, folder)
    problems = [*_apply(tree, assignments), *_apply(tree, _from_overrides(overrides or {}, told_as, folder))]
    return Resolved(path, tree, tuple(problems))


def parse_overrides(items: Iterable[str]) -> dict[str, str]:
    """``["strategy.adx_period=20"]`` of the command line as ``overrides``. Raises InputError without a ``=``."""
    overrides = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--set {item}: expects KEY=VALUE, such as --set strategy.adx_period=20")
        overrides[key.strip()] = value.strip()
    return overrides


def parse_value(text: str) -> Any:
    """``text`` as a TOML value; as it stands when it is none."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return parsed["value"] if len(parsed) == 1 else text


def _apply_profile(tree: Tree, name: str | None) -> None:
    where = tree.place(("profiles",)).where
    profiles = tree.values.pop("profiles", {})
    if not isinstance(profiles, dict):
        raise PipelineError([f"{where}: profiles: expects tables such as [profiles.fast], got {describe(profiles)}"])
    if name is None:
        return
    if name not in profiles:
        known = f"; profiles: {', '.join(sorted(profiles))}" if profiles else "; the file has no [profiles]"
        raise PipelineError([f"{where}: no profile named {name!r}{did_you_mean(name, profiles, known)}"])
    prefix = ("profiles", name)
    if not isinstance(profiles[name], dict):
        where = tree.place(prefix).where
        raise PipelineError([f"{where}: profiles.{name}: expects a table, got {describe(profiles[name])}"])
    places = {
        key[2:]: place._replace(origin=f"profile {name} ({place.origin})")
        for key, place in tree.places.items()
        if key[:2] == prefix and key != prefix
    }
    tree.overlay(Tree(profiles[name], places))


class _Assignment(NamedTuple):
    parts: tuple[str, ...]
    value: Any
    place: Place
    loose: bool = False  # environment variables have neither lower case nor hyphens

    def is_called(self, part: str, name: object) -> bool:
        return part == (str(name).lower().replace("-", "_") if self.loose else name)


def _from_environment(environ: Mapping[str, str], folder: Path) -> list[_Assignment]:
    assignments = []
    for name in sorted(environ):
        if name.startswith(ENVIRONMENT_PREFIX):
            parts = tuple(name[len(ENVIRONMENT_PREFIX) :].lower().split("__"))
            origin = f"environment {name}"
            place = Place(origin, origin, folder)
            assignments.append(_Assignment(parts, parse_value(environ[name]), place, loose=True))
    return assignments


def _from_overrides(overrides: Mapping[str, Any], told_as: str, folder: Path) -> list[_Assignment]:
    place = Place(told_as, told_as, folder)
    return [
        _Assignment(tuple(key.split(".")), parse_value(value) if isinstance(value, str) else value, place)
        for key, value in overrides.items()
    ]


def _apply(tree: Tree, assignments: Sequence[_Assignment]) -> list[tuple[Key, Place, str]]:
    """Assign whole tables before their keys and ``use`` before options, in whatever order they were given."""
    problems: list[tuple[Key, Place, str]] = []
    for assignment in sorted(assignments, key=lambda given: (len(given.parts), given.parts[-1] != "use")):
        found = _locate(tree, assignment)
        if isinstance(found, str):
            problems.append((assignment.parts, assignment.place, found))
        else:
            tree.assign(found, assignment.value, assignment.place)
    return problems


def _locate(tree: Tree, given: _Assignment) -> Key | str:
    """The key that the words of an assignment mean, or why they mean none."""
    if not all(re.fullmatch(r"\S+", part) for part in given.parts):
        return "is no key; write TABLE.OPTION, such as strategy.adx_period"
    key: Key = ()
    for part in given.parts:
        current = tree.get(key)
        if (key and key[0] in COMPONENT_LISTS and len(key) == 1) or _holds_components(current):
            names = items_of(tree, key)
            index = next((number for number, name in enumerate(names) if given.is_called(part, name)), None)
            if index is None:
                return _no_item(dotted(tree, key), part, names)
            key = (*key, index)
        elif current is None or isinstance(current, dict):
            key = (*key, _name(current or {}, part, given, top=not key))
        else:
            return f"{dotted(tree, key)} is one value, not a table"
    return key


def _name(table: Mapping[str, Any], part: str, given: _Assignment, *, top: bool) -> str:
    found = next((name for name in table if given.is_called(part, name)), None)
    if found is not None:
        return found
    return part.replace("_", "-") if given.loose and top else part


def _holds_components(value: Any) -> bool:
    """Whether it is a list of tables, each with a ``use``: an option that holds components."""
    return isinstance(value, list) and value != [] and all(isinstance(item, dict) and "use" in item for item in value)


def _no_item(table: str, part: str, names: Sequence[str]) -> str:
    if not names:
        return f"the pipeline has no [[{table}]]"
    has = f"; it has {', '.join(names)}"
    return f"no [[{table}]] is called {part}{did_you_mean(part, names, has)}"
