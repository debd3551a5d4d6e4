"""Discovery of plugins and the registry of what they offer: the only module that calls pluggy.

Plugins are enumerated from package metadata without importing them, and loaded one by one, so that
one that is broken is a listed failure and takes nothing else down.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any, NamedTuple

import pluggy

from quantsail_framework import __version__, distributions, hookspecs
from quantsail_framework.component import Component
from quantsail_framework.errors import PluginError, UnknownComponentError
from quantsail_framework.hookspecs import KINDS, PROJECT
from quantsail_framework.installed import Announced, announced, normal

GROUP = "quantsail"
LOAD_VARIABLE = "QUANTSAIL_LOAD_PLUGINS"
INSTALL_STANDARD = "pip install 'quantsail-framework[standard]'"
ONLY = "[plugins] only"
_NAMES_SHOWN = 5  # of what is left out


class PluginInfo(NamedTuple):
    """One installed plugin, as its package metadata tells.

    ``status``: installed (not loaded yet), ok, blocked or failed; ``problem``: why it failed, in one line;
    ``left_out_by``: what blocked it. ``needs``: the releases of the core that it asks for, such as ``~=0.1``.
    """

    name: str
    distribution: str
    version: str
    module: str
    status: str = "installed"
    problem: str | None = None
    left_out_by: str | None = None
    needs: str | None = None

    @property
    def label(self) -> str:
        """Distribution and version, such as ``quantsail-trend 0.1.0``."""
        return f"{self.distribution} {self.version}".strip()

    def is_called(self, *names: str) -> bool:
        """Whether one of ``names`` means this plugin: its own or its distribution's, in any spelling (PEP 503)."""
        own = {normal(self.name), normal(self.distribution)}
        return any(normal(name) in own for name in names)


class Registered(NamedTuple):
    """A component, its kind (a key of ``hookspecs.KINDS``) and the plugin that offers it."""

    kind: str
    component: Component
    plugin: PluginInfo

    @property
    def title(self) -> str:
        """How messages name it, such as ``strategy 'trend' of quantsail-trend 0.1.0``."""
        return f"{self.kind.replace('-', ' ')} {self.component.name!r} of {self.plugin.label}"


class Registry:
    """What the loaded plugins offer.

    ``plugins`` holds every installed plugin with its status; ``problems`` every reason why something
    installed cannot be used, one line each.
    """

    def __init__(
        self, plugins: Iterable[PluginInfo], offers: Iterable[Registered], problems: Iterable[str] = ()
    ) -> None:
        self.plugins = tuple(plugins)
        self._offers: dict[str, dict[str, list[Registered]]] = {kind: {} for kind in KINDS}
        for offer in offers:
            self._offers[offer.kind].setdefault(offer.component.name, []).append(offer)
        failures = (f"plugin {p.name!r} ({p.label}): {p.problem}" for p in self.plugins if p.problem)
        self.problems = (*problems, *_shared_names(self.plugins), *failures, *self._clashes())

    def components(self, kind: str) -> Mapping[str, Registered]:
        """Components of one kind by name, sorted. Of two with one name the first; ``get`` refuses both."""
        named = self._offers[check_kind(kind)]
        return {name: named[name][0] for name in sorted(named)}

    def offers(self) -> list[Registered]:
        """Every component that a plugin offers, by kind and name, with those of one name: ``get`` refuses these."""
        by_name = (self._offers[kind][name] for kind in KINDS for name in sorted(self._offers[kind]))
        return [offer for named in by_name for offer in named]

    def clash(self, offer: Registered) -> str | None:
        """Why a component cannot be used when another one of its kind has its name, with the remedy; else None."""
        named = self._offers[offer.kind][offer.component.name]
        return _clash_text(named) if len(named) > 1 else None

    def get(self, kind: str, name: str) -> Registered:
        """The component. Raises UnknownComponentError, or PluginError when two plugins offer that name."""
        offers = self._offers[check_kind(kind)].get(name)
        if offers is None:
            raise UnknownComponentError(self._unknown(kind, name))
        if problem := self.clash(offers[0]):
            raise PluginError(problem)
        return offers[0]

    def load(self, kind: str, name: str) -> type[Any]:
        """Import the class of a component. Raises PluginError naming component, distribution and remedy."""
        return load_class(self.get(kind, name))

    def offer_of(self, kind: str, component: object, use: str = "") -> Registered | None:
        """The offer that a component was made from: of the name ``use``, else another whose class it is of.

        Its class may live in another module than the target names. None for a class that no plugin offers.
        """
        offers = self.components(kind)
        with suppress(PluginError):
            if use in offers and import_target(offers[use]) is type(component):
                return offers[use]
        return next((offer for offer in offers.values() if offer.component.loaded() is type(component)), None)

    def _clashes(self) -> list[str]:
        return [_clash_text(offers) for named in self._offers.values() for offers in named.values() if len(offers) > 1]

    def why_not(self, kind: str, name: str) -> str | None:
        """Why a component that an installed plugin offers cannot be used, and what to do; None where none offers it.

        A plugin that is not used is not imported: what it offers is told by the text of its module.
        """
        word = f"{kind.replace('-', ' ')} {name!r}"
        unused = [plugin for plugin in self.plugins if plugin.status in ("blocked", "failed")]
        reasons = [_unused_text(word, plugin) for plugin in unused if _seems_to_offer(plugin, kind, name)]
        return "; ".join(reasons) or None

    def _unknown(self, kind: str, name: str) -> str:
        reason = self.why_not(kind, name)
        if reason:
            return reason
        known, word = sorted(self._offers[kind]), kind.replace("-", " ")
        failed = self._left_out("failed", "Failed, see `quantsail plugins doctor`")
        left_out = f"{failed}{self._left_out('blocked', 'Switched off')}"
        if known:
            text = f"no {word} named {name!r}{did_you_mean(name, known)} Installed: {', '.join(known)}."
        elif left_out:
            text = f"no {word} named {name!r}: no plugin that is in use offers a {word}."
        else:
            text = f"no {word} named {name!r}: no {word} is installed; {INSTALL_STANDARD} brings the first-party ones."
        return text + left_out

    def _left_out(self, status: str, title: str) -> str:
        names = [plugin.name for plugin in self.plugins if plugin.status == status]
        more = f" and {len(names) - _NAMES_SHOWN} more (`quantsail plugins list`)" if len(names) > _NAMES_SHOWN else ""
        return f" {title}: {', '.join(names[:_NAMES_SHOWN])}{more}." if names else ""


