"""What a class must have to be a component of its kind."""

from __future__ import annotations

from typing import Any

import attrs

from quantsail_framework.errors import PluginError

_METHODS = {
    "data-source": ("instruments", "bars"),
    "cost-model": ("costs",),
    "sizer": ("size",),
    "risk-rule": ("check",),
    "alert-sink": ("open", "send", "close"),
    "runner": ("run",),
    "broker": ("submit", "cancel", "open_orders", "fills_since", "balances"),
    "executor": ("map",),
    "reporter": ("write",),
    "observer": ("open", "close"),
    "objective": ("score",),
}


def check_class(kind: str, cls: type[Any]) -> None:
    """Raise PluginError when ``cls`` lacks what the port of ``kind`` asks for."""
    if kind == "strategy":
        _check_strategy(cls)
    methods = _METHODS.get(kind, ())
    missing = [name for name in methods if not callable(getattr(cls, name, None))]
    if missing:
        raise PluginError(f"{cls.__name__} is not {_words(kind)}: it has no method {_listed(missing)}")
    if kind == "risk-rule" and _has(cls, "watches") and not callable(getattr(cls, "trip", None)):
        raise PluginError(f"{cls.__name__} has `watches` but no method trip(), so it could never trip; add it")


def _check_strategy(cls: type[Any]) -> None:
    arrays, bars = (callable(getattr(cls, name, None)) for name in ("signals", "on_bar"))
    if arrays and bars:
        raise PluginError(
            f"{cls.__name__} has both signals() and on_bar(); a strategy decides over arrays or bar by bar: remove one"
        )
    if not arrays and not bars:
        raise PluginError(
            f"{cls.__name__} is not a strategy: it has neither signals() (decides over arrays) "
            "nor on_bar() (decides bar by bar)"
        )
    if bars and not callable(getattr(cls, "prepare", None)):
        raise PluginError(
            f"{cls.__name__} has on_bar() but no prepare(); add it, returning the arrays it needs or {{}}"
        )
    if not _has(cls, "warmup"):
        raise PluginError(f"{cls.__name__} has no `warmup`; add the number of bars that it needs before it may decide")


def _has(cls: type[Any], name: str) -> bool:
    """Whether objects of the class have that attribute: its own, or one of its fields."""
    return hasattr(cls, name) or (attrs.has(cls) and any(field.name == name for field in attrs.fields(cls)))


def _words(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind.replace('-', ' ')}"


def _listed(names: list[str]) -> str:
    return ", ".join(f"{name}()" for name in names)
