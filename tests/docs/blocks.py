"""The code blocks of the documentation: where they stand, and what they need when no test can run them."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import attrs

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# What a title such as "Needs an exchange" may say. The reader sees it; every other block is run.
NEEDS = {
    "Needs an exchange": "candles are fetched from a venue, over the network",
    "Needs a clone": "make, uv and pip in a clone, which make the environment that the tests run in",
    "Needs a clean environment": "something is installed; a test of the page's own may do that, this one must not",
    "Needs several machines": "servers that other machines reach, which go on running",
    "Needs your files": "candle files of other programs, which are not in this project",
    "Needs an account": "a service that asks for a token",
    "Needs the other program": "a program that is no part of Quantsail, such as Prometheus or an editor",
}
_BLOCK = re.compile(r"^( *)```(\w*)(?: title=\"([^\"]+)\")?[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


@attrs.frozen
class Block:
    """A fenced block. ``below``: nothing but blank lines is between it and the block before."""

    language: str
    title: str
    text: str
    line: int
    below: bool

    @property
    def needs(self) -> str | None:
        """Why no test runs it."""
        return self.title if self.title.startswith("Needs ") else None


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, from top to bottom."""
    text, end, blocks = page.read_text(encoding="utf-8"), 0, []
    for found in _BLOCK.finditer(text):
        _, language, title, code = found.groups(default="")
        line, below = text.count("\n", 0, found.start()) + 1, not text[end : found.start()].strip()
        blocks.append(Block(language, title, dedent(code), line, below))
        end = found.end()
    return blocks


def installs_a_plugin(page: Path) -> bool:
    """Whether ``tests/authors`` follows the page, in an environment of its own."""
    return page.parent.name == "plugin-authors" and "$ quantsail new-plugin" in page.read_text(encoding="utf-8")


def commands_of(block: Block) -> list[str]:
    """The commands of a console block, with their comments; a line that ends with a backslash goes on."""
    joined = block.text.replace("\\\n", " ")
    return [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ")]