def installed_plugins(block: Sequence[str] = ()) -> list[PluginInfo]:
    """Every installed plugin by name, from metadata only: nothing of them is imported.

    Those in ``block``, or not in ``QUANTSAIL_LOAD_PLUGINS`` when it is set, have the status blocked;
    those that ask for another release of the core, failed.
    """
    return [info for info, _ in _select(_discover(), block, None)]


def load_registry(
    *,
    block: Sequence[str] = (),
    only: Sequence[str] | None = None,
    extra: Sequence[object] = (),
    pins: Mapping[str, str] | None = None,
) -> Registry:
    """Load the light modules of the allowed plugins and gather what they offer.

    ``block`` names plugins to leave out, by their own name or their distribution's; ``only`` the only ones to load, and
    so does the environment variable ``QUANTSAIL_LOAD_PLUGINS`` (a comma list; empty for none). ``extra`` holds modules
    or objects with hookimpls that are not installed. ``pins`` says what a plugin must be (``broken_pin``): one that is
    not is not imported. Raises PluginError for a name in ``block`` that is not installed; one in ``only``, and a plugin
    that is broken, is a listed problem.
    """
    manager = _Manager(PROJECT)
    manager.add_hookspecs(hookspecs)
    found = _discover()
    plugins: list[PluginInfo] = []
    offers: list[Registered] = []
    for info, importer in _select(found, block, only, pins or {}):
        loaded, components = _load(manager, info, importer) if info.status == "installed" else (info, [])
        plugins.append(loaded)
        offers += components
    for plugin in extra:
        if not manager.is_registered(plugin):
            loaded, components = _load(manager, *_given(plugin))
            plugins.append(loaded)
            offers += components
    return Registry(plugins, offers, _not_installed(found, only))


def broken_pin(plugin: PluginInfo, pin: str) -> str | None:
    """Why an installed plugin is not what ``pin`` says: a version, and maybe the hash of its files after a space
    (``0.1.0 sha256:...``, as `quantsail plugins pin` prints it); None when it is.
    """
    version, _, digest = pin.partition(" ")
    if version != plugin.version:
        return f"asks for {plugin.distribution} {version}, installed is {plugin.version}"
    if not digest:
        return None
    try:
        found = distributions.digest(plugin.distribution)
    except PluginError as error:
        return str(error)
    if found == digest:
        return None
    return (
        f"asks for {plugin.label} with {digest}, installed is another one of that version with {found}; "
        f"find out why, then install the pinned one, or pin this one: quantsail plugins pin {plugin.name}"
    )


def import_target(registered: Registered) -> Any:
    """What a component's target names. Raises PluginError naming component, distribution and remedy."""
    try:
        return registered.component.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also sys.exit, a cancelled task or a panic of Rust
        plugin = registered.plugin
        if isinstance(error, ImportError):
            remedy = f"reinstall {plugin.distribution} with what it needs"
        else:
            remedy = f"that is a mistake in {plugin.distribution}: update it or tell its author"
        raise PluginError(
            f"{registered.title} cannot be imported from {registered.component.target}: {_one_line(error)}"
            f"{_line_of(error)}; {remedy}, or switch it off with --no-plugin {plugin.name}"
        ) from error


