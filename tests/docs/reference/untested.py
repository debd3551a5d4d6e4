"""The blocks of the documentation that no test runs, and what they would need."""

from __future__ import annotations

from collections import Counter

from tests.docs.blocks import PAGES, ROOT, blocks_of


def untested() -> str:
    """How many blocks of which page need what the tests do not have."""
    blocks = ((str(page.relative_to(ROOT)), block.needs) for page in PAGES for block in blocks_of(page))
    found = Counter((page, needs) for page, needs in blocks if needs)
    rows = [f"| `{page}` | {needs} | {number} |" for (page, needs), number in sorted(found.items())]
    return "\n".join(["| page | needs | blocks |", "| --- | --- | --- |", *rows])
