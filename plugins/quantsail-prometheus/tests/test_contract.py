"""Both observers keep the contract of their kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantsail_framework.testing import ObserverContract


class TestPrometheus(ObserverContract):
    plugin = "quantsail_prometheus"
    component = "prometheus"

    @pytest.fixture(autouse=True)
    def _on_a_free_port(self, free_port: int) -> None:
        self.options = {"port": free_port}


class TestPrometheusTextfile(ObserverContract):
    plugin = "quantsail_prometheus"
    component = "prometheus-textfile"

    @pytest.fixture(autouse=True)
    def _in_a_folder_of_its_own(self, tmp_path: Path) -> None:
        self.options = {"path": tmp_path / "run.prom"}
