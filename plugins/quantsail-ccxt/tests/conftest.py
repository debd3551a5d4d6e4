"""Loopback exchanges for the tests of this folder, which reach nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from quantsail_framework.domain.bars import Bars
from tests.exchanges.bench import LATER_MS, START, Bench
from tests.exchanges.binance import Binance
from tests.exchanges.bybit import Bybit
from tests.exchanges.clock import FakeClock
from tests.exchanges.pins import stay_here
from tests.exchanges.server import LoopbackExchange, walk_truth

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let pass what ccxt makes aiohttp warn of on newer Pythons."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning"))


@pytest.fixture(autouse=True)
def _stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    stay_here(monkeypatch)


@pytest.fixture(params=[Binance, Bybit], ids=["binance", "bybit"])
def dialect(request: pytest.FixtureRequest) -> type[LoopbackExchange]:
    return request.param


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """``bench(dialect, truth...)``: that exchange with that truth, an empty store, and a clock long after the truth."""
    with ExitStack() as stack:

        def open_bench(
            kind: type[LoopbackExchange] = Binance, *truth: Bars, now_ms: int = LATER_MS, **config: Any
        ) -> Bench:
            clock = FakeClock(now_ms)
            exchange = kind(truth or (walk_truth("BTC/USDT", "1h", 3_500, START),), clock.now_ms)
            return Bench(stack.enter_context(exchange), tmp_path / "data", clock, config)

        yield open_bench
