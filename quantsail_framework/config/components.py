"""From one table of the pipeline to one component: find its class, check it, structure its options, make it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from quantsail_framework.config.kinds import check_class
from quantsail_framework.config.layers import OVERRIDES
from quantsail_framework.config.local import ClassReference, is_local, load_local
from quantsail_framework.config.options import (
    component_kind,
    default_of,
    item_types,
    option_fields,
    parts_of,
    value_type,
)
from quantsail_framework.config.plain import plain
from quantsail_framework.config.positions import Key
from quantsail_framework.config.revive import revived
from quantsail_framework.config.secrets import Secret
from quantsail_framework.config.structure import RefusedError, make, structure_options
from quantsail_framework.config.tree import Place, Tree, dotted
from quantsail_framework.config.wording import describe
from quantsail_framework.errors import PluginError, UnknownComponentError

if TYPE_CHECKING:
    from quantsail_framework.plugins import Registry


class Problems:
    """Gathers what is wrong, each with its place."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._found: list[tuple[Place, str]] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, key: Key, text: str) -> None:
        """Something is wrong with the value at ``key``, or it is missing."""
        self.add_at(self._tree.place(key), dotted(self._tree, key), text)

    def add_at(self, place: Place, name: str, text: str) -> None:
        """Something is wrong at a place that the tree does not hold."""
        self._found.append((place, f"{place.where}: {name}: {text}"))

    def lines(self) -> list[str]:
        """One line per problem: by file and line, then what came from elsewhere."""
        ordered = sorted(self._found, key=lambda found: _reading_order(found[0]))
        return list(dict.fromkeys(text for _, text in ordered))


def _reading_order(place: Place) -> tuple[bool, str, int]:
    from_file = place.line is not None or not place.origin.startswith(("environment ", "--", OVERRIDES))
    return not from_file, place.where.rpartition(":")[0] if place.line else place.where, place.line or 0


class Workshop(NamedTuple):
    """What making a component needs beside its table.

    ``only``: plugins that may be used, None for all. ``is_plain``: dates are text, as ``plain`` gives them.
    """

    tree: Tree
    registry: Registry
    problems: Problems
    only: Sequence[str] | None = None
    is_plain: bool = False


class Made(NamedTuple):
    """A component with its effective options: as Python values (``arguments``) and plain ones (``resolved``)."""

    component: Any
    use: str
    arguments: Mapping[str, Any]
    resolved: Mapping[str, Any]


def make_component(shop: Workshop, key: Key, kind: str, skip: Sequence[str] = ()) -> Made | None:
    """The component of the table at ``key``; None when it has problems, which are then noted.

    ``skip`` names keys of the table that are not options of the component.
    """
    table = shop.tree.get(key)
    if not isinstance(table, dict):
        shop.problems.add(key, f"expects a table, got {describe(table)}")
        return None
    use = table.get("use")
    if not isinstance(use, str) or not use:
        shop.problems.add((*key, "use"), _no_use(shop.registry, kind, missing="use" not in table))
        return None
    cls = _find_class(shop, key, kind, use)
    if cls is None:
        return None
    values = {name: value for name, value in table.items() if name != "use" and name not in skip}
    return make_options(shop, key, cls, values, use, also=skip)


