"""Every kind of plugin that can be generated, as one table: what its class is called and which suite tests it."""

from __future__ import annotations

import attrs

from quantsail_framework import hookspecs


@attrs.frozen
class Kind:
    """What differs between kinds beside the templates in the folder of that name.

    ``registers``: the kind of component, a key of ``hookspecs.KINDS``. ``ending``: of the class. ``module``: where
    it lives. ``summary``: what the descriptor says of it. ``contract``: its suite in ``quantsail_framework.testing``;
    None where there is none. ``example``: options of the descriptor, where it cannot be made without.
    """

    registers: str
    ending: str
    module: str
    summary: str
    contract: str | None
    example: str = ""

    @property
    def hook(self) -> str:
        """The hook that announces it."""
        return hookspecs.KINDS[self.registers]

    @property
    def words(self) -> str:
        """The kind of component in words, such as ``cost model``."""
        return self.registers.replace("-", " ")


KINDS = {
    "data-source": Kind(
        "data-source",
        "Source",
        "source",
        "Reads candles from a folder of CSV files.",
        "DataSourceContract",
        example='{"path": "candles"}',
    ),
    "strategy": Kind("strategy", "Strategy", "strategy", "Buys after falling closes.", "StrategyContract"),
    "bar-strategy": Kind(
        "strategy", "Strategy", "strategy", "Buys a new high and protects what it has won.", "BarStrategyContract"
    ),
    "cost-model": Kind("cost-model", "Costs", "costs", "Charges a fee and half of the spread.", "CostModelContract"),
    "sizer": Kind("sizer", "Sizer", "sizer", "Puts the same share of equity into every position.", "SizerContract"),
    "risk-rule": Kind("risk-rule", "Rule", "rule", "Refuses entries whose stop is far away.", "RiskRuleContract"),
    "alert-sink": Kind(
        "alert-sink",
        "Sink",
        "sink",
        "Appends alerts to a text file.",
        "AlertSinkContract",
        example='{"path": "alerts.txt"}',
    ),
    "runner": Kind("runner", "Runner", "runner", "Backtests, and passes what returned enough.", "RunnerContract"),
    "broker": Kind(
        "broker",
        "Broker",
        "broker",
        "Fills market orders at prices that are given.",
        "BrokerContract",
        example='{"prices": {"BTC/USDT": 50_000.0}}',
    ),
    "executor": Kind("executor", "Executor", "executor", "Runs the items of a job in threads.", "ExecutorContract"),
    "reporter": Kind("reporter", "Reporter", "reporter", "Writes the metrics as Markdown.", "ReporterContract"),
    "observer": Kind(
        "observer",
        "Observer",
        "observer",
        "Writes a line for each closed trade.",
        "ObserverContract",
        example='{"path": "trades.txt"}',
    ),
    "objective": Kind("objective", "Objective", "objective", "Scores return less drawdown.", "ObjectiveContract"),
    "command": Kind("command", "Command", "command", "Counts how the trades of a run ended.", None),
}
