"""Whether the compiled loop is worth it: its machine code is loaded, or made, once there is enough to be decided.

The plain engine takes some 50 microseconds an entry. Loading the machine code takes as long as two thousand entries,
making it, once on a machine, as long as a quarter of a million. Either way the result is the same. Signals at bars in a
row count as one entry.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from threading import Lock

import numpy as np

from quantsail_framework.compiled.forms import Forms, forms_of
from quantsail_framework.compiled.machine import Machine, installed
from quantsail_framework.engine import MarketData, Simulation
from quantsail_framework.engine.feed import SignalColumns
from quantsail_framework.engine.simulation import strategy_columns
from quantsail_framework.errors import ComponentError, InputError
from quantsail_framework.ports.runner import Pipeline

LOAD_FROM = 2_000  # entries that this process has to decide
MAKE_FROM = 250_000
MAKING = "compiling, once on this machine"
SWITCH = "QUANTSAIL_COMPILED"
_WISHES = ("auto", "off", "make")  # off: never; make: at once, whatever it takes
_KEPT = 30 << 20  # bytes; glibc heeds up to 32 MB

# Of forms that cannot be compiled; of a compiler, or what loads its code, that does not come up.
_PLAIN_INSTEAD = (ComponentError, ImportError, OSError, RuntimeError)


class _Chooser:
    """Counts the entries that this process decides, and loads the machine code when it is time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries = 0
        self._machine: Machine | None = None
        self._told: set[str] = set()

    def machine(self, entries: int, *, later: bool = False) -> tuple[Machine | None, bool]:
        """The machine code, when it is worth it for a process that has so many entries to decide, and whether it is
        worth making. ``later``: they are only announced, and count when their runs come."""
        wish = _wish()
        with self._lock:
            ahead = self._entries + entries
            if not later:
                self._entries = ahead
            machine = self._loaded() if wish == "make" or ahead >= LOAD_FROM else self._machine
            return machine, wish == "make" or ahead >= MAKE_FROM

    def kernel(self, module: str, *, make: bool) -> int | None:
        """See ``Machine.kernel``."""
        with self._lock:
            machine = self._loaded()
        return machine.kernel(module, make=make)

    def _loaded(self) -> Machine:
        if self._machine is None:
            self._machine = Machine()
            _keep_freed_memory()
        return self._machine

    def has(self, forms: Forms) -> bool:
        """Whether all machine code of these forms is loaded, or can be: then nothing needs to be made."""
        return self._machine is not None and _all_there(self._machine, forms, make=False)

    def tell(self, error: Exception, instead: str = "the plain engine runs") -> None:
        """Why, once."""
        text = f"{instead}: {error}"
        if text not in self._told:
            import logging

            self._told.add(text)
            logging.getLogger(__name__).warning(text)


_chooser = _Chooser()


def by_loop(
    pipeline: Pipeline, data: MarketData, columns: Mapping[str, SignalColumns], *, target_first: bool
) -> Simulation | None:
    """The run by the compiled loop; None where the plain engine must do it, or does it sooner."""
    forms = _forms(pipeline)
    if forms is None:
        return None
    try:
        machine, makes = _chooser.machine(_entries(columns))
        if machine is None:
            return None
        from quantsail_framework.compiled.simulation import simulate

        return simulate(pipeline, data, forms, columns, machine, target_first=target_first, make=makes)
    except _PLAIN_INSTEAD as error:
        _chooser.tell(error)
        return None


def get_ready(pipeline: Pipeline, data: MarketData, runs: int, tell: Callable[[str], None]) -> None:
    """Before so many runs like this one: make the machine code where that is worth it and it is not there yet.

    Other processes find it then. ``tell`` is called before it is made, which takes some ten seconds.
    """
    forms = _forms(pipeline)
    if forms is None:
        return
    try:
        if _chooser.has(forms):
            return
    except _PLAIN_INSTEAD as error:
        _chooser.tell(error)
        return
    columns = strategy_columns(pipeline, data)  # what a strategy raises is no reason of the machine code's
    try:
        machine, makes = _chooser.machine(_entries(columns) * runs, later=True)
        if machine is not None and makes and not _all_there(machine, forms, make=False):
            tell(MAKING)
            _all_there(machine, forms, make=True)
    except _PLAIN_INSTEAD as error:
        _chooser.tell(error)


def kernel(module: str, tell: Callable[[str], None], *, load: bool, make: bool) -> int | None:
    """The address of a module's ``kernel`` (``Machine.kernel``); None where it is not there.

    ``load``, ``make``: whether the caller has so much to do that loading, or making it, is worth it. ``tell`` is called
    before it is made, which takes some seconds.
    """
    wish = _wish()
    if not _is_on() or not (load or wish == "make"):
        return None
    try:
        address = _chooser.kernel(module, make=False)
        if address is None and (make or wish == "make"):
            tell(MAKING)
            address = _chooser.kernel(module, make=True)
        return address
    except _PLAIN_INSTEAD as error:
        _chooser.tell(error, f"{module} is not used")
        return None


def _forms(pipeline: Pipeline) -> Forms | None:
    return forms_of(pipeline) if _is_on() else None


def _is_on() -> bool:
    return installed() and _wish() != "off"


def check_switch() -> None:
    """Raise InputError where the environment asks for what is none of the wishes."""
    if _wish() not in _WISHES:
        raise InputError(f"{SWITCH} is {_wish()!r}; it must be one of {', '.join(_WISHES)}, or not be set")


def _wish() -> str:
    return os.environ.get(SWITCH) or "auto"


def _keep_freed_memory() -> None:
    """Spare the many runs to come a third of their time, which goes into getting the same memory anew each time.

    glibc gives freed memory back at once until it has seen a large block freed; it then keeps up to twice as much.
    """
    np.empty(_KEPT, np.uint8)  # freed at once, and none of it was touched


def _entries(columns: Mapping[str, SignalColumns]) -> int:
    """How many entries there may be to decide: where every bar signals, most pass while a position is held."""
    count = 0
    for column in columns.values():
        rows = column.entry_rows
        count += min(1, len(rows)) + int(np.count_nonzero(rows[1:] - rows[:-1] > 1))
    return count


def _all_there(machine: Machine, forms: Forms, *, make: bool) -> bool:
    """Whether all machine code of a pipeline is there, or has been made."""
    functions = (machine.function(*each, make=make) for each in forms.functions)
    return machine.loop(make=make) is not None and all(address is not None for address in functions)
