"""What a component declares of its warm-up."""

from __future__ import annotations

from typing import Any


def declared_warmup(component: Any) -> int:
    """Bars that a component needs before it can be asked, as it says; 0 for one whose class has no ``warmup``.

    Raises whatever a ``warmup`` raises that is there: an AttributeError inside a property is a mistake in it, which
    ``getattr(component, "warmup", 0)`` would take for none declared.
    """
    for owner in type(component).__mro__:  # a loop, for each trial of a search asks all of its components
        if "warmup" in owner.__dict__:
            return component.warmup  # type: ignore[no-any-return]
    if "warmup" in getattr(component, "__dict__", ()):
        return component.warmup  # type: ignore[no-any-return]
    return getattr(component, "warmup", 0)  # none, unless its __getattr__ knows one
