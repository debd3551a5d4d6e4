"""The source as a pipeline uses it: its options, no ccxt without need, and processes that are ended in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ccxt
import pytest

from quantsail_ccxt.source import CcxtSource
from quantsail_framework import load_pipeline, run
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import PipelineError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.store import Store
from tests.exchanges.bench import HOUR, START, Bench, same
from tests.exchanges.binance import Binance
from tests.exchanges.pins import pinned
from tests.exchanges.server import Answer, LoopbackExchange, walk_truth

Benches = Callable[..., Bench]

ROOT = Path(__file__).parents[3]
PIPELINE = """
[pipeline]
capital = 10_000
[data]
use = "ccxt"
exchange = "binance"
path = "store"
symbols = ["BTC/USDT"]
timeframe = "1h"
start = 2023-01-10
end = 2023-03-01
ccxt_config = {config}
[strategy]
use = "trend"
[costs]
use = "binance-spot"
[sizer]
use = "fixed-fractional"
"""


def inline(value: Any) -> str:
    """A value as TOML on one line."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(name)} = {inline(item)}" for name, item in value.items() if item is not None)
        return "{" + ", ".join(pairs) + "}"
    return json.dumps(value)


def written(folder: Path, config: dict[str, Any]) -> Path:
    file = folder / "pipeline.toml"
    file.write_text(PIPELINE.format(config=inline(config)), encoding="utf-8")
    return file


@pytest.fixture
def served() -> Iterator[LoopbackExchange]:
    """2,000 hours, on the clock of this machine."""
    with Binance([walk_truth("BTC/USDT", "1h", 2_000, START)], lambda: time.time_ns() // 1_000_000) as exchange:
        yield exchange


def test_a_pipeline_fetches_once_and_then_runs_without_the_exchange(served: LoopbackExchange, tmp_path: Path) -> None:
    file = written(tmp_path, pinned("binance", served.url))
    first = run(load_pipeline(file))
    asked = len(served.journal)
    assert asked > 3
    assert (tmp_path / "store" / "binance" / "BTC%2FUSDT" / "1h" / "2023.parquet").is_file()
    code = (
        "import sys; from quantsail_framework import load_pipeline, run;"
        f"result = run(load_pipeline({str(file)!r}));"
        "print(len(result.trades['symbol']), 'ccxt' in sys.modules, 'aiohttp' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(first.trades["symbol"])), "False", "False"]
    assert len(served.journal) == asked
    assert len(first.trades["symbol"]) > 0


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"apiKey": "k3y"}, "ccxt_config.apiKey is a credential: remove it, candles are public"),
        ({"options": {"secret": "k3y"}}, "ccxt_config.options.secret is a credential: remove it, candles are public"),
        ({"headers": {"Authorization": "Bearer k3y"}}, "ccxt_config.headers.Authorization is a credential"),
        ({"privateKey": "k3y"}, "ccxt_config.privateKey is a credential"),
        ({"headers": {"Proxy-Authorization": "Basic k3y"}}, "ccxt_config.headers.Proxy-Authorization is a credential"),
        ({"headers": {"X-MBX-APIKEY": "k3y"}}, "ccxt_config.headers.X-MBX-APIKEY is a credential"),
        ({"headers": {"X-Api-Key": "k3y"}}, "ccxt_config.headers.X-Api-Key is a credential"),
        ({"headers": {"OK-ACCESS-KEY": "k3y"}}, "ccxt_config.headers.OK-ACCESS-KEY is a credential"),
        ({"options": {"accessToken": "k3y"}}, "ccxt_config.options.accessToken is a credential"),
        ({"httpsProxy": "http://me:k3y@proxy:3128"}, "ccxt_config.httpsProxy holds a login: remove it"),
        ({"httpsProxy": "me:k3y@proxy:1"}, "ccxt_config.httpsProxy holds a login: remove it"),
    ],
)
def test_credentials_are_refused_and_not_repeated(tmp_path: Path, config: dict[str, Any], problem: str) -> None:
    with pytest.raises(PipelineError) as caught:
        load_pipeline(written(tmp_path, config))
    assert problem in str(caught.value)
    assert "k3y" not in str(caught.value)


def test_settings_reach_the_client(served: LoopbackExchange, tmp_path: Path) -> None:
    config = pinned("binance", served.url) | {"timeout": 400}
    served.fault("candles", lambda call, answer: Answer(answer.body, delay_s=0.8), [1])
    request = BarRequest("BTC/USDT", Timeframe("1h"), START, START + 10 * HOUR)
    assert len(next(CcxtSource("binance", tmp_path, config).bars([request]))) == 10
    assert len(served.calls()) == 2  # the first was too slow


