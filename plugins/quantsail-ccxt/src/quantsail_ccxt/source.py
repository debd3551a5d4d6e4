"""The data source: candles of an exchange of ccxt, out of the store, which is filled as needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from quantsail_ccxt.collect import Collector
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.ports.data_source import BarRequest, Fetched, FetchProgress
from quantsail_framework.store import Store

# Within a name, its case and punctuation aside: X-MBX-APIKEY, Proxy-Authorization, accessToken.
_CREDENTIAL = re.compile(
    r"(api|access|private)key|secret|passw|passphrase|authorization|cookie|credential|twofa|walletaddress|token$"
    r"|^(key|login|uid|sign|signature|auth)$"
)
_LOGIN = re.compile(r"//[^/\s]*@|^(?![A-Za-z][A-Za-z0-9+.-]*://)[^\s@]*:[^\s@]*@")  # also without a scheme before it


def _no_credentials(_instance: object, field: attrs.Attribute[Any], value: Any) -> None:
    """Public candles need none, and what stands here is kept in every result."""
    for path, item in _items(value, field.name):
        name = re.sub(r"[^a-z0-9]", "", path.rpartition(".")[2].lower())
        if _CREDENTIAL.search(name) and not isinstance(item, bool):
            raise ValueError(f"{path} is a credential: remove it, candles are public")
        if isinstance(item, str) and _LOGIN.search(item):
            raise ValueError(
                f"{path} holds a login: remove it; with aiohttp_trust_env = true the proxy is taken from HTTPS_PROXY"
            )


def _items(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, value
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield from _items(item, f"{path}.{name}")


def _is_an_id(_instance: object, _field: object, value: Any) -> None:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9_]+", value):
        raise ValueError(f"exchange must be ccxt's id in lower case, such as binance; got {value!r}")


@attrs.frozen
class CcxtSource:
    """Candles of one exchange, kept in the store; what is missing there is fetched, warm-up included.

    A run with an end, whose candles up to there and the rules of whose markets are all stored, imports no ccxt and
    opens no connection. Raises MissingSeriesError for a symbol or timeframe that the exchange lacks, once what it has
    of the others is stored, and FetchError when it does not answer.
    """

    exchange: str = attrs.field(
        validator=_is_an_id,
        metadata={"doc": "Exchange as ccxt calls it, such as binance, bybit or kraken."},
    )
    path: Path = attrs.field(metadata={"doc": "Root folder of the store."})
    ccxt_config: Mapping[str, Any] = attrs.field(
        factory=dict,
        validator=_no_credentials,
        metadata={"doc": "Settings of the ccxt client, handed on as they are: proxies, timeout in ms, options."},
    )

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Tick, lot and smallest notional, asked of the exchange where they are not stored."""
        return self._collector().instruments(symbols)

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        """One Bars per request, once all of them are stored."""
        return self._collector().bars(requests)

    def fetch(self, requests: Sequence[BarRequest], progress: FetchProgress) -> Sequence[Fetched]:
        """Store what is missing of each request."""
        return self._collector().fetch(requests, progress)

    def _collector(self) -> Collector:
        return Collector(Store(self.path), self.exchange, self.ccxt_config)
