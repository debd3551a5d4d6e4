"""What every loopback exchange shares: a web server on 127.0.0.1, served truth, a fault plan, a journal."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import attrs
import numpy as np

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.testing import markets

Candle = list[Any]  # open time in ms, open, high, low, close, volume
Shape = Callable[[Sequence[Candle], int, int, int], Sequence[Candle]]


@attrs.frozen
class Call:
    """One request: which endpoint it is for, and its parameters."""

    endpoint: str
    path: str
    params: Mapping[str, str]


@attrs.frozen
class Answer:
    """What goes back: bytes as they are, else as JSON. ``cut``: hang up after so many bytes of the body, ``delay_s``
    later than asked; a ``cut`` of -1 hangs up without a word."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    cut: int | None = None
    delay_s: float = 0.0


Fault = Callable[[Call, Answer], Answer]


def first_from(candles: Sequence[Candle], since: int, limit: int, step: int) -> Sequence[Candle]:
    """The first candles from a time on, over any hole: as Binance does."""
    return [candle for candle in candles if candle[0] >= since][:limit]


def window(candles: Sequence[Candle], since: int, limit: int, step: int) -> Sequence[Candle]:
    """What opens within so many bars of a time, which may be nothing: as Bybit does."""
    return [candle for candle in candles if since <= candle[0] < since + limit * step]


def rounding_down(candles: Sequence[Candle], since: int, limit: int, step: int) -> Sequence[Candle]:
    """The first candles from the bar on in which the time lies."""
    return first_from(candles, since - since % step, limit, step)


def newest(count: int) -> Shape:
    """The last candles, whatever was asked: as Kraken does."""
    return lambda candles, since, limit, step: candles[-count:]


class LoopbackExchange:
    """A web server on a port of its own while it is open. A dialect gives ``routes`` and one method per endpoint.

    ``truth`` is the candles that it serves, also in longer timeframes; ``now_ms`` its clock: later candles do not exist
    yet, and the one that is forming is served unfinished, as the last. ``shape`` cuts the pages.
    """

    name = ""
    routes: Mapping[str, str] = {}
    page = 1_000

    def __init__(self, truth: Sequence[Bars], now_ms: Callable[[], int]) -> None:
        self.truth = {(bars.symbol, str(bars.timeframe)): bars for bars in truth}
        self.now_ms = now_ms
        self.shape: Shape = first_from
        self.journal: list[Call] = []
        self.answering = 0  # requests that came and have no answer yet
        self.seconds: list[float] = []  # of the exchange's clock, per call
        self._faults: list[tuple[str, frozenset[int] | None, Fault]] = []
        self._lock = threading.Lock()
        self._candles: dict[tuple[str, str], list[Candle]] = {}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def fault(self, endpoint: str, then: Fault | Answer, nth: Sequence[int] | None = None) -> None:
        """Answer calls of ``endpoint``, those of the numbers ``nth`` (from 1) or all, in another way."""
        action = then if callable(then) else lambda _call, _answer: then
        self._faults.append((endpoint, None if nth is None else frozenset(nth), action))

    def heal(self) -> None:
        """From now on answer as one should."""
        self._faults.clear()

    def calls(self, endpoint: str = "candles") -> list[Call]:
        return [call for call in self.journal if call.endpoint == endpoint]

    def answer(self, target: str) -> Answer:
        parts = urlsplit(target)
        call = Call(self.routes.get(parts.path, "unknown"), parts.path, dict(parse_qsl(parts.query)))
        with self._lock:
            self.answering += 1
            self.journal.append(call)
            self.seconds.append(self.now_ms() / 1000)
            number = len(self.calls(call.endpoint))
            answer: Answer = getattr(self, call.endpoint)(call)
            for endpoint, numbers, action in self._faults:
                if endpoint == call.endpoint and (numbers is None or number in numbers):
                    answer = action(call, answer)
        return answer

    def done(self) -> None:
        with self._lock:
            self.answering -= 1

    def unknown(self, call: Call) -> Answer:
        return Answer({"msg": f"no such endpoint: {call.path}"}, 404)

    # --- for dialects ------------------------------------------------------------------------

    def symbols(self) -> list[str]:
        return sorted({symbol for symbol, _ in self.truth})

    def served(self, market_id: str, timeframe: str, since: int, limit: int) -> Sequence[Candle] | None:
        """One page, oldest first; None for a market that is not here."""
        symbol = next((name for name in self.symbols() if name.replace("/", "") == market_id), None)
        if symbol is None:
            return None
        step, now = Timeframe(timeframe).ns // 1_000_000, self.now_ms()
        known = [candle for candle in self._all(symbol, timeframe) if candle[0] <= now]
        if known and known[-1][0] + step > now:
            time, opened = known[-1][:2]
            known[-1] = [time, opened, opened, opened, opened, "0.5"]
        return self.shape(known, since, min(limit, self.page), step)

    def _all(self, symbol: str, timeframe: str) -> list[Candle]:
        key = (symbol, timeframe)
        if key not in self._candles:
            bars = self.truth.get(key)
            if bars is None:
                finest = min((bars for bars in self.truth.values() if bars.symbol == symbol), key=lambda b: b.timeframe)
                bars = markets.resample(finest, timeframe)
            columns = [bars.time // 1_000_000, bars.open, bars.high, bars.low, bars.close, bars.volume]
            rows = zip(*(column.tolist() for column in columns), strict=True)
            self._candles[key] = [[time, *map(plain, values)] for time, *values in rows]
        return self._candles[key]


def plain(value: float) -> str:
    """A number as exchanges write it."""
    return format(Decimal(repr(value)), "f")


def changed(**values: Any) -> Callable[[Candle], Candle]:
    """A candle with other values, by name of column."""
    names = ("time", "open", "high", "low", "close", "volume")
    return lambda candle: [values.get(name, old) for name, old in zip(names, candle, strict=False)] + candle[6:]


def walk_truth(symbol: str, timeframe: str, size: int, start_ns: int, seed: int = 1) -> Bars:
    """A random market with prices of a venue: two decimals, and volumes of three."""
    rng = np.random.default_rng(seed)
    close = np.round(100.0 * np.exp(np.cumsum(rng.standard_normal(size) * 0.002)), 2)
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close) + 0.03, np.minimum(opened, close) - 0.02
    step = Timeframe(timeframe)
    times = start_ns + np.arange(size) * step.ns
    return Bars(symbol, step, times, opened, np.round(high, 2), np.round(low, 2), close, np.round(rng.random(size), 3))


def _handler(exchange: LoopbackExchange) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = exchange.answer(self.path)
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            threading.Event().wait(answer.delay_s)
            exchange.done()
            if answer.cut == -1:
                return
            try:
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: answer.cut])
            except OSError:
                return  # whoever asked has hung up

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    return Handler
