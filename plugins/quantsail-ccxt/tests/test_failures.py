"""Which errors of ccxt are tried again, and what is said of them."""

from __future__ import annotations

import aiohttp
import pytest
from ccxt.base import errors as ccxt

from quantsail_ccxt.failures import Answer, judge

NOW_MS = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC


def failed(error: Exception, answer: Answer | None = None, cause: Exception | None = None) -> Exception:
    error.__cause__ = cause
    if answer is not None:
        error.answer = answer  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ccxt.RateLimitExceeded, 429, "limited"),
        (ccxt.DDoSProtection, 418, "limited"),
        (ccxt.ExchangeError, 429, "limited"),
        (ccxt.RateLimitExceeded, 200, "limited"),
        (ccxt.RateLimitExceeded, 400, "limited"),
        (ccxt.ExchangeNotAvailable, 502, "passing"),
        (ccxt.ExchangeError, 503, "passing"),
        (ccxt.AuthenticationError, 511, "passing"),
        (ccxt.RequestTimeout, 408, "passing"),
        (ccxt.ExchangeNotAvailable, 403, "passing"),
        (ccxt.ExchangeError, 200, "passing"),
        (ccxt.OnMaintenance, 200, "passing"),
        (ccxt.RequestTimeout, None, "passing"),
        (ccxt.ExchangeNotAvailable, None, "passing"),
        (ccxt.BadResponse, None, "passing"),
        (KeyError, None, "passing"),
        (ccxt.BadSymbol, 400, "permanent"),
        (ccxt.BadRequest, 200, "permanent"),
        (ccxt.AuthenticationError, 401, "permanent"),
        (ccxt.PermissionDenied, 403, "permanent"),
        (ccxt.ExchangeNotAvailable, 400, "permanent"),
        (ccxt.ExchangeNotAvailable, 404, "permanent"),
        (ccxt.ExchangeNotAvailable, 451, "permanent"),
        (ccxt.NotSupported, None, "permanent"),
        (ccxt.ArgumentsRequired, None, "permanent"),
        (ccxt.InvalidProxySettings, None, "permanent"),
    ],
)
def test_what_is_tried_again(error: type[Exception], status: int | None, kind: str) -> None:
    failure = judge(failed(error("text"), Answer(status)), NOW_MS)
    assert (failure.permanent, failure.limited) == (kind == "permanent", kind == "limited")


def test_a_body_that_breaks_off_is_passing() -> None:
    error = failed(ccxt.ExchangeError("binance GET https://host/path"), Answer(), aiohttp.ClientPayloadError())
    assert not judge(error, NOW_MS).permanent


def test_nothing_of_ccxts_text_is_shown() -> None:
    url = "https://api.example.com/api/v3/klines?signature=0123456789abcdef"
    error = failed(ccxt.ExchangeNotAvailable(f"binance GET {url} 503"), Answer(503, {}, '{"code": -1008, "msg": "x"}'))
    assert judge(error, NOW_MS).text == "ExchangeNotAvailable (HTTP 503, code -1008)"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"retCode": 10006}', "10006"),
        ('{"code": "Service.Busy"}', "Service.Busy"),
        ('{"code": "see https://host/?key=1"}', ""),
        ('{"code": {"a": 1}}', ""),
        ("[1]", ""),
        ("<html>", ""),
        ("", ""),
    ],
)
def test_only_a_plain_code_is_shown(body: str, code: str) -> None:
    assert Answer(500, {}, body).code == code


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("86401", 86_400.0),
        ("1e15", 86_400.0),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert Answer(429, {"RETRY-AFTER": text}).retry_after_s(NOW_MS) == seconds
