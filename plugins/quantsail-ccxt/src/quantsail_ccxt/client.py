"""The client of ccxt, with its limiter on our clock, no retries of its own, and each answer kept with its error."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextvars import ContextVar
from difflib import get_close_matches
from typing import Any

import ccxt.async_support as ccxt

from quantsail_ccxt.failures import Answer, BrokenAnswerError
from quantsail_ccxt.pace import Pace
from quantsail_framework.errors import DataError

VERSION: str = ccxt.__version__
TICK_SIZE, DECIMAL_PLACES = ccxt.TICK_SIZE, ccxt.DECIMAL_PLACES

_answer: ContextVar[Answer] = ContextVar("answer")


def connect(exchange: str, config: Mapping[str, Any], pace: Pace) -> Any:
    """A client of ``exchange`` that asks ``pace`` before each request. Raises DataError for one that ccxt lacks."""
    if exchange not in ccxt.exchanges:
        near = get_close_matches(exchange, ccxt.exchanges, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "see https://docs.ccxt.com for its exchanges"
        raise DataError(f"ccxt has no exchange {exchange!r}; {hint}")
    client = _paced(getattr(ccxt, exchange), pace)({**copy.deepcopy(dict(config)), "enableRateLimit": True})
    client.options["maxRetriesOnFailure"] = 0
    if client.has.get("fetchOHLCV") is not True:
        raise DataError(f"{exchange} gives no candles to ccxt; name another exchange")
    return client


def _paced(base: type[Any], pace: Pace) -> type[Any]:
    class Paced(base):  # type: ignore[misc]
        async def throttle(self, cost: float | None = None) -> None:
            await pace.wait((1.0 if cost is None else cost) * self.rateLimit / 1000)

        async def fetch(self, *arguments: Any, **options: Any) -> Any:
            answer = Answer()
            token = _answer.set(answer)
            try:
                return await super().fetch(*arguments, **options)
            except Exception as error:
                error.answer = answer  # type: ignore[attr-defined]
                raise
            finally:
                _answer.reset(token)

        def on_rest_response(self, code: int, *rest: Any) -> Any:
            answer = _answer.get()
            answer.status, answer.headers = code, rest[3]
            answer.body = super().on_rest_response(code, *rest)
            return answer.body

        def parse_ohlcvs(self, ohlcvs: Any, market: Any = None, timeframe: str = "1m", *_: Any, **_more: Any) -> Any:
            """All that came: ccxt would drop what was not asked for, and one could not tell it from silence."""
            return super().parse_ohlcvs(ohlcvs, market, timeframe)

        def parse_json(self, text: str) -> Any:
            """Refuse a body that holds nothing: ccxt would make an empty list of candles of it."""
            value = super().parse_json(text)
            answer = _answer.get(None)
            if answer and text is answer.body and answer.status == 200 and value in (None, {}):
                raise BrokenAnswerError
            return value

    return Paced
