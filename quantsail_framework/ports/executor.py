"""Where the items of a large job run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol


class Executor(Protocol):
    """Maps a function over items in this process, others, or other machines.

    What is slow to start may be kept for a run that maps several times: a method ``started()``, which is optional,
    returns a context manager whose value maps in place of the executor.
    """

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        """(index, ``function(item, shared)``) in any order. Closing the iterator cancels the rest;
        an item lost with its worker is run once more."""
        ...
