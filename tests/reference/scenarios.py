"""Every worked scenario, to be run by the reference and by the engine alike."""

from __future__ import annotations

from . import scenarios_bar, scenarios_clock, scenarios_fills, scenarios_money, scenarios_rules
from .worked import Scenario

SCENARIOS: list[Scenario] = [
    *scenarios_fills.SCENARIOS,
    *scenarios_money.SCENARIOS,
    *scenarios_clock.SCENARIOS,
    *scenarios_rules.SCENARIOS,
    *scenarios_bar.SCENARIOS,
]
