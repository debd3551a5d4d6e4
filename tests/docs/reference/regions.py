"""Regions of pages whose text comes from the code.

A page says what belongs there, ``<!-- generated: options strategy trend -->``, up to ``<!-- end -->``; the pages stay
plain Markdown, in the tree and on the site, and a test tells when one is out of date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.docs.reference import commands, components, metrics, untested

ROOT = Path(__file__).parents[3]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
_REGION = re.compile(r"(<!-- generated: ([^\n]+) -->\n).*?(<!-- end -->)", re.DOTALL)
# The first word of a region to what writes it; the other words are its arguments.
WRITERS: Mapping[str, Callable[..., str]] = {
    "options": components.options,
    "keys": components.keys,
    "kinds": components.kinds,
    "plugins": components.plugins,
    "commands": commands.commands,
    "metrics": metrics.metrics,
    "untested": untested.untested,
}


def filled(text: str) -> str:
    """A page with each of its regions written anew."""
    return _REGION.sub(lambda found: f"{found[1]}\n{_written(found[2])}\n\n{found[3]}", text)


def named(text: str) -> list[str]:
    """What the regions of a page hold: ``["options strategy trend"]``."""
    return [found[2] for found in _REGION.finditer(text)]


def _written(name: str) -> str:
    word, *arguments = name.split()
    return WRITERS[word](*arguments)
