"""`event-log` keeps the contract of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from quantsail_framework.testing import ObserverContract


class TestContract(ObserverContract):
    plugin = "quantsail_event_log"
    component = "event-log"

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.options = {"path": str(tmp_path / "events.jsonl")}
