"""Keeping the real client on this machine: every address that it knows is replaced."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from functools import cache
from typing import Any

import ccxt
import pytest

_HOST = re.compile(r"^(http|ws)s?://[^/]+")


def pinned(exchange: str, url: str) -> dict[str, Any]:
    """Settings for ccxt with which ``exchange`` is asked at ``url`` alone, for its spot markets."""
    return {
        "urls": _moved(_addresses_of(exchange), url),
        "options": {"fetchMarkets": {"types": ["spot"]}},
        "timeout": 2_000,
        "timeout_on_exit": 0,
        "verify": False,  # no certificates are read for plain HTTP
    }


@cache
def _addresses_of(exchange: str) -> Any:
    return getattr(ccxt, exchange)().describe()["urls"]


def addresses(tree: Any) -> Iterator[str]:
    """Every address in a tree of settings."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from addresses(item)


def _moved(tree: Any, url: str) -> Any:
    if isinstance(tree, dict):
        return {name: _moved(item, url) for name, item in tree.items()}
    if isinstance(tree, list):
        return [_moved(item, url) for item in tree]
    return _HOST.sub(lambda match: url.replace("http", match[1]), tree) if isinstance(tree, str) else tree


def stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whatever connects elsewhere than to 127.0.0.1, or looks up another name than one that cannot exist."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] != "127.0.0.1":
            pytest.fail(f"a test reaches out to {address}")
        return connect(self, address)

    def guarded_look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        if host not in ("127.0.0.1", None):
            pytest.fail(f"a test looks up {host}")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
