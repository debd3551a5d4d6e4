"""The executor keeps the contract of executors, in this process and in two others."""

from __future__ import annotations

import pytest

from quantsail_framework.testing import ExecutorContract
from quantsail_local import executor


class TestHere(ExecutorContract):
    plugin = "quantsail_local"
    component = "local"
    options = {"workers": 1}


class TestProcesses(ExecutorContract):
    plugin = "quantsail_local"
    component = "local"
    options = {"workers": 2}

    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(executor, "_PROBE_S", 0.0)
        monkeypatch.setattr(executor, "_START_S", -1e9)
