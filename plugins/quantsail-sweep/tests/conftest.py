"""A pipeline file with a sweep over candles that are made, to be run in this process or another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

TEXT = """
[pipeline]
name = "swept"
runner = "sweep"
capital = 10_000
seed = 7
[data]
use = "synthetic"
symbols = ["BTC/USDT"]
timeframe = "1h"
start = 2023-01-01
end = 2023-07-01
[strategy]
use = "trend"
[costs]
use = "basis-points"
[sizer]
use = "fixed-fractional"
[[risk]]
use = "max-daily-trades"
limit = 3
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the pipeline with more tables to a file in a folder of its own."""

    def to(more: str) -> Path:
        file = tmp_path / "swept.toml"
        file.write_text(TEXT + more, encoding="utf-8")
        return file

    return to
