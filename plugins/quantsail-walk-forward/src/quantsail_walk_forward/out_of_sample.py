"""The test windows traded with the parameters that were chosen: in one account, or each in its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from quantsail_framework.backtest import backtest
from quantsail_framework.domain.bars import Ints
from quantsail_framework.domain.result import Table
from quantsail_framework.engine import MarketData, Simulation
from quantsail_framework.engine.market import warmup_of
from quantsail_framework.errors import DataError
from quantsail_framework.metrics.trades import profit_factor
from quantsail_framework.metrics.undefined import Undefined
from quantsail_framework.ports.runner import Session
from quantsail_framework.search.study import Study
from quantsail_walk_forward.stitching import Timetable, stitched
from quantsail_walk_forward.training import Choice
from quantsail_walk_forward.windows import cut


@attrs.frozen
class WindowResult:
    """What a test window brought: the change of its equity as a fraction, its trades and their net."""

    equity_return: float
    trades: int
    net_pnl: float
    profit_factor: float | None

    @property
    def positive(self) -> bool:
        """Whether it traded and its equity grew."""
        return self.trades > 0 and self.equity_return > 0.0


@attrs.frozen(eq=False)
class OutOfSample:
    """All test windows: the tables of their account, the candles that it saw, and each window's part."""

    simulation: Simulation
    data: MarketData
    windows: tuple[WindowResult, ...]


def one_account(study: Study, choices: Sequence[Choice], session: Session) -> OutOfSample:
    """The windows' signals joined and run once, from the first to the last test bar.

    A trade belongs to the window in which its entry was decided, a change of equity to that in which it happened.
    """
    bar_ns, data = study.data.timeframe.ns, _tested_candles(study, choices)
    pipeline = stitched(study.pipeline, choices, bar_ns)
    data = attrs.evolve(data, warmup=warmup_of(pipeline))
    run = backtest(pipeline, data, both_touched=study.both_touched, events=session.events, cancelled=session.cancelled)
    owner = Timetable.of(choices, bar_ns).windows(run.trades["signal_time"])
    edges = [[each.window.test_start_ns - bar_ns, each.window.test_end_ns - bar_ns] for each in choices]
    marks = _at(run.equity, "equity", np.array(edges), pipeline.capital)
    parts = [_tested(run.trades["net_pnl"][owner == k], *marks[k].tolist()) for k in range(len(choices))]
    return OutOfSample(_numbered(run, owner + 1), data, tuple(parts))


def own_accounts(study: Study, choices: Sequence[Choice], session: Session) -> OutOfSample:
    """A separate run per window at ``capital``; the equity is capital plus what all of them have made by then."""
    quiet, data = attrs.evolve(session, events=None), _tested_candles(study, choices)
    runs: list[Simulation] = []
    parts: list[WindowResult] = []
    for choice in choices:
        window = choice.window
        if cut(study.data, window.test_start_ns, window.test_end_ns) is None:
            parts.append(WindowResult(0.0, 0, 0.0, None))
            continue
        alone = one_account(study, [choice], quiet)
        parts += alone.windows
        runs.append(_numbered(alone.simulation, np.full(len(alone.simulation.trades["net_pnl"]), window.number)))
    return OutOfSample(_summed(runs, study.pipeline.capital), data, tuple(parts))


def _tested_candles(study: Study, choices: Sequence[Choice]) -> MarketData:
    """From the first to the last test bar. Raises DataError when no test window has a bar."""
    windows = [choice.window for choice in choices]
    if all(cut(study.data, window.test_start_ns, window.test_end_ns) is None for window in windows):
        raise DataError("walk-forward: the markets have no bars in any test window; get candles for that time")
    data = cut(study.data, windows[0].test_start_ns, windows[-1].test_end_ns)
    assert data is not None  # noqa: S101 - for the type checker
    return data


def _numbered(run: Simulation, window: Ints) -> Simulation:
    """With the number of its window beside each trade."""
    return run._replace(trades={**run.trades, "window": window.astype(np.int64)})


def _tested(net: Any, start: float, end: float) -> WindowResult:
    factor = profit_factor(net)
    change = end / start - 1.0 if start > 0.0 else 0.0
    return WindowResult(change, len(net), float(net.sum()), None if isinstance(factor, Undefined) else factor)


def _summed(runs: Sequence[Simulation], capital: float) -> Simulation:
    """Accounts side by side as one: what each gains or loses from its ``capital`` is added up."""
    moments = np.unique(np.concatenate([run.equity["time"] for run in runs]))
    columns = {}
    for name, before in (("equity", capital), ("cash", capital), ("exposure", 0.0)):
        changes = [_at(run.equity, name, moments, before) - before for run in runs]
        columns[name] = before + np.sum(changes, axis=0)
    trades, refusals = ([getattr(run, table) for run in runs] for table in ("trades", "refusals"))
    final = capital + sum(run.final_cash - capital for run in runs)
    return Simulation(_joined(trades, "exit_time"), {"time": moments, **columns}, _joined(refusals, "time"), final)


def _at(equity: Table, name: str, moments: Ints, before: float) -> Any:
    """A column of an equity table as of its last bar that opens by then; ``before`` when there is none."""
    return np.concatenate([[before], equity[name]])[np.searchsorted(equity["time"], moments, side="right")]


def _joined(tables: Sequence[Table], time: str) -> Table:
    """The rows of all, by ``time``."""
    joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    order = np.argsort(joined[time], kind="stable")
    return {name: values[order] for name, values in joined.items()}
