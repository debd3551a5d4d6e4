"""A folder with a small store, and the command line in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from quantsail_framework.store import Store
from tests.store.made import JUNE, five_minutes

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def quantsail(tmp_path: Path) -> Run:
    """``quantsail("data", "list")``: the process, run in the test's own folder."""
    command = Path(sys.executable).parent / "quantsail"

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = [str(argument) for argument in arguments]
        return subprocess.run([command, *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    return run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in ``data`` with 600 bars of BTC/USDT and 300 of ETH/USDT, fetched in June."""
    store = Store(tmp_path / "data")
    for bars in (five_minutes(), five_minutes(300, "ETH/USDT")):
        store.add("binance", bars, source="test", fetched_ns=JUNE)
    return store
