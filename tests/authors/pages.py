"""Reads the blocks of code that a page shows, and makes a pipeline of what plugins say of themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.authors.workshop import ROOT

AUTHORS = ROOT / "docs" / "plugin-authors"
# What every pipeline needs.
PARTS = ("runner", "data-source", "strategy", "cost-model", "sizer")
_BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code: its language, the file that it is (or nothing), and its text."""

    language: str
    title: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Every block of a page, in order."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def tables(page: Path) -> str:
    """The first TOML of a page: what the plugin says in a pipeline file; nothing where there is none."""
    return next((block.text for block in blocks(page) if block.language == "toml" and not block.title), "")


def parts(made: Mapping[str, Path]) -> dict[str, str]:
    """Kind to what a pipeline of generated plugins says of it, in the words of the READMEs."""
    said = {kind: tables(made[kind] / "README.md") for kind in PARTS}
    said["data-source"] += 'symbols = ["TEST/USDT"]\ntimeframe = "5m"\n'
    return said
