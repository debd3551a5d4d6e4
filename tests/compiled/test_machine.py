"""Machine code: made once, kept, loaded without numba; and what cannot be compiled is told."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from math import floor as down
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from quantsail_framework.compiled import machine as machines
from quantsail_framework.compiled.machine import Machine, depends_on
from quantsail_framework.errors import ComponentError
from quantsail_risk import limits

FACTOR = 2.0
NAMES = ["no", "number"]

_ANOTHER_PROCESS = """
import json, sys, time
from pathlib import Path
from quantsail_framework.compiled.machine import Machine
from quantsail_risk.limits import _compiled_positions
machine = Machine(Path(sys.argv[1]))
print(json.dumps([machine.function("check", _compiled_positions) is not None, "numba" in sys.modules]))
"""


def _whole(numbers: Any, _side: float, quantity: float, price: float, _maker: bool) -> Any:
    return down(quantity * price * numbers[0]) * FACTOR, 0.0, 0.0


def _raises(numbers: Any, _request: Any, account: Any) -> Any:
    if account.equity < 0.0:
        raise ValueError("in debt")
    return False, numbers[0], account.equity


def _formats(numbers: Any, _request: Any, account: Any) -> Any:
    return account.equity > len(NAMES), numbers[0], account.equity


def _misspells(numbers: Any, _request: Any, account: Any) -> Any:
    return account.equty > 0.0, numbers[0], 0.0


def _recursive(numbers: Any, request: Any, account: Any) -> Any:
    return _recursive(numbers, request, account)


def _nested(numbers: Any, _request: Any, account: Any) -> Any:
    is_rich = lambda: account.equity > 0.0  # noqa: E731
    return is_rich(), numbers[0], 0.0


def floor(numbers: Any, _side: float, quantity: float, price: float, _maker: bool) -> Any:
    """Named as what it uses of math."""
    return math.floor(quantity * price * numbers[0]), 0.0, 0.0


def test_a_form_may_have_the_name_of_what_it_uses(tmp_path: Path) -> None:
    assert Machine(tmp_path).function("costs", floor, make=True) is not None


def test_what_was_made_is_loaded_by_another_process_without_numba(tmp_path: Path) -> None:
    check = limits._compiled_positions
    assert Machine(tmp_path).function("check", check) is None  # nothing is made unasked
    assert not list(tmp_path.iterdir())
    assert Machine(tmp_path).function("check", check, make=True) is not None
    assert len(list(tmp_path.iterdir())) == 1
    done = subprocess.run(
        [sys.executable, "-c", _ANOTHER_PROCESS, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [True, False]


def test_functions_that_do_the_same_share_their_code(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    twin = FunctionType(_whole.__code__, _whole.__globals__, "twin")
    assert machine.function("costs", _whole, make=True) == machine.function("costs", twin) != machine.loop(make=True)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_was_damaged_is_made_anew(tmp_path: Path) -> None:
    check = limits._compiled_positions
    Machine(tmp_path).function("check", check, make=True)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[:-100], whole[:100] + b"x" + whole[101:]):
        file.write_bytes(damaged)
        assert Machine(tmp_path).function("check", check) is None
        assert Machine(tmp_path).function("check", check, make=True) is not None
        assert Machine(tmp_path).function("check", check) is not None


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.write_text("in the way", encoding="utf-8")
    assert Machine(file).function("costs", _whole, make=True) is not None
    assert file.read_text(encoding="utf-8") == "in the way"


def test_code_of_another_layout_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies where in the shared memory is compiled into every function, and may change with a release."""
    assert Machine(tmp_path).function("costs", _whole, make=True) is not None
    source = machines._source
    monkeypatch.setattr(machines, "_source", lambda file: source(file) + ("#" if file == "layout.py" else ""))
    assert Machine(tmp_path).function("costs", _whole) is None


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="only POSIX tells who may write")
def test_a_folder_that_others_can_write_is_not_trusted(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    assert Machine(folder).function("costs", _whole, make=True) is not None
    (file,) = folder.iterdir()
    folder.chmod(0o777)
    assert Machine(folder).function("costs", _whole) is None
    file.unlink()
    assert Machine(folder).function("costs", _whole, make=True) is not None  # made, and not kept
    assert not list(folder.iterdir())


def test_code_follows_the_numbers_and_functions_that_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    before = depends_on(_whole)
    assert depends_on(_whole) == before
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert depends_on(_whole) != before
    monkeypatch.setitem(globals(), "FACTOR", 2.0)
    monkeypatch.setitem(globals(), "down", math.ceil)
    assert depends_on(_whole) != before


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (_raises, "test_machine:_raises cannot be compiled: it may neither raise nor make objects"),
        (_formats, "_formats uses NAMES, which is \\['no', 'number'\\]; a compiled form may use its arguments"),
        (_recursive, "_recursive cannot be compiled: it calls itself, or has a function inside"),
        (_nested, "_nested cannot be compiled: it calls itself, or has a function inside"),
        (_misspells, "(?s)test_machine:_misspells cannot be compiled: .*equty"),
        (lambda numbers, request, account: (False, 0.0, 0.0), "the lambda"),
    ],
)
def test_what_cannot_be_compiled_is_told(function: Any, text: str, tmp_path: Path) -> None:
    if function.__name__ == "<lambda>":
        limit = 1.0
        function, text = (lambda *_: (limit > 0.0, 0.0, 0.0)), "a compiled form is a function at the top of a module"
    with pytest.raises(ComponentError, match=text):
        Machine(tmp_path).function("check", function, make=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("module", ["quantsail_framework.errors", "quantsail_framework.nothing"])
def test_a_module_without_a_kernel_is_told(module: str, tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match=f"{module} cannot be compiled"):
        Machine(tmp_path).kernel(module, make=True)
    assert not list(tmp_path.iterdir())


def test_without_the_extra_there_is_no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "_compiler", lambda: None)
    assert not machines.installed()
