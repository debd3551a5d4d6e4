"""`junit` keeps the contract of its kind, with results that were judged among them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from quantsail_framework import RunResult
from quantsail_framework.testing import ReporterContract
from quantsail_framework.testing.examples import example_result

CRITERION = {"name": "positive_windows", "value": None, "limit": 0.7, "passed": False}


class TestContract(ReporterContract):
    plugin = "quantsail_junit"
    component = "junit"

    def results(self) -> Mapping[str, RunResult]:
        judged = attrs.evolve(example_result(), verdict="fail", facts={"criteria": [CRITERION]})
        return {**super().results(), "judged": judged}