def make_options(
    shop: Workshop, key: Key, cls: type[Any], values: Mapping[str, Any], use: str, also: Sequence[str] = ()
) -> Made | None:
    """An object of ``cls`` from the options at ``key``; None when they have problems, which are then noted."""
    owner = use.rpartition(":")[2]
    try:
        values = revived(cls, values) if shop.is_plain else values
        parts = _make_parts(shop, key, cls, values)
        arguments, problems = structure_options(cls, {**values, **parts.made}, owner, also)
        problems = [(path, text) for path, text in problems if path[0] not in parts.failed]
        for path, text in problems:
            shop.problems.add((*key, *path), text)
        if problems or parts.failed:
            return None
        paths = _path_options(cls, arguments)
        shown = parts.shown | {name: _shown(shop.tree, (*key, name), value) for name, value in paths.items()}
        arguments |= {name: _anchor(value, shop.tree.place((*key, name)).folder) for name, value in paths.items()}
        arguments |= _class_options(shop, key, arguments)
        component = make(cls, arguments)
        shown |= _default_parts(shop, cls, component, values)
    except PluginError as error:
        shop.problems.add((*key, "use"), str(error))
        return None
    except RefusedError as refused:
        for path, text in refused.problems:
            shop.problems.add((*key, *path), text)
        return None
    return Made(component, use, arguments, resolved_options(component, shown))


class _Parts:
    """The options of a component that hold other components: made, as they are shown, and those with noted problems."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}
        self.shown: dict[str, Any] = {}
        self.failed: set[str] = set()


def _make_parts(shop: Workshop, key: Key, cls: type[Any], values: Mapping[str, Any]) -> _Parts:
    """Make the components that the options at ``key`` hold, each from its own table."""
    parts = _Parts()
    for name, field in option_fields(cls).items():
        if name not in values or parts_of(field.type) is None:
            continue
        before = len(shop.problems)
        parts.made[name], parts.shown[name] = _make_part(shop, (*key, name), field.type, values[name])
        if len(shop.problems) > before:
            parts.failed.add(name)
    return parts


def _make_part(shop: Workshop, key: Key, annotation: Any, value: Any) -> tuple[Any, Any]:
    """What stands at ``key`` with every table of a component in it made, and how it is shown."""
    kind = component_kind(annotation)
    if kind is not None:
        made = make_component(shop, key, kind)
        return (None, None) if made is None else (made.component, {"use": made.use, **made.resolved})
    port = parts_of(annotation)
    if item_types(annotation) is not None and isinstance(value, list):
        items = [_make_part(shop, (*key, index), port, item) for index, item in enumerate(value)]
        return [component for component, _ in items], [shown for _, shown in items]
    if value_type(annotation) is not None and isinstance(value, dict):
        named = {name: _make_part(shop, (*key, name), port, item) for name, item in value.items()}
        return {name: pair[0] for name, pair in named.items()}, {name: pair[1] for name, pair in named.items()}
    return value, value


def _default_parts(shop: Workshop, cls: type[Any], component: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The component that stands in an option unless one is given, under the name that it is installed by."""
    shown = {}
    for name, field in option_fields(cls).items():
        kind = component_kind(field.type)
        part = getattr(component, field.name)
        if kind is not None and name not in given and part is not None:
            path = f"{type(part).__module__}:{type(part).__qualname__}"
            offer = shop.registry.offer_of(kind, part)
            shown[name] = {"use": offer.component.name if offer else path, **resolved_options(part, {})}
    return shown


