"""What plugin authors test with: contract suites, market makers, fakes. Names are resolved on first use.

A contract suite is a class of pytest tests; six lines in a plugin's ``tests/test_contract.py`` run it::

    from quantsail_framework.testing import StrategyContract

    class TestTrend(StrategyContract):
        plugin = "quantsail_trend"      # the module that the entry point names
        component = "trend"             # the component's name

The suites need pytest, which a plugin brings in its own test dependencies; ``markets`` and ``fakes`` do not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quantsail_framework.testing.alert_sink import AlertSinkContract as AlertSinkContract
    from quantsail_framework.testing.bar_strategy import BarStrategyContract as BarStrategyContract
    from quantsail_framework.testing.broker import BrokerContract as BrokerContract
    from quantsail_framework.testing.contract import Contract as Contract
    from quantsail_framework.testing.contract import ContractError as ContractError
    from quantsail_framework.testing.contract import case as case
    from quantsail_framework.testing.contract import expect as expect
    from quantsail_framework.testing.cost_model import CostModelContract as CostModelContract
    from quantsail_framework.testing.data_source import DataSourceContract as DataSourceContract
    from quantsail_framework.testing.executor import ExecutorContract as ExecutorContract
    from quantsail_framework.testing.objective import ObjectiveContract as ObjectiveContract
    from quantsail_framework.testing.observer import ObserverContract as ObserverContract
    from quantsail_framework.testing.reporter import ReporterContract as ReporterContract
    from quantsail_framework.testing.risk_rule import RiskRuleContract as RiskRuleContract
    from quantsail_framework.testing.runner import RunnerContract as RunnerContract
    from quantsail_framework.testing.server import FakeServer as FakeServer
    from quantsail_framework.testing.server import Reply as Reply
    from quantsail_framework.testing.sizer import SizerContract as SizerContract
    from quantsail_framework.testing.strategy import StrategyContract as StrategyContract

_HOMES = {
    "alert_sink": ("AlertSinkContract",),
    "bar_strategy": ("BarStrategyContract",),
    "broker": ("BrokerContract",),
    "contract": ("Contract", "ContractError", "case", "expect"),
    "cost_model": ("CostModelContract",),
    "data_source": ("DataSourceContract",),
    "executor": ("ExecutorContract",),
    "objective": ("ObjectiveContract",),
    "observer": ("ObserverContract",),
    "reporter": ("ReporterContract",),
    "risk_rule": ("RiskRuleContract",),
    "runner": ("RunnerContract",),
    "server": ("FakeServer", "Reply"),
    "sizer": ("SizerContract",),
    "strategy": ("StrategyContract",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
