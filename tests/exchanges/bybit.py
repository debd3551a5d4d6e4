"""Bybit's dialect (v5, spot): kline, instruments-info and time."""

from __future__ import annotations

from typing import Any

from tests.exchanges.server import Answer, Call, LoopbackExchange, window

_MINUTES = {"1": "1m", "3": "3m", "5": "5m", "15": "15m", "30": "30m", "60": "1h", "120": "2h", "240": "4h"}
_INTERVALS = {**_MINUTES, "360": "6h", "720": "12h", "D": "1d", "W": "1w"}


class Bybit(LoopbackExchange):
    """Candles newest first, of the ``limit`` bars from ``start`` on; errors come as HTTP 200 with a ``retCode``."""

    name = "bybit"
    routes = {
        "/v5/market/kline": "candles",
        "/v5/market/instruments-info": "markets",
        "/v5/market/time": "time",
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.shape = window

    def time(self, call: Call) -> Answer:
        now = self.now_ms()
        return self._said({"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)})

    def markets(self, call: Call) -> Answer:
        listed = [_symbol(*symbol.split("/")) for symbol in self.symbols()]
        return self._said({"category": "spot", "list": listed})

    def candles(self, call: Call) -> Answer:
        if call.params.get("category") != "spot" or call.params.get("interval") not in _INTERVALS:
            return self._said({}, 10001, "params error")
        interval, limit = _INTERVALS[call.params["interval"]], int(call.params.get("limit", 200))
        page = self.served(call.params.get("symbol", ""), interval, int(call.params.get("start", 0)), limit)
        if page is None:
            return self._said({}, 10001, "symbol params err")
        newest_first = [[str(candle[0]), *candle[1:], "0"] for candle in reversed(page)]
        return self._said({"category": "spot", "symbol": call.params["symbol"], "list": newest_first})

    def _said(self, result: Any, code: int = 0, text: str = "OK") -> Answer:
        return Answer({"retCode": code, "retMsg": text, "result": result, "retExtInfo": {}, "time": self.now_ms()})


def _symbol(base: str, quote: str) -> dict[str, Any]:
    return {
        "symbol": base + quote,
        "baseCoin": base,
        "quoteCoin": quote,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "none",
        "lotSizeFilter": {
            "basePrecision": "0.000001",
            "quotePrecision": "0.00000001",
            "minOrderQty": "0.00004",
            "maxOrderQty": "63.01197227",
            "minOrderAmt": "1",
            "maxOrderAmt": "100000",
        },
        "priceFilter": {"tickSize": "0.01"},
    }