def load_class(registered: Registered) -> type[Any]:
    """The class of a component of any kind but ``command``. Raises PluginError as ``import_target`` does."""
    loaded = import_target(registered)
    if not isinstance(loaded, type):
        author = f"the author of {registered.plugin.distribution}"
        raise PluginError(f"{registered.title} is {loaded!r}, not a class; tell {author}")
    return loaded


def check_kind(kind: str) -> str:
    """``kind`` when there is such a kind of component, else UnknownComponentError."""
    if kind not in KINDS:
        text = f"no kind of component named {kind!r}{did_you_mean(kind, KINDS)} Kinds: {', '.join(KINDS)}."
        raise UnknownComponentError(text)
    return kind


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'trend'?"`` for the nearest of ``known``, ``"."`` when none is near."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else "."


def unknown_plugin(name: str, installed: Sequence[str]) -> str:
    """What to say about the name of a plugin that is not installed."""
    return f"no plugin named {name!r}{did_you_mean(name, installed)} {_installed_text(installed)}"


_Importer = Callable[[], object]
_Found = list[tuple[PluginInfo, _Importer]]


def _discover() -> _Found:
    found = [(_describe(entry_point), entry_point.load) for entry_point in announced(GROUP)]
    return sorted(found, key=lambda pair: (pair[0].name, pair[0].distribution))


def _describe(entry_point: Announced) -> PluginInfo:
    facts = entry_point.owner.facts()
    name, version = (facts.get(each, [""])[0] for each in ("name", "version"))
    needs = distributions.core_needed(facts.get("requires-dist", ()))
    return PluginInfo(entry_point.name, name, version, entry_point.module, needs=needs)


def _given(plugin: object) -> tuple[PluginInfo, _Importer]:
    name = getattr(plugin, "__name__", type(plugin).__name__)
    return PluginInfo(name, name, "", name), lambda: plugin


def _select(
    found: _Found, block: Sequence[str], only: Sequence[str] | None, pins: Mapping[str, str] | None = None
) -> _Found:
    """Mark as blocked what the arguments or the environment leave out, and as failed what cannot be used as it is."""
    installed = [info.name for info, _ in found]
    for name in block:
        if not any(info.is_called(name) for info, _ in found):
            raise PluginError(unknown_plugin(name, installed))
    allowed = {ONLY: only, LOAD_VARIABLE: _named_in_environment()}

    def judged(info: PluginInfo) -> PluginInfo:
        leaving = [who for who, names in allowed.items() if names is not None and not info.is_called(*names)]
        if info.is_called(*block):
            leaving.insert(0, "--no-plugin")
        if leaving:
            return info._replace(status="blocked", left_out_by=leaving[0])
        problem = _misfit(info) or _unpinned(info, pins or {})
        return info._replace(status="failed", problem=problem) if problem else info

    return [(judged(info), importer) for info, importer in found]


def _misfit(info: PluginInfo) -> str | None:
    """Why a plugin does not go with this release of the core: it says so itself."""
    if info.needs is None or distributions.is_met(info.needs, __version__):
        return None
    core = distributions.CORE
    return (
        f"needs {core} {info.needs}, installed is {__version__}; "
        f"install that ({core}{info.needs}), or a release of {info.distribution} that goes with {__version__}"
    )


def _unpinned(info: PluginInfo, pins: Mapping[str, str]) -> str | None:
    problems = (broken_pin(info, pin) for name, pin in pins.items() if info.is_called(name))
    return next((f"[plugins.pins] {problem}" for problem in problems if problem), None)


def _installed_text(names: Sequence[str]) -> str:
    if not names:
        return f"No plugin is installed; {INSTALL_STANDARD} brings the first-party ones."
    return f"Installed: {', '.join(names)}."


def _named_in_environment() -> list[str] | None:
    value = os.environ.get(LOAD_VARIABLE)
    return None if value is None else [name.strip() for name in value.split(",") if name.strip()]


def _not_installed(found: _Found, only: Sequence[str] | None) -> list[str]:
    installed = [info.name for info, _ in found]
    asked = [(LOAD_VARIABLE, name) for name in _named_in_environment() or ()] + [("only", name) for name in only or ()]
    return [
        f"{asker} names {name!r}, which is not installed{did_you_mean(name, installed)} {_installed_text(installed)}"
        for asker, name in asked
        if not any(info.is_called(name) for info, _ in found)
    ]


