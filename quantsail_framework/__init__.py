"""What plugin authors and notebooks import first. Names are resolved on first use, so a light plugin stays light."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quantsail_framework.component import Component as Component
    from quantsail_framework.config import load_pipeline as load_pipeline
    from quantsail_framework.config.local import ClassReference as ClassReference
    from quantsail_framework.config.secrets import Secret as Secret
    from quantsail_framework.config.secrets import redacted as redacted
    from quantsail_framework.domain.alert import Alert as Alert
    from quantsail_framework.domain.bars import Bars as Bars
    from quantsail_framework.domain.fill import Costs as Costs
    from quantsail_framework.domain.instrument import Instrument as Instrument
    from quantsail_framework.domain.order import Breach as Breach
    from quantsail_framework.domain.order import Reference as Reference
    from quantsail_framework.domain.order import Request as Request
    from quantsail_framework.domain.order import Signal as Signal
    from quantsail_framework.domain.order import Sizing as Sizing
    from quantsail_framework.domain.order import Trip as Trip
    from quantsail_framework.domain.portfolio import Portfolio as Portfolio
    from quantsail_framework.domain.result import RunResult as RunResult
    from quantsail_framework.domain.signals import LONG as LONG
    from quantsail_framework.domain.signals import SHORT as SHORT
    from quantsail_framework.domain.signals import Adjust as Adjust
    from quantsail_framework.domain.signals import Enter as Enter
    from quantsail_framework.domain.signals import Exit as Exit
    from quantsail_framework.domain.signals import Signals as Signals
    from quantsail_framework.domain.signals import price_text as price_text
    from quantsail_framework.domain.timeframe import Timeframe as Timeframe
    from quantsail_framework.domain.trade import Position as Position
    from quantsail_framework.domain.trade import Trade as Trade
    from quantsail_framework.hookspecs import hookimpl as hookimpl
    from quantsail_framework.ports.compiled import CompiledCosts as CompiledCosts
    from quantsail_framework.ports.compiled import CompiledRule as CompiledRule
    from quantsail_framework.ports.compiled import CompiledSizer as CompiledSizer
    from quantsail_framework.ports.market import Market as Market
    from quantsail_framework.ports.strategy import BarView as BarView
    from quantsail_framework.session import run as run

__version__ = "0.1.0"

_HOMES = {
    "component": ("Component",),
    "config": ("load_pipeline",),
    "config.local": ("ClassReference",),
    "config.secrets": ("Secret", "redacted"),
    "domain.alert": ("Alert",),
    "domain.bars": ("Bars",),
    "domain.fill": ("Costs",),
    "domain.instrument": ("Instrument",),
    "domain.order": ("Breach", "Reference", "Request", "Signal", "Sizing", "Trip"),
    "domain.portfolio": ("Portfolio",),
    "domain.result": ("RunResult",),
    "domain.signals": ("LONG", "SHORT", "Adjust", "Enter", "Exit", "Signals", "price_text"),
    "domain.timeframe": ("Timeframe",),
    "domain.trade": ("Position", "Trade"),
    "hookspecs": ("hookimpl",),
    "ports.compiled": ("CompiledCosts", "CompiledRule", "CompiledSizer"),
    "ports.market": ("Market",),
    "ports.strategy": ("BarView",),
    "session": ("run",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME, "__version__"])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
