"""What runs a pipeline; the pipeline and the session it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import attrs

from quantsail_framework.domain.result import RunResult
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.ports.alert_sink import RoutedSink
from quantsail_framework.ports.cost_model import CostModel
from quantsail_framework.ports.data_source import DataSource
from quantsail_framework.ports.executor import Executor
from quantsail_framework.ports.observer import Events, Observer
from quantsail_framework.ports.reporter import Reporter
from quantsail_framework.ports.risk_rule import RiskRule
from quantsail_framework.ports.sizer import Sizer
from quantsail_framework.ports.strategy import BarStrategy, Strategy


class NamedRule(NamedTuple):
    """A risk rule under the name that refusals and ``--set`` know it by."""

    name: str
    rule: RiskRule


@attrs.frozen(eq=False)
class DataSpec:
    """What ``[data]`` says beside the source's own options. Times are nanoseconds UTC, [start, end).

    ``informative`` holds (symbol or None for each own symbol, timeframe). ``gaps`` is the policy
    for missing bars: keep, fail or fill.
    """

    symbols: tuple[str, ...]
    timeframe: Timeframe
    start_ns: int | None = None
    end_ns: int | None = None
    informative: tuple[tuple[str | None, Timeframe], ...] = ()
    gaps: str = "keep"


@attrs.frozen(eq=False)
class Pipeline:
    """A pipeline ready to run: every component built, every option checked.

    ``resolved`` is the whole pipeline as plain values (secrets masked), as the manifest keeps it;
    ``origins`` tells per dotted key where its value came from. ``which_alerts`` is ``all``, or ``auto``:
    what the runner is made for. ``code`` has the SHA-256 of each local file whose classes it uses.
    ``folder`` is that of the pipeline file, from which the relative paths in ``resolved`` count. ``notes`` go to
    those of the result: what was denied to components while they were made.
    """

    name: str
    runner: str
    capital: float
    data: DataSpec
    source: DataSource
    strategy: Strategy | BarStrategy
    costs: CostModel
    sizer: Sizer
    risk: tuple[NamedRule, ...] = ()
    alerts: tuple[RoutedSink, ...] = ()
    observers: tuple[Observer, ...] = ()
    reporters: tuple[Reporter, ...] = ()
    executor: Executor | None = None
    currency: str | None = None
    timezone: str = "UTC"
    seed: int = 0
    which_alerts: str = "auto"
    resolved: Mapping[str, Any] = attrs.field(factory=dict)
    origins: Mapping[str, str] = attrs.field(factory=dict)
    code: Mapping[str, str] = attrs.field(factory=dict)
    runner_options: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    folder: Path | None = None
    notes: tuple[str, ...] = ()


Progress = Callable[[float, str], None]


def _quiet(_fraction: float, _text: str) -> None:
    return None


def _never() -> bool:
    return False


@attrs.frozen(eq=False)
class Session:
    """The surroundings of one run.

    ``folder`` is where a runner may keep files of its own (None: nothing is kept). ``events`` is
    None when nobody listens. ``progress(fraction, text)`` may be called often. ``cancelled()`` turns
    True when the user asked to stop. ``wall_ns`` is the wall clock. ``executor`` is where a search runs its trials
    (None: in this process).
    """

    wall_ns: Callable[[], int]
    folder: Path | None = None
    events: Events | None = None
    progress: Progress = _quiet
    cancelled: Callable[[], bool] = _never
    executor: Executor | None = None


class Runner(Protocol):
    """Runs a pipeline. Its fields are the options of the table that bears its name (``[backtest]``).

    A runner that goes through time as it passes has the class attribute ``alerts = "all"``: each trade, limit and
    breaker alerts. Of any other only the end and errors do, unless the pipeline says ``alerts = "all"``.
    """

    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        """The result; raises a QuantsailError when there is none."""
        ...
