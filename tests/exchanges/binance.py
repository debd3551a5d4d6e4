"""Binance's spot dialect: klines, exchangeInfo and time."""

from __future__ import annotations

from typing import Any

from tests.exchanges.server import Answer, Call, LoopbackExchange

_INTERVALS = ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w"]


class Binance(LoopbackExchange):
    """1,000 candles a page, the first from ``startTime`` on; errors as HTTP 400 with a code and a message."""

    name = "binance"
    routes = {"/api/v3/klines": "candles", "/api/v3/exchangeInfo": "markets", "/api/v3/time": "time"}

    def time(self, call: Call) -> Answer:
        return self._said({"serverTime": self.now_ms()})

    def markets(self, call: Call) -> Answer:
        symbols = [_symbol(*symbol.split("/")) for symbol in self.symbols()]
        about = {"timezone": "UTC", "serverTime": self.now_ms(), "rateLimits": [], "exchangeFilters": []}
        return self._said({**about, "symbols": symbols})

    def candles(self, call: Call) -> Answer:
        unread = set(call.params) - {"symbol", "interval", "startTime", "endTime", "limit"}
        if unread:
            return refused(-1104, "Not all sent parameters were read.")
        if call.params.get("interval") not in _INTERVALS:
            return refused(-1120, "Invalid interval.")
        limit = int(call.params.get("limit", 500))
        since = int(call.params.get("startTime", 0))
        page = self.served(call.params.get("symbol", ""), call.params["interval"], since, limit)
        if page is None:
            return refused(-1121, "Invalid symbol.")
        return self._said([[*candle, candle[0] + 59_999, "0", 1, "0", "0", "0"] for candle in page])

    def _said(self, body: Any) -> Answer:
        return Answer(body, headers={"X-MBX-USED-WEIGHT-1M": str(2 * len(self.journal))})


def refused(code: int, text: str, status: int = 400, **headers: str) -> Answer:
    """An error as Binance words it."""
    return Answer({"code": code, "msg": text}, status, {name.replace("_", "-"): headers[name] for name in headers})


def _symbol(base: str, quote: str) -> dict[str, Any]:
    return {
        "symbol": base + quote,
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": "0.01000000",
                "maxPrice": "1000000.00",
                "tickSize": "0.01000000",
            },
            {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True, "avgPriceMins": 5},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
    }
