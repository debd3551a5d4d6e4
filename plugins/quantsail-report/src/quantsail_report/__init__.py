"""Shows what a run gave."""

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_reporters() -> Iterable[Component]:
    """The console summary."""
    yield Component("console", "quantsail_report.console:ConsoleReporter", "Prints a summary of the run.")
