"""The engine: signals -> request -> refusal or order -> fill -> portfolio -> trade. No I/O, no wall clock.

``load_market`` asks the data source; ``simulate`` jumps from event to event (backtest); ``replay``
walks bar by bar through a broker, as paper and live do. Both apply the rules of ``dealer``, ``desk``
and ``fills`` and return the same tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantsail_framework.engine.market import MarketData as MarketData
from quantsail_framework.engine.market import load_market as load_market
from quantsail_framework.engine.records import Simulation as Simulation
from quantsail_framework.engine.simulation import simulate as simulate

if TYPE_CHECKING:
    from quantsail_framework.engine.trader import replay as replay


def __getattr__(name: str) -> Any:
    """``replay`` is imported when it is asked for: a backtest needs no broker."""
    if name != "replay":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from quantsail_framework.engine.trader import replay

    return replay
