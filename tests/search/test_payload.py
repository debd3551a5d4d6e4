"""What travels to a worker comes out as it went in, or says what is wrong with the worker."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from quantsail_framework.errors import PipelineError, RunError
from quantsail_framework.search import payload


def test_arrays_are_views_of_what_came() -> None:
    column = np.arange(10.0)
    parts = [bytes(part) for part in payload.pack({"column": column, "name": "x"})]
    assert [len(part) for part in parts[1:]] == [80]
    found = payload.unpack(parts)
    assert found["name"] == "x"
    assert found["column"].tolist() == column.tolist()
    assert not found["column"].flags.writeable


def test_packing_copies_no_column() -> None:
    column = np.zeros(10)
    (_, part) = payload.pack(column)
    column[3] = 1.0
    assert np.frombuffer(part)[3] == 1.0


def test_versions_are_those_of_what_computes_a_result() -> None:
    found = payload.versions()
    assert found["Python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found["numpy"] == np.__version__
    assert {"ta-lib", "quantsail-framework", "quantsail-trend"} <= found.keys()


def test_the_same_versions_pass_and_what_is_here_only_or_there_only_does_too() -> None:
    theirs = payload.versions()
    del theirs["quantsail-trend"]
    payload.check_versions(theirs | {"quantsail-elsewhere": "1.0"})


def test_each_other_version_is_named() -> None:
    theirs = payload.versions() | {"numpy": "1.0", "Python": "2.7"}
    own = payload.versions()
    with pytest.raises(RunError, match="install there what is installed where the search was started") as caught:
        payload.check_versions(theirs)
    assert f"has Python {own['Python']} instead of 2.7, numpy {own['numpy']} instead of 1.0:" in str(caught.value)


def test_a_module_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone_later.py").write_text("class Thing:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import gone_later  # type: ignore[import-not-found]

    parts = payload.pack(gone_later.Thing())
    (tmp_path / "gone_later.py").unlink()
    monkeypatch.delitem(sys.modules, "gone_later")
    with pytest.raises(RunError, match="has no module gone_later: install there what"):
        payload.unpack(parts)


def test_the_problems_of_a_pipeline_arrive_as_they_were() -> None:
    error = payload.unpack(payload.pack(PipelineError(["one is wrong", "so is two"])))
    assert (str(error), error.problems) == ("one is wrong\nso is two", ("one is wrong", "so is two"))