def test_no_setting_of_any_exchange_is_taken_for_a_credential(tmp_path: Path) -> None:
    """Those that ccxt itself has for public candles, and the usual ones of a user."""
    config = {
        "timeout": 20_000,
        "httpsProxy": "http://proxy:3128",
        "aiohttp_trust_env": True,
        "hostname": "api.example.com",
        "headers": {"User-Agent": "me/1.0 (mail@example.com)"},
        "options": {"fetchMarkets": {"types": ["spot"]}, "adjustForTimeDifference": True, "networks": {"ERC20": "ETH"}},
    }
    for exchange in ("binance", "bybit", "kraken", "okx", "coinbase", "kucoin", "gate", "bitget"):
        about = getattr(ccxt, exchange)().describe()
        own = {"urls": about["urls"], "timeframes": about["timeframes"]}
        for settings in (own, config):
            assert CcxtSource(exchange, tmp_path, settings).ccxt_config == settings


@pytest.mark.parametrize("name", ["../binance", "Binance"])
def test_an_exchange_is_named_as_ccxt_does(tmp_path: Path, name: str) -> None:
    file = tmp_path / "pipeline.toml"
    text = PIPELINE.format(config="{}").replace('exchange = "binance"', f'exchange = "{name}"')
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PipelineError) as caught:
        load_pipeline(file)
    assert f"exchange must be ccxt's id in lower case, such as binance; got '{name}'" in str(caught.value)


# --- processes ---------------------------------------------------------------------------------

SCRIPT = """
import asyncio, json, sys
from pathlib import Path
import numpy as np
from quantsail_ccxt import collect
from quantsail_ccxt.source import CcxtSource
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.ports.data_source import BarRequest

config, root, end, rows = json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
collect.FLUSH_ROWS = rows
request = BarRequest("BTC/USDT", Timeframe("1h"), {start}, end)

def fetch():
    CcxtSource("binance", root, config).fetch([request], lambda request, stored, of: print(stored, flush=True))

async def cell():
    fetch()

try:
    asyncio.new_event_loop().run_until_complete(cell()) if sys.argv[5] == "notebook" else fetch()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Callable[..., tuple[LoopbackExchange, subprocess.Popen[str]]]]:
    """A process that fetches 20,000 hours, 200 to a page, from an exchange that takes its time."""
    now_ms = lambda: time.time_ns() // 1_000_000  # noqa: E731
    with Binance([walk_truth("BTC/USDT", "1h", 20_000, START - 17_000 * HOUR)], now_ms) as exchange:
        exchange.page = 200
        exchange.fault("candles", lambda call, answer: Answer(answer.body, delay_s=0.02))
        running: list[subprocess.Popen[str]] = []

        def begin(rows: int, where: str = "script") -> tuple[LoopbackExchange, subprocess.Popen[str]]:
            config = json.dumps(pinned("binance", exchange.url) | {"rateLimit": 1})
            code = SCRIPT.format(start=START - 17_000 * HOUR)
            command = [sys.executable, "-c", code, config, str(tmp_path), str(START + 3_000 * HOUR), str(rows), where]
            running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT))
            return exchange, running[-1]

        yield begin
        for process in running:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


def whole(exchange: LoopbackExchange) -> tuple[BarRequest, Bars]:
    truth = next(iter(exchange.truth.values()))
    return BarRequest("BTC/USDT", truth.timeframe, START - 17_000 * HOUR, START + 3_000 * HOUR), truth


def test_kill_9_loses_nothing_that_was_reported(begun: Callable[..., Any], tmp_path: Path) -> None:
    exchange, process = begun(rows=1_000)
    assert process.stdout is not None
    reported = [int(process.stdout.readline()) for _ in range(4)][-1]
    process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    reported = max([reported, *(int(line) for line in process.stdout.read().split())])
    request, truth = whole(exchange)
    kept = Store(tmp_path).bars("binance", request)
    assert reported <= len(kept) < 20_000
    assert same(kept, truth.slice(0, len(kept)))
    exchange.heal()
    exchange.journal.clear()
    source = CcxtSource("binance", tmp_path, pinned("binance", exchange.url) | {"rateLimit": 1})
    (fetched,) = source.fetch([request], lambda *_: None)
    assert (fetched.stored, fetched.error) == (20_000, "")
    assert same(Store(tmp_path).bars("binance", request), truth)
    # It goes on where the store ends; a page or two may have been written and not yet noted as asked for.
    first = int(exchange.calls()[0].params["startTime"]) * 1_000_000
    assert len(kept) - 1_000 <= (first - int(truth.time[0])) // HOUR <= len(kept)


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing there")
@pytest.mark.parametrize("where", ["script", "notebook"])
def test_control_c_keeps_what_came(begun: Callable[..., Any], tmp_path: Path, where: str) -> None:
    exchange, process = begun(rows=1_000_000, where=where)  # nothing would be written before the end
    assert process.stdout is not None
    while len(exchange.calls()) < 15:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    lines = process.stdout.read().split()
    assert process.wait() == 0
    assert lines[-1] == "interrupted"
    request, truth = whole(exchange)
    kept = Store(tmp_path).bars("binance", request)
    assert len(kept) >= 8 * 200
    assert int(lines[-2]) == len(kept)
    assert same(kept, truth.slice(0, len(kept)))
