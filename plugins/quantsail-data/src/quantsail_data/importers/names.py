"""Symbols and timeframes from the names of files."""

from __future__ import annotations

import re
from pathlib import PurePath

# Quote currencies, so that BTCUSDT is BTC/USDT: of those that fit, the longest is taken.
_QUOTES = (
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "USDE", "DAI", "BTC", "XBT", "ETH", "BNB", "USD", "EUR", "GBP",
    "JPY", "CHF", "CAD", "AUD", "NZD", "TRY", "BRL", "RUB", "UAH", "ZAR", "PLN", "NOK", "SEK", "DKK", "HKD", "SGD",
    "MXN", "CNH", "HUF", "CZK", "KRW", "IDR",
)  # fmt: skip
_FREQTRADE = re.compile(r"([A-Za-z0-9.]+)_([A-Za-z0-9.]+?)(?:_([A-Za-z0-9.]+))?-(\d+[smhdwM]|trades)(?:-(\w+))?")
_KLINES = re.compile(r"([A-Z0-9]+)-(\d+[a-zA-Z]+)-\d{4}-\d{2}(?:-\d{2})?")


def split_symbol(name: str) -> str | None:
    """``BTC/USDT`` for ``BTCUSDT`` or ``btc_usdt``; None when no known quote currency ends it."""
    upper = re.sub(r"[/_-]", "", name.upper())
    for quote in sorted(_QUOTES, key=len, reverse=True):
        if upper.endswith(quote) and len(upper) > len(quote) + 1:
            return f"{upper.removesuffix(quote)}/{quote}"
    return None


def stem(name: str) -> str:
    """A file's name without its extensions: ``XRP_ETH-trades`` for ``XRP_ETH-trades.json.gz``."""
    return PurePath(name).name.split(".", 1)[0]


def klines_name(name: str) -> tuple[str | None, str | None]:
    """Symbol and timeframe of ``BTCUSDT-1h-2023-02.csv``, None for what it does not tell."""
    match = _KLINES.fullmatch(stem(name))
    return (split_symbol(match[1]), match[2]) if match else (None, None)


def freqtrade_name(name: str) -> tuple[str | None, str | None, str | None]:
    """Symbol, timeframe (or ``trades``) and kind of ``BTC_USDT_USDT-1h-futures.feather``."""
    match = _FREQTRADE.fullmatch(stem(name))
    if match is None:
        return None, None, None
    base, quote, settle, timeframe, kind = match.groups()
    return f"{base}/{quote}" + (f":{settle}" if settle else ""), timeframe, kind


def named_like_ours(name: str) -> tuple[str | None, str | None]:
    """Symbol and timeframe of ``BTC_USDT-1h.csv``, as Quantsail itself names exports."""
    symbol, timeframe, _ = freqtrade_name(name)
    return (None, None) if timeframe == "trades" else (symbol, timeframe)
