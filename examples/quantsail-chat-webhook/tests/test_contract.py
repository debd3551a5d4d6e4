"""`chat-webhook` keeps the contract of its kind, before a server that stands in for the chat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from quantsail_framework.testing import AlertSinkContract, FakeServer


class TestContract(AlertSinkContract):
    plugin = "quantsail_chat_webhook"
    component = "chat-webhook"

    @pytest.fixture(autouse=True)
    def _chat(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with FakeServer() as server:
            monkeypatch.setenv("CHAT_URL", f"{server.url}/hooks/secret")
            yield
