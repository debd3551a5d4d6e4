"""What plugins and notebooks may build upon, as lines of text: names, signatures, hooks, ports, options of components.

    python -m tests.reference.public_api > tests/reference/public_api.txt

Public is what the package itself exports and what the pages of the documentation are made from (``::: name``). The
source is read and not imported, so the lines are the same on every Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import griffe

import quantsail_framework
from quantsail_framework import testing
from quantsail_framework.config import options_of
from quantsail_framework.hookspecs import KINDS
from tests.docs.reference.components import REGISTRY

ROOT = Path(__file__).parents[2]
SNAPSHOT = ROOT / "tests" / "reference" / "public_api.txt"
CORE = "quantsail_framework"


def lines() -> list[str]:
    """Every line of the snapshot, sorted."""
    return sorted([*names(), *components()])


def names() -> set[str]:
    """The lines of what is imported: exports, functions, classes, hooks, values."""
    return {*_exported(), *_documented()}


def components() -> set[str]:
    """The lines of what a pipeline names: each component of the installed first-party plugins, with its options."""
    return set(_components())


def _exported() -> Iterator[str]:
    for package in (quantsail_framework, testing):
        for name in package.__all__:
            yield f"export {package.__name__}.{name}"


def _documented() -> Iterator[str]:
    core = griffe.load(CORE, search_paths=[str(ROOT)])
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    for name in set(re.findall(rf"^::: {CORE}\.([\w.]+)", pages, re.MULTILINE)):
        yield from described(core[name])


def described(thing: griffe.Object | griffe.Alias) -> Iterator[str]:
    """What is public in a module or a class, or of a function or value itself."""
    if isinstance(thing, griffe.Function):
        kind = "hook" if thing.path.startswith(f"{CORE}.hookspecs.") else "function"
        yield f"{kind} {thing.parent.path if thing.parent else ''}.{thing.signature()}"
        return
    if isinstance(thing, griffe.Attribute):
        yield f"value {thing.path}" + (f": {thing.annotation}" if thing.annotation else "")
        return
    if isinstance(thing, griffe.Class):
        yield f"class {thing.path}({', '.join(map(str, thing.bases))})"
    for name, member in thing.members.items():
        if not member.is_alias and (not name.startswith("_") or name in ("__init__", "__call__")):
            yield from described(member)


def _components() -> Iterator[str]:
    for kind in KINDS:
        for name, offer in REGISTRY.components(kind).items():
            network = " (network)" if offer.component.network else ""
            yield f"component {kind} {name}{network}"
            for option in () if kind == "command" else options_of(REGISTRY.load(kind, name)):
                default = "required" if option.required else f"= {option.default!r}"
                yield f"option {kind} {name} {option.name}: {option.type_text} {default}"


if __name__ == "__main__":
    print(*lines(), sep="\n")
