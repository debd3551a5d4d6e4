"""A second process with another time zone, locale, hash seed and wall clock, to which components must say the same.

It is started once, at first use, and serves every suite of the test run. What goes over its pipes are pickles between
a process and its own child.
"""

from __future__ import annotations

import atexit
import contextlib
import datetime as dt
import functools
import importlib
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

WORDS = "a process of another time zone, locale, hash seed and wall clock"

# Far ahead of UTC and not on the hour; a plain C locale, whose encoding is ASCII; seven and a half years from now.
_HOSTILE = {
    "TZ": "LATE-13:45",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONHASHSEED": "4711",
}
_AHEAD = dt.timedelta(days=2_740, hours=7, minutes=13)
_COMPILED = ("pyarrow", "pandas")  # what is compiled against the true datetime, and must see it when it is imported
_PROGRAM = "from quantsail_framework.testing.stranger import serve; serve()"


class StrangerError(Exception):
    """What went wrong in the other process, in its words."""


def ask(function: Callable[..., Any], *arguments: Any) -> Any:
    """What ``function``, which the other process finds by module and name, gives there. Raises StrangerError."""
    question = sys.path, dict(os.environ), str(Path.cwd()), pickle.dumps((function, arguments))
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pickle.dump(question, process.stdin)
        process.stdin.flush()
        worked, value = pickle.load(process.stdout)  # noqa: S301 - from our own child
    except (OSError, EOFError) as error:
        _process.cache_clear()
        raise StrangerError(f"it ended with code {process.wait()}") from error
    if not worked:
        raise StrangerError(value)
    return value


@functools.cache
def _process() -> subprocess.Popen[bytes]:
    environment = os.environ | _HOSTILE | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", _PROGRAM]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    atexit.register(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.communicate()


def serve() -> None:
    """Answer until nobody asks any more. What components print does not get between the answers."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.chdir(tempfile.gettempdir())  # between questions it holds no folder that is about to go
    _shift_clocks()
    while True:
        try:
            path, environment, folder, message = pickle.load(questions)  # noqa: S301 - from our own parent
        except EOFError:
            return
        with contextlib.chdir(folder):
            answer = _answer(path, environment, message)
        answers.write(answer)
        answers.flush()


def _answer(path: Sequence[str], environment: Mapping[str, str], message: bytes) -> bytes:
    sys.path[:] = path
    kept = {name: value for name, value in os.environ.items() if name in _HOSTILE}
    os.environ.clear()
    os.environ.update({**environment, **kept})
    try:
        function, arguments = pickle.loads(message)  # noqa: S301 - as above
        return pickle.dumps((True, function(*arguments)))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the one who asked is told
        return pickle.dumps((False, f"{type(error).__name__}: {error}"))


def _shift_clocks() -> None:
    """Let ``time`` and ``datetime`` say that it is later. Moments that are made stay what they are made of."""
    for name in _COMPILED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    now, now_ns, ahead_ns = time.time, time.time_ns, _AHEAD // dt.timedelta(microseconds=1) * 1_000
    time.__dict__.update(time=lambda: now() + _AHEAD.total_seconds(), time_ns=lambda: now_ns() + ahead_ns)
    time.__dict__.update({name: _of_now(getattr(time, name)) for name in ("localtime", "gmtime", "ctime")})
    dt.__dict__.update(date=_later(dt.date), datetime=_later(dt.datetime))


def _of_now(function: Callable[[float], Any]) -> Callable[..., Any]:
    """``function`` of a moment, which is now when none is given."""
    return lambda seconds=None: function(time.time() if seconds is None else seconds)


def _later(real: type[Any]) -> type[Any]:
    """``real``, a date or datetime, with a clock that is ahead; what it makes are plain ones of ``real``."""
    moment = dt.datetime

    class Same(type(real)):  # type: ignore[misc]
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, real)

    class Later(real, metaclass=Same):  # type: ignore[misc]
        def __new__(cls, *values: Any, **named: Any) -> Any:
            return real(*values, **named)

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return moment.now(tz) + _AHEAD

        @classmethod
        def today(cls) -> Any:
            later = moment.now() + _AHEAD
            return later if real is moment else later.date()

        @classmethod
        def utcnow(cls) -> Any:
            return moment.now(dt.UTC).replace(tzinfo=None) + _AHEAD

    return Later
