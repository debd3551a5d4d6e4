"""``telegram`` keeps the contract of alert sinks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quantsail_framework.testing import AlertSinkContract, FakeServer, Reply

TOKEN = "110201543:AAHcanary-DmRg_5Qz"


class TestTelegram(AlertSinkContract):
    plugin = "quantsail_telegram"
    component = "telegram"

    @pytest.fixture(autouse=True)
    def _bot(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("TELEGRAM_TOKEN", TOKEN)
        with FakeServer(Reply(body={"ok": True, "result": {}})) as server:
            self.options = {"token": {"env": "TELEGRAM_TOKEN"}, "chat_id": 1, "base_url": server.url}
            yield
