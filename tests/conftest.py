"""Where the tests find real market data: a folder beside the project, which not every machine has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real candles; without it the test is skipped, or fails when QUANTSAIL_REQUIRE_DATA=1."""
    if not SHARED_DATA.is_dir():
        reason = "no real candles: ../shared/data beside the project is absent"
        if os.environ.get("QUANTSAIL_REQUIRE_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED_DATA
