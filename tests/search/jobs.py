"""Functions that executors map in tests; workers import them from here."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any


def doubled(item: int, shared: dict[str, Any]) -> float:
    """Two times the item and the sum of a column."""
    return float(shared["factor"] * item + shared["column"].sum())


def pid_of(_item: int, shared: float | None) -> int:
    """The process that ran the item, after a while."""
    time.sleep(shared or 0.01)
    return os.getpid()


def slow_sum(_item: int, column: Any) -> tuple[float, bool]:
    """The sum of a column and whether it could be written to."""
    return float(column.sum()), bool(column.flags.writeable)


def killer(item: int, shared: tuple[str, int, int]) -> int:
    """The item; but one of them kills its process the first so many times."""
    marker, fatal, times = Path(shared[0]), shared[1], shared[2]
    if item == fatal and (not marker.exists() or len(marker.read_text()) < times):
        with marker.open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def killed_elsewhere(item: int, shared: tuple[str, int]) -> int:
    """The item, after a while; the first process beside that of this number is killed by it."""
    marker, own = Path(shared[0]), shared[1]
    time.sleep(0.01)
    if os.getpid() != own and not marker.exists():
        marker.write_text("x")
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def divided(item: int, shared: int) -> float:
    """A quotient, which zero has none of."""
    return shared / item


class Counted:
    """Tells in a file in which process it is unpacked."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __setstate__(self, state: dict[str, str]) -> None:
        self.__dict__.update(state)
        with Path(self.file).open("a") as file:
            file.write(f"{os.getpid()}\n")


def pid_with(_item: int, _shared: Counted) -> int:
    """The process that ran the item."""
    time.sleep(0.05)
    return os.getpid()


class OddError(Exception):
    """One that can be packed and not unpacked."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} in {where}")


def odd(_item: int, _shared: Any) -> None:
    """Fails with words that are hard to bring home."""
    raise OddError("nonsense", "words")


def odd_elsewhere(item: int, own: int) -> int:
    """The item; any process but that of this number fails with such words."""
    if os.getpid() != own:
        raise OddError("nonsense", "words")
    return item
