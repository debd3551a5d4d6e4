"""Shows what a run gave, and writes it for other programs."""

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_reporters() -> Iterable[Component]:
    """The console summary, and the result as JSON and as CSV."""
    yield Component("console", "quantsail_report.console:ConsoleReporter", "Prints a summary of the run.")
    yield Component("json", "quantsail_report.json_file:JsonReporter", "Writes the whole result as one JSON file.")
    yield Component("csv", "quantsail_report.csv_files:CsvReporter", "Writes each table as a CSV file.")
