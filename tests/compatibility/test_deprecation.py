"""What is deprecated says so to the right caller, gives two minor releases of notice, and then goes."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from quantsail_framework import __version__
from quantsail_framework.deprecation import QuantsailDeprecationWarning, warn_deprecated

ROOT = Path(__file__).parents[2]
SOURCES = [*ROOT.glob("quantsail_framework/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]


def _old_name() -> int:
    warn_deprecated("_old_name", since="0.3", removed_in="0.5", instead="use new_name")
    return 1


def test_the_warning_names_both_releases_and_what_to_use_and_points_at_the_caller() -> None:
    with pytest.warns(QuantsailDeprecationWarning) as caught:
        assert _old_name() == 1
    assert str(caught[0].message) == (
        "_old_name is deprecated since quantsail-framework 0.3 and will be gone in 0.5; use new_name"
    )
    assert caught[0].filename == __file__
    assert isinstance(caught[0].message, DeprecationWarning)  # Python hides it from users, pytest shows it to authors


def test_a_helper_between_points_at_the_callers_caller() -> None:
    def helper() -> None:
        warn_deprecated("x", since="0.1", removed_in="0.3", instead="use y", stacklevel=3)

    def used() -> None:
        helper()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        used()
        line = _here() - 1
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)


def _here() -> int:
    import sys

    return sys._getframe(1).f_lineno


# -- releases ----------------------------------------------------------------------------------------


def wrong(source: str, version: str) -> Iterator[str]:
    """What is wrong with the calls of ``warn_deprecated`` in ``source``, at release ``version``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "warn_deprecated":
            given = {word.arg: word.value for word in node.keywords}
            told = [given.get(name) for name in ("since", "removed_in")]
            if not all(isinstance(value, ast.Constant) for value in told):
                yield f"line {node.lineno}: since and removed_in must be literals"
                continue
            since, gone = (_release(value.value) for value in told)  # type: ignore[union-attr, arg-type]
            if _release(version) >= gone:
                yield f"line {node.lineno}: it is release {version}: remove what was to be gone in {gone}"
            if gone[0] == since[0] and gone[1] < since[1] + 2:
                yield f"line {node.lineno}: from {since} to {gone} is less than two minor releases of notice"


def _release(text: str) -> tuple[int, int]:
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def test_nothing_stays_after_the_release_in_which_it_was_to_be_gone() -> None:
    found = [(path, problem) for path in SOURCES for problem in wrong(path.read_text(encoding="utf-8"), __version__)]
    assert found == []


CALL = 'deprecation.warn_deprecated("x", since="{}", removed_in="{}", instead="use y")'


@pytest.mark.parametrize(
    ("call", "version", "told"),
    [
        (CALL.format("0.3", "0.5"), "0.4.9", []),
        (CALL.format("0.9", "1.0"), "0.9.0", []),
        (CALL.format("0.3", "0.5"), "0.5.0", ["line 1: it is release 0.5.0: remove what was to be gone in (0, 5)"]),
        (CALL.format("0.3", "0.5"), "1.0.0", ["line 1: it is release 1.0.0: remove what was to be gone in (0, 5)"]),
        (
            CALL.format("0.3", "0.4"),
            "0.3.0",
            ["line 1: from (0, 3) to (0, 4) is less than two minor releases of notice"],
        ),
        (
            'warn_deprecated("x", since=now, removed_in="0.4", instead="")',
            "0.1.0",
            ["line 1: since and removed_in must be literals"],
        ),
    ],
)
def test_a_deprecation_that_is_overdue_or_hasty_is_found(call: str, version: str, told: list[str]) -> None:
    assert list(wrong(call, version)) == told
