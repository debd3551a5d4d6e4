"""The contract that every reporter keeps."""

from quantsail_framework.testing import ReporterContract


class TestHtml(ReporterContract):
    plugin = "quantsail_html"
    component = "html"