def _unused_text(word: str, plugin: PluginInfo) -> str:
    """Why a component of a plugin that is left out or broken is not there, and the remedy for what left it out."""
    if plugin.problem:
        return f"{word} is of plugin {plugin.name!r} ({plugin.label}), which cannot be used: {plugin.problem}"
    remedies = {ONLY: f'add "{plugin.name}" there', LOAD_VARIABLE: f"add {plugin.name} there"}
    remedy = remedies.get(str(plugin.left_out_by), f"leave out --no-plugin {plugin.name}")
    return f"{word} is switched off by `{plugin.left_out_by}`; {remedy}"


def _seems_to_offer(plugin: PluginInfo, kind: str, name: str) -> bool:
    """Whether the text of the plugin's module has the hook of ``kind`` and the name in quotes. It is not imported."""
    from importlib.util import find_spec
    from pathlib import Path

    try:
        spec = None if "." in plugin.module else find_spec(plugin.module)  # of a dotted one, it would import the parent
        text = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    except (OSError, ValueError, ImportError):
        text = ""
    return KINDS[kind] in text and (f'"{name}"' in text or f"'{name}'" in text)


class _Manager(pluggy.PluginManager):
    """Passes over what is no hook, classes and what Python puts into a module: pluggy takes long to look at it."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        if isinstance(plugin, ModuleType) and (name.startswith("__") or isinstance(vars(plugin).get(name), type)):
            return None
        return super().parse_hookimpl_opts(plugin, name)


class _BrokenPluginError(Exception):
    """Why a plugin cannot be used, in one line."""


def _load(manager: pluggy.PluginManager, info: PluginInfo, importer: _Importer) -> tuple[PluginInfo, list[Registered]]:
    """Import, register and ask one plugin. One that is broken offers nothing and says why."""
    try:
        plugin = _import(info, importer)
        _register(manager, info, plugin)
        loaded = info._replace(status="ok")
        return loaded, _offers(manager, loaded, plugin)
    except _BrokenPluginError as problem:
        return info._replace(status="failed", problem=str(problem)), []


def _import(info: PluginInfo, importer: _Importer) -> object:
    try:
        return importer()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a stranger's module does while it is imported
        raise _BrokenPluginError(f"import of {info.module} failed: {_one_line(error)}") from error


def _register(manager: pluggy.PluginManager, info: PluginInfo, plugin: object) -> None:
    """Check its hooks against the specs. A plugin that does not fit is taken out again."""
    if manager.is_registered(plugin):
        raise _BrokenPluginError(f"{info.module} is loaded already, under another name")
    name = f"{info.distribution}:{info.name}:{len(manager.get_plugins())}"
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        unknown = [hook.name for hook in manager.get_hookcallers(plugin) or () if not hook.has_spec()]
        if manager.has_plugin(name):
            manager.unregister(plugin)
        if unknown:
            near = did_you_mean(unknown[0], KINDS.values())
            raise _BrokenPluginError(f"unknown hook {unknown[0]!r}{near}") from error
        raise _BrokenPluginError(_one_line(error)) from error
    if not manager.get_hookcallers(plugin):
        raise _BrokenPluginError(f"{info.module} implements no hook; mark its functions with @hookimpl")


def _offers(manager: pluggy.PluginManager, info: PluginInfo, plugin: object) -> list[Registered]:
    offers = []
    for kind, hook in KINDS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            if implementation.plugin is plugin:
                offers += [Registered(kind, component, info) for component in _call(hook, implementation.function)]
    return offers


def _call(hook: str, function: Callable[..., Any]) -> list[Component]:
    try:
        components = list(function())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # as above: a stranger's code
        raise _BrokenPluginError(f"hook {hook} failed: {_one_line(error)}") from error
    for component in components:
        if not isinstance(component, Component):
            raise _BrokenPluginError(f"hook {hook} gave {component!r} where a Component is expected")
    return components


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _line_of(error: BaseException) -> str:
    """`` (FILE:LINE)`` of what was imported, the innermost; nothing where its import was not begun, or had ended."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    code = Component.load.__code__ if place is None else place.tb_frame.f_code
    if place is None or code is Component.load.__code__ or code.co_filename.startswith("<"):
        return ""
    return f" ({code.co_filename}:{place.tb_lineno})"


def _clash_text(offers: Sequence[Registered]) -> str:
    kind, name = offers[0].kind.replace("-", " "), offers[0].component.name
    owners = " and ".join(offer.plugin.label for offer in offers)
    remedies = " or ".join(dict.fromkeys(f"--no-plugin {offer.plugin.name}" for offer in offers))
    return f"{kind} {name!r} is offered twice, by {owners}; uninstall one, or switch one off with {remedies}"


def _shared_names(plugins: Sequence[PluginInfo]) -> list[str]:
    named: dict[str, list[PluginInfo]] = {}
    for plugin in plugins:
        named.setdefault(plugin.name, []).append(plugin)
    return [
        f"plugin name {name!r} is used by {' and '.join(p.label for p in same)}; --no-plugin {name} switches off both"
        for name, same in named.items()
        if len(same) > 1
    ]
