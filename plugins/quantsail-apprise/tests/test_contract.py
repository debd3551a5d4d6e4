"""``apprise`` keeps the contract of alert sinks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quantsail_framework.testing import AlertSinkContract, FakeServer


# Apprise imports a module that Python 3.13 takes out; on 3.11 and 3.12 that module warns.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
class TestApprise(AlertSinkContract):
    plugin = "quantsail_apprise"
    component = "apprise"

    @pytest.fixture(autouse=True)
    def _service(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with FakeServer() as server:
            address = server.url.replace("http://", "json://canary-user:canary-4711@")
            monkeypatch.setenv("APPRISE_URL", f"{address}/canary-4712")
            yield
