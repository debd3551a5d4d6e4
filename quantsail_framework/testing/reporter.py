"""The contract of reporters: show or write any result, in its own folder only."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

from quantsail_framework.domain.result import RunResult
from quantsail_framework.testing.contract import Contract, case, expect
from quantsail_framework.testing.examples import example_result

COUNTS = (0, 1, 8)


class ReporterContract(Contract, suite=True):
    """Cases for ``Reporter``, on results with no trade, one and eight.

    Override ``results`` for a reporter of another runner's results.
    """

    kind: ClassVar[str] = "reporter"
    methods: ClassVar[Mapping[str, int]] = {"write": 2}

    def results(self) -> Mapping[str, RunResult]:
        """The results to report, by a name for messages."""
        return {f"{count} trades": example_result(count) for count in COUNTS}

    def questions(self) -> Any:
        """The results."""
        return dict(self.results())

    @staticmethod
    def replies(component: Any, questions: Any) -> Mapping[str, Any]:
        """The bytes of each file."""
        written = {name: _written(component, result) for name, result in questions.items()}
        return {f"{file} ({name})": content for name, files in written.items() for file, content in files.items()}

    @case("RP-01")
    def test_rp01_reports_any_result(self) -> None:
        """A run without trades, and one whose metrics are undefined (None), is a result like any other: look for
        divisions, for the first of an empty column, and for numbers formatted without asking for None."""
        for result in self.results().values():
            with _scratch() as folder:
                self.build().write(result, folder)

    @case("RP-02")
    def test_rp02_works_without_folder(self) -> None:
        """``folder`` is None when the run keeps nothing: show what can be shown, write nothing anywhere."""
        for name, result in self.results().items():
            with _scratch() as folder:
                self.build().write(result, None)
                written = sorted(str(path.relative_to(folder.parent)) for path in _files(folder.parent))
                expect(not written, f"without a folder the reporter writes {', '.join(written)} ({name})")

    @case("RP-03")
    def test_rp03_stays_in_its_folder(self) -> None:
        """Files go into ``folder`` and nowhere else: not into the working directory, not beside the folder."""
        for name, result in self.results().items():
            with _scratch() as folder:
                self.build().write(result, folder)
                outside = [path for path in _files(folder.parent) if folder not in path.parents]
                expect(
                    not outside, f"the reporter writes {', '.join(map(str, outside))} outside the run folder ({name})"
                )

    @case("RP-04")
    def test_rp04_same_bytes_twice(self) -> None:
        """Two runs of one pipeline give the same bytes: no clock, random identifier or absolute path in a file."""
        for name, result in self.results().items():
            first, again = self.written(result), self.written(result)
            expect(
                sorted(first) == sorted(again), f"two reports have files {sorted(first)} and {sorted(again)} ({name})"
            )
            different = sorted(path for path in first if first[path] != again[path])
            expect(not different, f"two reports of one result differ in {', '.join(different)} ({name})")

    @case("RP-05")
    def test_rp05_result_is_left_alone(self) -> None:
        """The same result goes to the next reporter and to the caller: copy before sorting or scaling a column."""
        for name, result in self.results().items():
            before = {place: column.copy() for place, column in _columns(result)}
            metrics = repr(result.metrics)
            self.written(result)
            for place, column in _columns(result):
                expect(_same(column, before[place]), f"the reporter changed column {'.'.join(place)} ({name})")
            expect(repr(result.metrics) == metrics, f"the reporter changed the metrics ({name})")

    @case("RP-06")
    def test_rp06_extreme_results(self) -> None:
        """An account that lost more than all, prices of 1e-8 and 1e12, metrics that are all undefined, and names in any
        alphabet: a report like any other. Give open() an encoding, and escape what the format reads as markup."""
        for result in extreme_results(self.results()):
            self.written(result)

    def written(self, result: RunResult) -> dict[str, bytes]:
        """What a fresh reporter writes for ``result``: file name to contents."""
        return _written(self.build(), result)


def extreme_results(results: Mapping[str, RunResult]) -> Iterator[RunResult]:
    """Each result with prices and money times 1e-8 and -1e12, with undefined metrics, under a name that is markup."""
    for result in results.values():
        metrics: dict[str, Any] = dict.fromkeys(result.metrics)
        undefined = dict.fromkeys(metrics, "there is nothing to divide by")
        for factor in (1e-8, -1e12):
            tables = {name: _scaled(table, factor) for name, table in result.tables.items()}
            yield attrs.evolve(result, name="<b>№ 1 & “€”</b>", tables=tables, metrics=metrics, undefined=undefined)


def _scaled(table: Mapping[str, Any], factor: float) -> dict[str, Any]:
    return {name: values * factor if values.dtype == np.float64 else values for name, values in table.items()}


def _written(reporter: Any, result: RunResult) -> dict[str, bytes]:
    with _scratch() as folder:
        reporter.write(result, folder)
        return {str(path.relative_to(folder)): path.read_bytes() for path in _files(folder)}


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """An empty run folder inside a temporary folder that is the working directory meanwhile."""
    with tempfile.TemporaryDirectory() as root, contextlib.chdir(root):
        folder = Path(root) / "run"
        folder.mkdir()
        yield folder


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _columns(result: RunResult) -> Iterator[tuple[tuple[str, str], Any]]:
    for table, columns in result.tables.items():
        for name, column in columns.items():
            yield (table, name), column


def _same(left: Any, right: Any) -> bool:
    return left.shape == right.shape and all(
        a == b or (a != a and b != b) for a, b in zip(left.tolist(), right.tolist(), strict=True)
    )
