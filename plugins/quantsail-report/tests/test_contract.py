"""The contract that every reporter keeps."""

from quantsail_framework.testing import ReporterContract


class TestConsole(ReporterContract):
    plugin = "quantsail_report"
    component = "console"


class TestJson(ReporterContract):
    plugin = "quantsail_report"
    component = "json"


class TestCsv(ReporterContract):
    plugin = "quantsail_report"
    component = "csv"
