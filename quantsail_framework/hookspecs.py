"""Every hook of Quantsail: the framework's table of contents for plugin authors.

A plugin is a module that implements any of these with ``hookimpl`` and is named in the entry-point
group ``quantsail``. A hook is called once at start-up and returns descriptors; it must import
nothing heavy and open nothing. The classes that descriptors name follow the Protocols in
``quantsail_framework.ports``.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from quantsail_framework.component import Component

PROJECT = "quantsail"
# Kind of component (as in `quantsail components list KIND`) to the hook that registers it.
KINDS = {
    "data-source": "quantsail_data_sources",
    "strategy": "quantsail_strategies",
    "cost-model": "quantsail_cost_models",
    "sizer": "quantsail_sizers",
    "risk-rule": "quantsail_risk_rules",
    "alert-sink": "quantsail_alert_sinks",
    "runner": "quantsail_runners",
    "broker": "quantsail_brokers",
    "executor": "quantsail_executors",
    "reporter": "quantsail_reporters",
    "observer": "quantsail_observers",
    "objective": "quantsail_objectives",
    "command": "quantsail_commands",
}

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def quantsail_data_sources() -> Iterable[Component]:  # type: ignore[empty-body]
    """Where candles come from: port ``DataSource``, used by ``[data]``.

    ::

        @hookimpl
        def quantsail_data_sources() -> Iterable[Component]:
            yield Component("parquet", "quantsail_parquet.source:ParquetSource", "Candles from Parquet files.")
    """


@hookspec
def quantsail_strategies() -> Iterable[Component]:  # type: ignore[empty-body]
    """When to enter and leave: ports ``Strategy`` and ``BarStrategy``, used by ``[strategy]``.

    ::

        @hookimpl
        def quantsail_strategies() -> Iterable[Component]:
            yield Component("trend", "quantsail_trend.strategy:TrendStrategy", "Buys breakouts in a trending market.")
    """


@hookspec
def quantsail_cost_models() -> Iterable[Component]:  # type: ignore[empty-body]
    """What trading costs: port ``CostModel``, used by ``[costs]``.

    ::

        @hookimpl
        def quantsail_cost_models() -> Iterable[Component]:
            yield Component("binance-spot", "quantsail_binance.costs:BinanceSpotCosts", "Binance spot costs.")
    """


@hookspec
def quantsail_sizers() -> Iterable[Component]:  # type: ignore[empty-body]
    """How much to trade: port ``Sizer``, used by ``[sizer]``.

    ::

        @hookimpl
        def quantsail_sizers() -> Iterable[Component]:
            yield Component("half", "my_sizer.half:Half", "Puts half of the equity into each position.")
    """


@hookspec
def quantsail_risk_rules() -> Iterable[Component]:  # type: ignore[empty-body]
    """What may refuse an entry: ports ``RiskRule`` and ``Breaker``, used by ``[[risk]]``.

    ::

        @hookimpl
        def quantsail_risk_rules() -> Iterable[Component]:
            yield Component("max-exposure", "quantsail_risk.exposure:MaxExposure", "Caps gross exposure.")
    """


@hookspec
def quantsail_alert_sinks() -> Iterable[Component]:  # type: ignore[empty-body]
    """Where alerts go: port ``AlertSink``, used by ``[[alerts]]``.

    ::

        @hookimpl
        def quantsail_alert_sinks() -> Iterable[Component]:
            yield Component("console", "quantsail_console.sink:ConsoleSink", "Prints alerts.")
    """


@hookspec
def quantsail_runners() -> Iterable[Component]:  # type: ignore[empty-body]
    """What runs a pipeline: port ``Runner``. Its name is also a command and a table of the pipeline file.

    ::

        @hookimpl
        def quantsail_runners() -> Iterable[Component]:
            yield Component("backtest", "quantsail_backtest.runners:BacktestRunner", "Tests on historical candles.")
    """


@hookspec
def quantsail_brokers() -> Iterable[Component]:  # type: ignore[empty-body]
    """What executes orders bar by bar: port ``Broker``.

    ::

        @hookimpl
        def quantsail_brokers() -> Iterable[Component]:
            yield Component("ccxt", "quantsail_live.ccxt:CcxtBroker", "Trades through ccxt.")
    """


@hookspec
def quantsail_executors() -> Iterable[Component]:  # type: ignore[empty-body]
    """Where the items of a large job run: port ``Executor``, used by ``[executor]``.

    ::

        @hookimpl
        def quantsail_executors() -> Iterable[Component]:
            yield Component("dask", "quantsail_dask.executor:DaskExecutor", "Runs on a Dask cluster.")
    """


@hookspec
def quantsail_reporters() -> Iterable[Component]:  # type: ignore[empty-body]
    """What shows or writes a result: port ``Reporter``, used by ``[[reporters]]``.

    ::

        @hookimpl
        def quantsail_reporters() -> Iterable[Component]:
            yield Component("console", "quantsail_report.console:ConsoleReporter", "Prints a summary.")
    """


@hookspec
def quantsail_observers() -> Iterable[Component]:  # type: ignore[empty-body]
    """What listens to a run: port ``Observer``, used by ``[[observers]]``.

    ::

        @hookimpl
        def quantsail_observers() -> Iterable[Component]:
            yield Component("prometheus", "quantsail_prometheus.observer:PrometheusObserver", "Exports metrics.")
    """


@hookspec
def quantsail_objectives() -> Iterable[Component]:  # type: ignore[empty-body]
    """What a search maximises: port ``Objective``.

    ::

        @hookimpl
        def quantsail_objectives() -> Iterable[Component]:
            yield Component("sharpe", "quantsail_sweep.objectives:Sharpe", "Sharpe ratio.")
    """


@hookspec
def quantsail_commands() -> Iterable[Component]:  # type: ignore[empty-body]
    """Verbs of the command line: the target is a ``click`` command or group.

    ::

        @hookimpl
        def quantsail_commands() -> Iterable[Component]:
            yield Component("data", "quantsail_data.cli:data", "Fetch, list and verify candles.")
    """
