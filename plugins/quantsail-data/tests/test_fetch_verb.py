"""fetch: the command line, ccxt's own client and a loopback exchange between them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from quantsail_framework import Bars, Timeframe
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.store import Store
from tests.exchanges.bench import LATER_MS, START
from tests.exchanges.binance import Binance
from tests.exchanges.pins import pinned
from tests.exchanges.server import Answer, walk_truth

Run = Callable[..., subprocess.CompletedProcess[str]]
TRUTH = tuple(walk_truth(symbol, "1h", 1_500, START) for symbol in ("BTC/USDT", "ETH/USDT"))


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Binance]:
    """A loopback Binance, and `ccxt.toml` which leads there alone."""
    with Binance(TRUTH, lambda: LATER_MS) as server:
        (tmp_path / "ccxt.toml").write_text(_toml(pinned("binance", server.url)))
        yield server


def _toml(table: Mapping[str, Any], way: str = "") -> str:
    lines = [f"{json.dumps(k)} = {json.dumps(v)}" for k, v in table.items() if not isinstance(v, Mapping)]
    for name, inner in table.items():
        if isinstance(inner, Mapping):
            path = f"{way}{json.dumps(name)}"
            lines += [f"[{path}]", _toml(inner, f"{path}.")]
    return "\n".join(lines)


def fetch(quantsail: Run, *words: str) -> subprocess.CompletedProcess[str]:
    return quantsail("data", "fetch", "--exchange", "binance", "--ccxt-config", "ccxt.toml", *words)


def stored(root: Path, symbol: str) -> Bars:
    return Store(root / "data").bars("binance", BarRequest(symbol, Timeframe("1h")))


def test_symbols_are_fetched_shown_and_not_fetched_again(quantsail: Run, exchange: Binance, tmp_path: Path) -> None:
    words = ("BTC/USDT", "ETH/USDT", "-t", "1h", "--since", "2023-01-01", "--until", "2023-03-04")
    done = fetch(quantsail, *words)
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["SYMBOL", "TIMEFRAME", "NEW", "IN", "RANGE"],
        ["BTC/USDT", "1h", "1488", "1488"],
        ["ETH/USDT", "1h", "1488", "1488"],
    ]
    assert "BTC/USDT 1h: 1,488 of about 1,488 bars stored" in done.stderr
    for bars in TRUTH:
        assert stored(tmp_path, bars.symbol).content_hash == bars.slice(0, 1_488).content_hash
    asked = len(exchange.calls())
    assert json.loads(fetch(quantsail, *words, "--json").stdout) == [
        {"symbol": symbol, "timeframe": "1h", "new": 0, "in_range": 1488, "error": None}
        for symbol in ("BTC/USDT", "ETH/USDT")
    ]
    assert len(exchange.calls()) == asked


def test_what_a_pipeline_needs_with_warmup_and_informative(quantsail: Run, exchange: Binance, tmp_path: Path) -> None:
    """Into the store that the pipeline reads; then it runs without the exchange."""
    config = "\n".join(f"ccxt_config.{line}" for line in _dotted(pinned("binance", exchange.url)))
    source = f'use = "ccxt"\nexchange = "binance"\npath = "data"\n{config}'
    (tmp_path / "pipeline.toml").write_text(PIPELINE.format(source=source))
    done = quantsail("data", "fetch", "--for", "pipeline.toml", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    (warmup,) = {row["in_range"] - 10 * 24}
    assert warmup >= 400
    asked = [len(exchange.calls(endpoint)) for endpoint in ("candles", "markets", "time")]
    stored_source = 'use = "store"\nvenue = "binance"\npath = "data"'
    (tmp_path / "stored.toml").write_text(PIPELINE.format(source=stored_source))
    for file in ("pipeline.toml", "stored.toml"):
        ran = quantsail("run", file, "--out", file[:4], "--quiet")
        assert ran.returncode == 0, ran.stderr
    assert [len(exchange.calls(endpoint)) for endpoint in ("candles", "markets", "time")] == asked
    one, other = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("pipe", "stor"))
    assert one["symbols"] == other["symbols"]
    assert one["warmup"] == warmup
    assert one["symbols"][0]["rules"] == {"tick": "0.01", "lot": "0.00001", "min_notional": 5.0}
    assert (tmp_path / "pipe" / "trades.parquet").read_bytes() == (tmp_path / "stor" / "trades.parquet").read_bytes()


def test_a_mistake_inside_warmup_names_the_strategy(quantsail: Run, exchange: Binance, tmp_path: Path) -> None:
    config = "\n".join(f"ccxt_config.{line}" for line in _dotted(pinned("binance", exchange.url)))
    source = f'use = "ccxt"\nexchange = "binance"\npath = "data"\n{config}'
    (tmp_path / "mine.py").write_text(MISTYPED)
    text = PIPELINE.format(source=source).replace('use = "trend"', 'use = "mine.py:Mistyped"')
    (tmp_path / "pipeline.toml").write_text(text)
    done = quantsail("data", "fetch", "--for", "pipeline.toml")
    assert done.returncode == 1
    assert "it arose in warmup of strategy 'mine.py:Mistyped' (mine.py:10)\n" in done.stderr
    assert exchange.calls() == []


def test_an_exchange_that_does_not_answer_ends_with_code_1(quantsail: Run, exchange: Binance, tmp_path: Path) -> None:
    fetch(quantsail, "BTC/USDT", "-t", "1h", "--since", "2023-01-01", "--until", "2023-02-01")
    exchange.fault("candles", Answer({"code": -1100, "msg": "Illegal characters found."}, 400))
    done = fetch(quantsail, "BTC/USDT", "-t", "1h", "--since", "2023-01-01", "--until", "2023-03-01")
    assert done.returncode == 1
    assert "binance BTC/USDT 1h: refused with" in done.stderr + done.stdout
    assert len(stored(tmp_path, "BTC/USDT")) == 744


def test_a_stop_tells_what_is_stored(quantsail: Run, exchange: Binance, tmp_path: Path) -> None:
    exchange.fault("candles", lambda _call, answer: attrs.evolve(answer, delay_s=0.5), range(2, 1_000))
    words = ["data", "fetch", "BTC/USDT", "ETH/USDT", "-t", "1h", "--since", "2023-01-01", "--exchange", "binance"]
    command = [Path(sys.executable).parent / "quantsail", *words, "--ccxt-config", "ccxt.toml"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    while len(exchange.calls()) < 2 and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    *_, last = told.splitlines()
    bars = sum(len(stored(tmp_path, symbol)) for symbol in ("BTC/USDT", "ETH/USDT") if _is_stored(tmp_path, symbol))
    assert last == f"stopped; {bars:,} bars of 2 series are stored; call again to go on"


def _is_stored(root: Path, symbol: str) -> bool:
    return bool(Store(root / "data").series("binance", symbol, Timeframe("1h")).paths())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["BTC/USD", "-t", "1h"], "error: binance has no market BTC/USD; did you mean BTC/USDT"),
        (["BTC/USDT", "-t", "7m"], "error: binance has no 7m candles of BTC/USDT; it has 1s"),
        (["-t", "1h"], "a symbol is missing, such as BTC/USDT"),
        (["BTC/USDT"], "--timeframe is missing, such as --timeframe 5m"),
        (
            ["BTC/USDT", "-t", "1h", "--exchange", "binanec"],
            "error: ccxt has no exchange 'binanec'; did you mean binance",
        ),
        (["BTC/USDT", "-t", "1h", "--since", "2023-02-01", "--until", "2023-02-01"], "--since must lie before --until"),
        (
            ["--for", "nothing.toml"],
            "--for takes exchange, symbols, timeframes, range and store from the pipeline file alone",
        ),
    ],
)
def test_what_cannot_be_fetched(quantsail: Run, exchange: Binance, tmp_path: Path, words: list[str], text: str) -> None:
    done = fetch(quantsail, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_pipeline_whose_source_fetches_nothing(quantsail: Run, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(PIPELINE.format(source='use = "parquet"\npath = "data"'))
    done = quantsail("data", "fetch", "--for", "p.toml")
    assert done.returncode == 2
    assert done.stderr == "error: p.toml: the data source 'parquet' fetches nothing; use 'store' or 'ccxt'\n"


def _dotted(table: Mapping[str, Any], way: str = "") -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{way}{json.dumps(name)}.")
        else:
            yield f"{way}{json.dumps(name)} = {json.dumps(value)}"


PIPELINE = """
[pipeline]
capital = 10_000
[data]
{source}
symbols = ["BTC/USDT"]
timeframe = "1h"
start = 2023-02-01
end = 2023-02-11
[strategy]
use = "trend"
[costs]
use = "binance-spot"
[sizer]
use = "fixed-fractional"
"""
MISTYPED = """
import attrs

@attrs.frozen
class Mistyped:
    period: int = 5

    @property
    def warmup(self):
        return self.perod

    def signals(self, bars):
        raise AssertionError
"""
