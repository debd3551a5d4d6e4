"""``console`` keeps the contract of alert sinks."""

from __future__ import annotations

from quantsail_framework.testing import AlertSinkContract


class TestConsole(AlertSinkContract):
    plugin = "quantsail_console"
    component = "console"