def resolved_options(component: Any, shown: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of a component with its effective value, plain. ``shown`` goes before what it holds."""
    if not attrs.has(type(component)):
        return {}
    fields = option_fields(type(component))
    own = {name: getattr(component, field.name) for name, field in fields.items()}
    own |= {name: _named(own[name]) for name, field in fields.items() if parts_of(field.type) is not None}
    return {name: plain(shown.get(name, value)) for name, value in own.items()}


def _named(part: Any) -> Any:
    """Components that were passed as objects, each with the class that it is of."""
    if isinstance(part, list | tuple):
        return [_named(item) for item in part]
    if isinstance(part, Mapping):
        return {name: _named(item) for name, item in part.items()}
    return {"use": f"{type(part).__module__}:{type(part).__qualname__}", **resolved_options(part, {})}


def named_symbols(component: Any) -> Iterator[tuple[Key, str]]:
    """(path, symbol) of every market that the options of a component and of its parts name.

    Such an option, a list or a table by symbol, says so with ``metadata={"symbols": True}``.
    """
    fields = option_fields(type(component)) if attrs.has(type(component)) else {}
    for name, field in fields.items():
        value = getattr(component, field.name)
        if field.metadata.get("symbols"):
            yield from (((name, symbol), symbol) for symbol in value)
        if parts_of(field.type) is not None:
            for path, part in _each_part(value):
                yield from (((name, *path, *inner), symbol) for inner, symbol in named_symbols(part))


def _each_part(value: Any) -> Iterable[tuple[Key, Any]]:
    if isinstance(value, list | tuple):
        return (((index,), part) for index, part in enumerate(value))
    if isinstance(value, Mapping):
        return (((name,), part) for name, part in value.items())
    return [((), value)]


def _find_class(shop: Workshop, key: Key, kind: str, use: str) -> type[Any] | None:
    place = shop.tree.place((*key, "use"))
    try:
        if is_local(use):
            cls = load_local(use, place.folder)
        else:
            _check_allowed(shop, kind, use)
            cls = shop.registry.load(kind, use)
        check_class(kind, cls)
    except (UnknownComponentError, PluginError) as error:
        shop.problems.add((*key, "use"), str(error))
        return None
    return cls


def _check_allowed(shop: Workshop, kind: str, use: str) -> None:
    plugin = shop.registry.get(kind, use).plugin
    if shop.only is not None and not plugin.is_called(*shop.only):
        raise PluginError(f'{use!r} is of plugin {plugin.name!r}, which [plugins] only leaves out; add "{plugin.name}"')


def _no_use(registry: Registry, kind: str, *, missing: bool) -> str:
    installed = ", ".join(registry.components(kind)) or "none"
    what = "required option is missing" if missing else "expects the name of a component in quotes"
    return f"{what}; installed: {installed}"


def _path_options(cls: type[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The options that hold paths, given or default: they count from where they were written."""
    values = {name: arguments.get(name, default_of(field)) for name, field in option_fields(cls).items()}
    return {name: value for name, value in values.items() if _holds_path(value)}


def _class_options(shop: Workshop, key: Key, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The options that name classes, files counting from where they were written. RefusedError: no such class."""
    found = {name: value for name, value in arguments.items() if isinstance(value, ClassReference)}
    for name, value in found.items():
        found[name] = attrs.evolve(value, folder=shop.tree.place((*key, name)).folder)
        try:
            _check_module(shop, value)
            found[name].load()
        except PluginError as error:
            raise RefusedError([((name,), str(error))]) from error
    return found


def _check_module(shop: Workshop, reference: ClassReference) -> None:
    """Importing a module runs it: where [plugins] only names who may, it must be of the package of one of those."""
    if shop.only is None or is_local(reference.text):
        return
    module = reference.text.rpartition(":")[0]
    allowed = [plugin.module for plugin in shop.registry.plugins if plugin.is_called(*shop.only)]
    if not any(module == package or module.startswith(f"{package}.") for package in allowed):
        raise PluginError(
            f"{module} is of no plugin that [plugins] only names ({', '.join(shop.only)}); "
            "name a class of those, or of a file in the pipeline's folder, or remove [plugins] only"
        )


def _shown(tree: Tree, key: Key, value: Any) -> Any:
    """A path as seen from the pipeline file's folder: the same on every machine."""
    home, folder = tree.place(()).folder, tree.place(key).folder
    return value if folder == home else _anchor(value, Path(os.path.relpath(folder, home)))


def _holds_path(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds_path(item) for item in value)
    return isinstance(value, Path) or (isinstance(value, Secret) and value.file is not None)


def _anchor(value: Any, folder: Path) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_anchor(item, folder) for item in value)
    if isinstance(value, Secret):
        return value if value.file is None else attrs.evolve(value, file=_anchor(value.file, folder))
    return Path(os.path.normpath(folder / value)) if isinstance(value, Path) else value
