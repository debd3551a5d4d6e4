"""A mapping of which some values are made when somebody reads them: a search over many runs never does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any


class Lazy(Mapping[str, Any]):
    """Values by name, in the order of ``names``; ``made`` has some of them.

    ``later`` makes the others, by name: each call answers with one or several of them by name, which are kept.
    """

    def __init__(
        self, names: Sequence[str], made: dict[str, Any], later: Mapping[str, Callable[[], Mapping[str, Any]]]
    ) -> None:
        self._names = names
        self.made = made
        self._later = dict(later)

    def __getitem__(self, name: str) -> Any:
        if name not in self.made and (make := self._later.get(name)) is not None:
            self.made.update(make())
            for each in self.made.keys() & self._later.keys():
                self._later.pop(each, None)  # with what it holds
        return self.made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
