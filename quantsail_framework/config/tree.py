"""The merged values of a pipeline file, and for each of them where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from quantsail_framework.config.positions import Key

# Tables that hold one component, and lists of such tables, with the kind of that component.
COMPONENT_TABLES = {
    "data": "data-source",
    "strategy": "strategy",
    "costs": "cost-model",
    "sizer": "sizer",
    "executor": "executor",
}
COMPONENT_LISTS = {"risk": "risk-rule", "alerts": "alert-sink", "observers": "observer", "reporters": "reporter"}
# Keys of a component's table that belong to the pipeline and not to the component.
DATA_KEYS = ("symbols", "timeframe", "start", "end", "informative", "gaps")
ALERT_KEYS = ("min_level", "only")
PIPELINE_KEYS: Mapping[str, tuple[str, ...]] = {"data": DATA_KEYS, "alerts": ALERT_KEYS}


class Place(NamedTuple):
    """Where a value was given.

    ``origin`` is what ``show --origin`` says, ``where`` begins an error message. Relative paths
    resolve against ``folder``. ``line`` orders problems; None outside a file.
    """

    origin: str
    where: str
    folder: Path
    line: int | None = None


class Tree:
    """Plain values, and the place of each key path in them."""

    def __init__(self, values: dict[str, Any], places: dict[Key, Place]) -> None:
        self.values = values
        self.places = places

    def place(self, key: Key) -> Place:
        """Where ``key`` was given; for a key that is missing, the table that should hold it."""
        for count in range(len(key), -1, -1):
            if key[:count] in self.places:
                return self.places[key[:count]]
        return self.places[()]

    def get(self, key: Key) -> Any:
        """The value at ``key``, None when it is absent."""
        value: Any = self.values
        for part in key:
            if isinstance(part, int):
                value = value[part] if isinstance(value, list) and part < len(value) else None
            else:
                value = value.get(part) if isinstance(value, dict) else None
        return value

    def overlay(self, other: Tree) -> None:
        """Put the values of ``other`` over these: tables merge key by key, everything else replaces."""
        for name, value in other.values.items():
            self._overlay((name,), value, other.places)

    def assign(self, key: Key, value: Any, place: Place) -> None:
        """Set one value, making the tables on its way."""
        for count in range(1, len(key)):
            if self.get(key[:count]) is None:
                self._put(key[:count], {}, {key[:count]: place})
        self._overlay(key, value, dict.fromkeys(_keys(key, value), place))

    def _overlay(self, key: Key, value: Any, places: Mapping[Key, Place]) -> None:
        if key[-1] == "use":
            self._forget_options(key[:-1], value)
        if not (isinstance(value, dict) and isinstance(self.get(key), dict)):
            self._put(key, value, places)
            return
        for name in sorted(value, key=lambda name: name != "use"):  # `use` first: it may clear the table
            self._overlay((*key, name), value[name], places)

    def _put(self, key: Key, value: Any, places: Mapping[Key, Place]) -> None:
        self._forget_places(key)
        self.get(key[:-1])[key[-1]] = value
        self.places.update({new: place for new, place in places.items() if new[: len(key)] == key})

    def _forget_places(self, key: Key) -> None:
        for old in [old for old in self.places if old[: len(key)] == key]:
            del self.places[old]

    def _forget_options(self, table: Key, use: Any) -> None:
        """Another component has other options: those given for the former one go."""
        options = self.get(table)
        if not _is_component(table) or not isinstance(options, dict) or options.get("use", use) == use:
            return
        kept = ("use", *PIPELINE_KEYS.get(str(table[0]), ()))
        for name in [name for name in options if name not in kept]:
            del options[name]
            self._forget_places((*table, name))


def _is_component(key: Key) -> bool:
    """Whether a table with ``use`` at ``key`` is a component's: one of the pipeline, or a part of one."""
    return key[:1] != () and (key[0] in COMPONENT_TABLES or key[0] in COMPONENT_LISTS)


def _keys(key: Key, value: Any) -> list[Key]:
    """``key`` and every key path below it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [key, *(below for name, item in items for below in _keys((*key, name), item))]


def item_names(uses: Sequence[object]) -> list[str]:
    """What the items of a list are called: the name of the component (of a local class, the class),
    with -2, -3 ... where it is repeated."""
    names: list[str] = []
    for use in uses:
        name = str(use).rpartition(":")[2]
        count, unique = 1, name
        while unique in names:
            count += 1
            unique = f"{name}-{count}"
        names.append(unique)
    return names


def items_of(tree: Tree, key: Key) -> list[str]:
    """The names of the items of the list of components at ``key``, ``[[risk]]`` or one inside a component."""
    items = tree.get(key)
    if not isinstance(items, list):
        return []
    return item_names([item.get("use", "") if isinstance(item, dict) else "" for item in items])


def dotted(tree: Tree, key: Key) -> str:
    """``strategy.adx_period``, ``risk.max-exposure.pct``, ``data.symbols[1]``."""
    text = ""
    for index, part in enumerate(key):
        name = part
        if isinstance(part, int) and tree.get((*key[: index + 1], "use")):
            name = items_of(tree, key[:index])[part]
        text += f"[{name}]" if isinstance(name, int) else f".{name}" if text else name
    return text
