"""The engine: signals -> request -> refusal or order -> fill -> portfolio -> trade. No I/O, no wall clock.

``load_market`` asks the data source; ``simulate`` jumps from event to event (backtest); ``replay``
walks bar by bar through a broker, as paper and live do. Both apply the rules of ``dealer``, ``desk``
and ``fills`` and return the same tables.
"""

from __future__ import annotations

from quantsail_framework.engine.market import MarketData as MarketData
from quantsail_framework.engine.market import load_market as load_market
from quantsail_framework.engine.records import Simulation as Simulation
from quantsail_framework.engine.simulation import simulate as simulate
from quantsail_framework.engine.trader import replay as replay
