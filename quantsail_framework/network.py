"""No network in a run but for components that declare it: what a backtest tells must follow from its candles alone.

An audit hook of the interpreter sees every address that is looked up, connected to or listened on through Python's own
sockets, by whatever library, and only then looks on the call stack for the component: a run pays nothing. It guards
against accidents and is no sandbox. Not seen are other programs and processes that a component starts itself, and
libraries in C that open sockets of their own: ``pyarrow.fs``, drivers of databases.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from quantsail_framework.component import LOCAL_CODE, LOCAL_MODULE
from quantsail_framework.errors import NetworkDeniedError
from quantsail_framework.hookspecs import KINDS
from quantsail_framework.plugins import Registered, Registry

# Audit event to its words and the place of the address in its arguments.
_EVENTS = {
    "socket.connect": ("connect to", 1),
    "socket.bind": ("listen on", 1),
    "socket.sendto": ("send to", 1),
    "socket.sendmsg": ("send to", 1),
    "socket.getaddrinfo": ("look up", 0),
    "socket.gethostbyname": ("look up", 0),
    "socket.gethostbyaddr": ("look up", 0),
    "socket.getnameinfo": ("look up", 0),
}
_ThreadStart = Callable[[threading.Thread], None]


class Party(NamedTuple):
    """A component or a plugin as messages name it; ``network``: it declared the need; ``package`` has its code."""

    title: str
    remedy: str
    network: bool
    package: str | None = None


_OUTSIDE = Party("whoever started the run", "", True)


class Policy(NamedTuple):
    """Who is who on a call stack, in plain values that travel to other processes.

    ``components`` by ``module:Class``, ``plugins`` by their package; a local file is one too.
    """

    components: Mapping[str, Party]
    plugins: Mapping[str, Party]

    def party_of(self, component: object) -> Party | None:
        """The component that this object is."""
        return self.components.get(_path(component))

    def on_stack(self, frame: FrameType | None) -> tuple[Party | None, Party | None]:
        """The innermost component in whose methods ``frame`` was called, and the innermost plugin whose code it is.

        Where that plugin's code was called by another's component, there is no component.
        """
        plugin = None
        while frame is not None:
            component = _OUTSIDE if _is_logging(frame) else self.party_of(frame.f_locals.get("self"))
            if component is not None and (plugin is None or component.package == plugin.package):
                return component, plugin
            plugin = plugin or self.plugins.get(_package(str(frame.f_globals.get("__name__"))))
            frame = frame.f_back
        return None, plugin


def policy_of(registry: Registry, parts: Iterable[tuple[str, object, Registered | None]] = ()) -> Policy:
    """The policy of a run: what its plugins declare; of ``parts`` (label, component, the offer it was made from) that
    no plugin offers, their class (``network = True``)."""
    components = {f"{__name__}:{Outside.__qualname__}": _OUTSIDE}
    plugins = dict(_local_files())
    for offer in (offer for kind in KINDS for offer in registry.components(kind).values()):
        cls = offer.component.loaded()  # which may live elsewhere than its target says
        path = _path_of(cls) if isinstance(cls, type) else offer.component.target
        components[path] = _offered(offer, path)
        package = _package(offer.component.target)
        if package != __package__:  # an objective may be a class of the core
            network = offer.component.network or (package in plugins and plugins[package].network)
            title = f"plugin {offer.plugin.name!r} of {offer.plugin.label}"
            plugins[package] = Party(title, _remedy(offer), network, package)
    for label, component, made_from in parts:
        path = _path(component)
        if made_from is not None:
            components[path] = _offered(made_from, path)
        else:
            network = getattr(type(component), "network", False) is True
            own = Party(label, "its class says network = True", network, _package(path))
            components.setdefault(path, own)
    return Policy(components, plugins)


def _local_files() -> Iterator[tuple[str, Party]]:
    """Each file beside a pipeline that was loaded: its functions are called outside of its classes too."""
    for name, module in list(sys.modules.items()):
        if name.startswith(LOCAL_MODULE):
            classes = [value for value in list(vars(module).values()) if isinstance(value, type)]
            network = any(cls.__module__ == name and getattr(cls, "network", False) is True for cls in classes)
            remedy = "it belongs in a class that says network = True"
            yield name, Party(f"local file {vars(module)[LOCAL_CODE][0]!r}", remedy, network, name)


def _offered(offer: Registered, path: str) -> Party:
    return Party(offer.title, _remedy(offer), offer.component.network, _package(path))


def _remedy(offer: Registered) -> str:
    return f"its Component says network=True (tell the author of {offer.plugin.distribution})"


class Outside:
    """A function of whoever started the run: what it does is not the business of the component that led to it."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        """Call it."""
        return self.function(*arguments)


class Guarded:
    """A function of an item and what all items share, guarded in whichever process it is called."""

    __slots__ = ("function", "policy")

    def __init__(self, function: Callable[[Any, Any], Any], policy: Policy) -> None:
        self.function = function
        self.policy = policy

    def __call__(self, item: Any, shared: Any) -> tuple[Any, list[str]]:
        """The answer of the function, and what was denied meanwhile."""
        with guard(lambda: self.policy) as denied:
            return self.function(item, shared), denied


@contextmanager
def guard(policy: Callable[[], Policy] | None) -> Iterator[list[str]]:
    """Meanwhile NetworkDeniedError is raised in a component that reaches for the network and did not declare it.

    Gives a list that grows with what was denied: a component may swallow the error. Sockets of this machine alone
    (``AF_UNIX``) are left open, and so is the network to code that no component called. ``policy`` is asked for when it
    is needed, which in most runs is never; None guards nothing.
    """
    denied: list[str] = []
    if policy is None:
        yield denied
        return
    watch = _Watch(policy, denied)
    _guards.enter(watch)
    try:
        yield denied
    finally:
        _guards.leave(watch)


class _Watch:
    """One guard: its policy, the thread of its run, and the threads that its components started."""

    def __init__(self, policy: Callable[[], Policy], denied: list[str]) -> None:
        self.policy = policy
        self.denied = denied
        self.thread = threading.current_thread()
        self.threads = WeakKeyDictionary[threading.Thread, Party]()

    def party(self) -> Party | None:
        """Who is at work on this thread. A plugin's code without its component counts in the run alone: a program may
        use it elsewhere too."""
        component, plugin = self.policy().on_stack(sys._getframe(1))
        here = threading.current_thread()
        return component or (plugin if here is self.thread else self.threads.get(here))

    def judge(self, deed: str, address: object) -> None:
        """Raise NetworkDeniedError where the component at work did not declare that it needs the network."""
        party = self.party()
        if party is None or party.network:
            return
        text = (
            f"{party.title} tried to {deed} {_words(address)}: in a run only components that declare the network "
            f"have it. Where the need is real, {party.remedy}; else use another"
        )
        if text not in self.denied:
            self.denied.append(text)
        raise NetworkDeniedError(text)

    def started(self, thread: threading.Thread) -> None:
        """A thread acts for the component that starts it: nothing on its own stack tells."""
        party = self.party()
        if party is not None:
            self.threads[thread] = party


class _Guards:
    """Those in force in this process, which the hook asks; Python never takes a hook out again.

    Since Python tells hooks of new threads only from 3.12 on, the method that starts them is wrapped meanwhile.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_hooked = False
        self._watches: tuple[_Watch, ...] = ()
        self._before: WeakKeyDictionary[_ThreadStart, _ThreadStart] = WeakKeyDictionary()  # what each wrapper replaced

    def enter(self, watch: _Watch) -> None:
        with self._lock:
            if not self._is_hooked:
                sys.addaudithook(self._hear)
                self._is_hooked = True
            start: _ThreadStart = threading.Thread.start
            if not self._watches and start not in self._before:
                told = self._telling(start)
                self._before[told] = start
                threading.Thread.start = told  # type: ignore[method-assign, assignment]
            self._watches = (*self._watches, watch)

    def leave(self, watch: _Watch) -> None:
        with self._lock:
            self._watches = tuple(other for other in self._watches if other is not watch)
            start: _ThreadStart = threading.Thread.start
            if (
                not self._watches and start in self._before
            ):  # else another tool has wrapped ours, which tells nobody now
                threading.Thread.start = self._before[start]  # type: ignore[method-assign, assignment]

    def _telling(self, start: _ThreadStart) -> _ThreadStart:
        @functools.wraps(start)
        def told(thread: threading.Thread) -> None:
            for watch in self._watches:
                watch.started(thread)
            start(thread)

        return told

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watches or event not in _EVENTS:
            return
        deed, place = _EVENTS[event]
        if not _stays_here(arguments[0]) and arguments[place] is not None:
            for watch in reversed(self._watches):  # the innermost first: an item of a search tells it of itself
                watch.judge(deed, arguments[place])


_guards = _Guards()


def _is_logging(frame: FrameType) -> bool:
    """Whether what it calls are handlers of the log: where they send it is up to whoever set them, not who logs."""
    logger = getattr(sys.modules.get("logging"), "Logger", None)  # another thread may be importing it
    return logger is not None and frame.f_code is getattr(logger.callHandlers, "__code__", None)


def _stays_here(first: object) -> bool:
    """Whether that is a socket between processes of this machine."""
    import socket

    return getattr(first, "family", None) == getattr(socket, "AF_UNIX", "none")


def _words(address: object) -> str:
    """``host:port``, as far as it is one."""
    parts = address if isinstance(address, tuple) else (address,)
    return ":".join(part.decode(errors="replace") if isinstance(part, bytes) else str(part) for part in parts[:2])


def _path(component: object) -> str:
    return _path_of(type(component))


def _path_of(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _package(place: str) -> str:
    """The package at the top of a module, or of ``module:Class``; of a local file the module."""
    module = place.partition(":")[0]
    return module if module.startswith(LOCAL_MODULE) else module.partition(".")[0]
