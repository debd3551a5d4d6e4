"""The contract that every reporter keeps."""

from quantsail_framework.testing import ReporterContract


class TestConsole(ReporterContract):
    plugin = "quantsail_report"
    component = "console"
