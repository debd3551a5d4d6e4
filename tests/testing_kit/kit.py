"""Makes a contract suite around a component of this folder, and reads what a failing case says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

import pytest

from quantsail_framework import Component, hookimpl
from quantsail_framework.hookspecs import KINDS
from quantsail_framework.testing import Contract

Suite = TypeVar("Suite", bound=Contract)


def suite(contract: type[Suite], component: type[Any], **attributes: Any) -> Suite:
    """A test object as pytest would make it of a plugin's tests/test_contract.py; ``attributes`` are its body."""
    plugin = register(
        KINDS[contract.kind], Component("it", f"{component.__module__}:{component.__name__}", "Is tried.")
    )
    tested: Suite = type("TestIt", (contract,), {"plugin": plugin, "component": "it"} | attributes)()
    return tested


def register(hook: str, *descriptors: Component) -> str:
    """The name of a new plugin module whose ``hook`` yields ``descriptors``."""

    def yields() -> list[Component]:
        return list(descriptors)

    yields.__name__ = hook
    module = ModuleType(f"plugin_with_{'_'.join(each.target.partition(':')[2] for each in descriptors)}")
    setattr(module, hook, hookimpl(yields))
    sys.modules[module.__name__] = module
    return module.__name__


def failure(case: Callable[[], None]) -> str:
    """What the case says when it fails."""
    with pytest.raises(pytest.fail.Exception) as caught:
        case()
    return str(caught.value)


def complaint(tested: Contract, number: str) -> str:
    """What a case says of a component that fails it, or that raises in it: then with the notes of the exception."""
    try:
        getattr(tested, tested.cases[number])()
    except pytest.fail.Exception as failed:
        return str(failed)
    except Exception as error:  # noqa: BLE001 - whatever the component raises
        return "\n".join([f"{type(error).__name__}: {error}", *error.__notes__])
    raise AssertionError(f"{number} lets it pass")


def run_all(tested: Contract) -> None:
    """Run every case but those that need a module or class which another process can import."""
    for number, name in sorted(tested.cases.items()):
        if number not in ("CO-01", "CO-03", "CO-11", "CO-13"):
            try:
                getattr(tested, name)()
            except pytest.skip.Exception:
                continue
