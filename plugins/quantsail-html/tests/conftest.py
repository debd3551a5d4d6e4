"""Results of every kind of runner, and a browser: Chromium, asked over a pipe in its own DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.domain.result import RunResult
from quantsail_html.reporter import HtmlReporter

DAY = 86_400_000_000_000
SEED = 20
# Hands Chromium its pipe as the descriptors 3 and 4, where it looks for it.
_LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
_PIPELINE = """
[pipeline]
name = "{name}"
capital = 10_000
[data]
{data}
[strategy]
use = "trend"
allow_short = true
volume_period = 0
[costs]
use = "basis-points"
spread_bps = 0.8
slippage_bps = 0.2
[sizer]
use = "fixed-fractional"
max_position_pct_equity = 50
[[risk]]
use = "max-daily-trades"
limit = 2
"""
SAMPLES = 'use = "samples"\nsymbols = ["EUR/USD"]\ntimeframe = "1h"'
SYNTHETIC = 'use = "synthetic"\nsymbols = ["AAA/USDT", "BBB/USDT"]\ntimeframe = "5m"\nseed = 3\nlength = {length}'


# --- results -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[RunResult, Path]]:
    """``run_of(name, data)``: the result of a backtest on a ``[data]`` table, and its run folder."""

    def make(name: str, data: str) -> tuple[RunResult, Path]:
        folder = tmp_path_factory.mktemp(name)
        (folder / "pipeline.toml").write_text(_PIPELINE.format(name=name, data=data), encoding="utf-8")
        return run(load_pipeline(folder / "pipeline.toml"), out=folder / "run"), folder / "run"

    return make


@pytest.fixture(scope="session")
def sample_run(run_of: Callable[..., tuple[RunResult, Path]]) -> tuple[RunResult, Path]:
    """A year of EUR/USD."""
    return run_of("samples", SAMPLES)


@pytest.fixture(scope="session")
def long_run(run_of: Callable[..., tuple[RunResult, Path]]) -> tuple[RunResult, Path]:
    """100,000 five-minute bars of one symbol, and as many of another."""
    return run_of("long", SYNTHETIC.format(length=100_000))


@pytest.fixture(scope="session")
def sweep_result(sample_run: tuple[RunResult, Path]) -> RunResult:
    """216 trials over three parameters: a plateau of scores with one lone peak, some trials refused."""
    random = np.random.default_rng(SEED)
    grid = np.array([(a, b, c) for a in range(10, 16) for b in np.linspace(1.0, 3.5, 6) for c in range(15, 45, 5)])
    score = 2.0 - 0.2 * np.abs(grid[:, 0] - 12) - 0.6 * np.abs(grid[:, 1] - 2.0) + random.normal(0.0, 0.15, len(grid))
    score[7] = 4.0
    refused = np.arange(len(grid)) % 17 == 0
    trials = {
        "trial": np.arange(len(grid)),
        "strategy.atr_period": grid[:, 0].astype(np.int64),
        "strategy.stop_atr": grid[:, 1],
        "strategy.adx_threshold": grid[:, 2],
        "score": np.where(refused, np.nan, score),
        "status": np.where(refused, "refused", "ok").astype(object),
        "total_trades": random.integers(40, 160, len(grid)),
        "total_return": score / 20,
        "sharpe": score,
        "max_drawdown": 0.2 - score / 40,
        "profit_factor": np.where(refused, np.nan, 1.0 + score / 5),
    }
    honest = {"trials": len(grid), "deflated_sharpe_ratio": 0.41, "probability_of_overfitting": 0.37}
    names = ["strategy.atr_period", "strategy.stop_atr", "strategy.adx_threshold"]
    return _other(sample_run, "sweep", {"trials": trials}, {"parameters": names, "objective": "sharpe"}, honest)


@pytest.fixture(scope="session")
def walk_forward_result(sample_run: tuple[RunResult, Path]) -> RunResult:
    """Eight windows: one stayed flat, the last was dropped."""
    random = np.random.default_rng(SEED)
    start = int(sample_run[0].equity["time"][0])
    number = np.arange(8)
    status = np.array(["chosen"] * 8, object)
    status[3], status[7] = "flat", "dropped"
    chosen = status == "chosen"
    train, test = random.normal(0.05, 0.02, 8), random.normal(0.01, 0.03, 8)
    windows = {
        "window": number,
        "train_start_time": start + number * 30 * DAY,
        "train_end_time": start + (number * 30 + 90) * DAY,
        "test_start_time": start + (number * 30 + 90) * DAY,
        "test_end_time": start + (number * 30 + 120) * DAY,
        "status": status,
        "strategy.atr_period": np.where(chosen, random.choice([10, 14, 20], 8).astype(float), np.nan),
        "strategy.kind": np.array([("fast", "slow")[at % 2] if chosen[at] else None for at in range(8)], object),
        "score": np.where(chosen, random.normal(3.0, 1.0, 8), np.nan),
        "train_return": np.where(chosen, train, np.nan),
        "test_return": np.where(chosen, test, 0.0),
        "train_profit_factor": np.where(chosen, 1.3, np.nan),
        "test_profit_factor": np.where(chosen, 1.1, np.nan),
        "train_trades": np.where(chosen, 30, 0),
        "test_trades": np.where(chosen, 11, 0),
        "test_net_pnl": np.where(chosen, test * 10_000, 0.0),
    }
    trials = {
        "window": np.repeat(number, 3),
        "strategy.atr_period": np.tile([10, 14, 20], 8),
        "score": random.normal(1.0, 1.0, 24),
    }
    criteria = [
        {"name": "positive_windows", "value": 0.625, "limit": 0.7, "passed": False},
        {"name": "pooled_profit_factor", "value": 1.18, "limit": 1.1, "passed": True},
    ]
    facts = {"parameters": ["strategy.atr_period", "strategy.kind"], "criteria": criteria}
    tables = {"windows": windows, "trials": trials}
    return _other(sample_run, "walk-forward", tables, facts, {"walk_forward_efficiency": 0.42}, verdict="fail")


@pytest.fixture(scope="session")
def monte_carlo_result(sample_run: tuple[RunResult, Path]) -> RunResult:
    """Two tests; of one 200 draws at each of three levels."""
    random = np.random.default_rng(SEED)
    steps = np.arange(120)
    parts = {name: [] for name in ("test", "step", "p5", "p25", "p50", "p75", "p95")}
    for test, drift in (("trade_shuffle", 0.0004), ("cost_jitter", 0.0001)):
        spread = 0.004 * np.sqrt(steps)
        parts["test"] += [test] * len(steps)
        parts["step"] += steps.tolist()
        for name, z in (("p5", -1.64), ("p25", -0.67), ("p50", 0.0), ("p75", 0.67), ("p95", 1.64)):
            parts[name] += (1.0 + drift * steps + z * spread).tolist()
    fan = {name: np.array(values, object if name == "test" else None) for name, values in parts.items()}
    level = np.concatenate((np.full(500, np.nan), np.repeat([1.0, 1.5, 2.0], 200)))
    ends = random.normal(0.04, 0.05, 1_100) - 0.01 * np.nan_to_num(level)
    draws = {
        "test": np.array(["trade_shuffle"] * 500 + ["cost_jitter"] * 600, object),
        "draw": np.concatenate((np.arange(500), np.tile(np.arange(200), 3))),
        "level": level,
        "total_return": ends,
        "max_drawdown": np.abs(random.normal(0.08, 0.04, 1_100)),
        "ruined": (ends < -0.12).astype(np.int64),
    }
    criteria = [
        {"name": "p95_max_drawdown", "value": 0.14, "limit": 0.2, "passed": True},
        {"name": "profitable_at_1.5", "value": 0.71, "limit": 0.6, "passed": True},
    ]
    return _other(sample_run, "monte-carlo", {"fan": fan, "draws": draws}, {"criteria": criteria}, {}, verdict="pass")


def _other(base: tuple[RunResult, Path], kind: str, tables: Any, facts: Any, metrics: Any, **more: Any) -> RunResult:
    """The result of another runner, around the tables of the sample run."""
    result = base[0]
    return attrs.evolve(
        result,
        kind=kind,
        name=f"{kind} of samples",
        tables={**result.tables, **tables},
        facts={**result.facts, **facts},
        metrics={**result.metrics, **metrics},
        **more,
    )


@pytest.fixture(scope="session")
def written() -> Callable[[RunResult, Path], Path]:
    """``written(result, folder)``: the report, written into the folder."""

    def write(result: RunResult, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        HtmlReporter().write(result, folder)
        return folder / "report.html"

    return write


# --- a browser -----------------------------------------------------------------------------------


class Browser:
    """One headless Chromium with one page; keeps what the page said to the console and asked the network for."""

    def __init__(self, program: str, profile: Path) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
        ]
        options += ["--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage", "about:blank"]
        command = [sys.executable, "-c", _LAUNCH, str(to_read), str(to_write), program, *options]
        self._process = subprocess.Popen(command, pass_fds=(to_read, to_write), stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._number, self._session = b"", 0, None
        self.said: list[str] = []
        self.asked: list[str] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def open(self, file: Path, *, width: int = 1400, height: int = 900, dark: bool = False) -> int:
        """Open a report and wait until its candles are drawn: the milliseconds that it took, by its own clock."""
        self.said.clear()
        self.asked.clear()
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._ask("Page.navigate", url=file.as_uri())
        return int(self.wait("document.documentElement?.dataset.ready"))

    @contextmanager
    def beforehand(self, script: str) -> Iterator[None]:
        """Pages that are opened here run the script before anything of their own."""
        number = self._ask("Page.addScriptToEvaluateOnNewDocument", source=script)["identifier"]
        yield
        self._ask("Page.removeScriptToEvaluateOnNewDocument", identifier=number)

    def wait(self, expression: str, seconds: float = 60.0) -> Any:
        """The value of an expression once it is truthy. Raises TimeoutError with what the console said."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.value(expression)
            if value:
                return value
            time.sleep(0.02)
        raise TimeoutError(f"{expression} never held; the console said {self.said}")

    def value(self, expression: str) -> Any:
        """What an expression gives in the page; a promise is awaited."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def drag(self, element: str, dx: int) -> None:
        """Press the mouse in the middle of an element, move it sideways in ten steps, let go."""
        x, y = self._middle(element)
        self._mouse("mousePressed", x, y)
        for step in range(1, 11):
            self._mouse("mouseMoved", x + dx * step / 10, y)
        self._mouse("mouseReleased", x + dx, y)

    def point_at(self, element: str) -> None:
        """Move the mouse to the middle of an element."""
        self._mouse("mouseMoved", *self._middle(element))

    def _middle(self, element: str) -> tuple[float, float]:
        box = self.value(f"JSON.stringify({element}.getBoundingClientRect())")
        found = json.loads(box)
        return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2

    def _mouse(self, kind: str, x: float, y: float) -> None:
        self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def screenshot(self, path: Path) -> None:
        """The visible part of the page as a PNG."""
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """End the browser."""
        self._session = None
        self._ask("Browser.close")
        os.close(self._write)
        self._process.wait(timeout=30)
        os.close(self._read)

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._hear(answer)

    def _next(self) -> Any:
        while b"\0" not in self._buffer:
            read = os.read(self._read, 1 << 20)
            assert read, "Chromium ended"
            self._buffer += read
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _hear(self, event: Any) -> None:
        """Keep what the page does that it should not: words in the console, errors, requests."""
        kind, details = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.said.append(details["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        elif kind == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(argument.get("value")) for argument in details["args"]))
        elif kind == "Log.entryAdded":
            self.said.append(details["entry"]["text"])
        elif kind == "Network.requestWillBeSent":
            self.asked.append(details["request"]["url"])


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium; without it the test is skipped, or fails where it must be."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        reason = "Chromium is not installed (apt-get install chromium)"
        if os.environ.get("QUANTSAIL_REQUIRE_CHROMIUM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    found = Browser(program, tmp_path_factory.mktemp("profile"))
    yield found
    found.close()
