"""Writes what a run gave as one HTML file."""

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_reporters() -> Iterable[Component]:
    """The HTML report."""
    yield Component("html", "quantsail_html.reporter:HtmlReporter", "Writes report.html into the run folder.")
