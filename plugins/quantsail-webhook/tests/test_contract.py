"""``webhook`` keeps the contract of alert sinks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quantsail_framework.testing import AlertSinkContract, FakeServer


class TestWebhook(AlertSinkContract):
    plugin = "quantsail_webhook"
    component = "webhook"

    @pytest.fixture(autouse=True)
    def _receiver(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with FakeServer() as server:
            monkeypatch.setenv("WEBHOOK_URL", f"{server.url}/hook/canary-4711")
            monkeypatch.setenv("WEBHOOK_SECRET", "canary-4712")
            yield
