"""The result of a search: every trial as a row, and the run of the best one."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import numpy as np

from quantsail_framework.config.plain import plain
from quantsail_framework.domain.result import Column, RunResult, Table
from quantsail_framework.metrics.performance import numbers
from quantsail_framework.ports.runner import Pipeline, Session
from quantsail_framework.search.alone import differing, some_alone
from quantsail_framework.search.luck import luck
from quantsail_framework.search.space import Space
from quantsail_framework.search.study import Study, Trial

S = TypeVar("S", bound=Study)

METRICS = (
    *("total_trades", "winners", "losers", "win_rate", "total_net_pnl", "total_return", "final_equity"),
    *("profit_factor", "expectancy", "sqn", "avg_trade_pnl", "max_drawdown", "cagr", "volatility"),
    *("sharpe", "sortino", "calmar", "turnover", "ambiguous_trades"),
)


def search_result(
    kind: str,
    study: Study,
    space: Space,
    trials: Sequence[Trial],
    best: Trial | None,
    session: Session,
    *,
    min_trades: int,
) -> RunResult:
    """Tables, metrics and facts of the ``best`` trial as a backtest has them, with the table ``trials``.

    Where there is no best one, they are those of the pipeline as it stands, and a note says so.
    """
    values: Mapping[str, Any] = {} if best is None else best.values
    unlike = some_alone(study, trials)
    result = study.run(values)
    if best is not None:
        unlike = unlike or differing(study, best, numbers(result.metrics))
    if unlike:  # what is shown is what it comes to alone
        study.forget()
        result = study.run(values)
    metrics, undefined = luck(
        result,
        trials,
        capital=study.pipeline.capital,
        seed=study.pipeline.seed,
        tell=lambda text: session.progress(1.0, text),
    )
    metrics |= both_ends(study, result, lambda other: other.run(values))
    counts = Counter(trial.status for trial in trials)
    facts: dict[str, Any] = {
        "parameters": list(space.paths),
        "objective": objective_name(study.pipeline, kind),
        "best": None if best is None else plain(best.values),
        "trials": {"total": len(trials), **dict(sorted(counts.items()))},
    }
    tables = {"trials": trials_table(space.paths, trials, min_trades), **result.tables}
    notes = [*unlike, *broken(trials), *(() if best else (_none_qualifies(trials, min_trades),))]
    return attrs.evolve(
        result,
        kind=kind,
        tables=tables,
        metrics={**result.metrics, **metrics},
        undefined={**result.undefined, **undefined},
        facts={**result.facts, **facts},
        notes=(*result.notes, *notes),
    )


def both_ends(study: S, result: RunResult, again: Callable[[S], RunResult]) -> dict[str, Any]:
    """The total return with either answer to which level came first in a bar that touched both.

    ``again`` makes the ``result`` of the study once more, which then has the other answer. Without such a bar it is
    not called: both are the same.
    """
    ends = dict.fromkeys(("stop_first", "target_first"), result.metrics["total_return"])
    if result.metrics["ambiguous_trades"]:
        (other,) = set(ends) - {study.both_touched}
        ends[other] = again(attrs.evolve(study, both_touched=other)).metrics["total_return"]
    return {f"total_return_{end}": value for end, value in ends.items()}


def objective_name(pipeline: Pipeline, kind: str) -> Any:
    """What the runner's table calls its objective, or the list of its objectives."""
    table = pipeline.resolved.get(kind, {})
    named = [part.get("use", "") for part in table.get("objectives") or ()]
    return named or table.get("objective", {}).get("use", "")


def trials_table(paths: Sequence[str], trials: Sequence[Trial], min_trades: int) -> Table:
    """One row per trial: its number, its values by path, its score, what came of it, and the metrics of its run.

    ``score_2`` and so on are the scores of further objectives. A number that there is not is NaN.
    """
    scores = {"score": [trial.score for trial in trials]}
    for at in range(max((len(trial.more) for trial in trials), default=0)):
        scores[f"score_{at + 2}"] = [trial.more[at] if trial.more else None for trial in trials]
    return {
        "trial": np.arange(len(trials), dtype=np.int64),
        **{path: values_column([trial.values[path] for trial in trials]) for path in paths},
        **{name: _numbers(column) for name, column in scores.items()},
        "status": np.array([trial.status for trial in trials], dtype=object),
        "reason": np.array([_reason(trial, min_trades) for trial in trials], dtype=object),
        **{name: _numbers([trial.metrics.get(name) for trial in trials]) for name in METRICS},
    }


def values_column(values: Sequence[Any]) -> Column:
    """The values of one parameter as a column of numbers, of flags, or of text where they are neither."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return np.array(values, dtype=np.bool_)
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values):
        return np.array(values, dtype=np.int64)
    if kinds and kinds <= {int, float}:
        return np.array(values, dtype=np.float64)
    return np.array([value if isinstance(value, str) else json.dumps(plain(value)) for value in values], dtype=object)


def _numbers(values: Sequence[float | None]) -> Column:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _reason(trial: Trial, min_trades: int) -> str:
    if trial.status != "ok" or (trial.score is not None and None not in trial.more):
        return trial.reason
    traded = int(trial.metrics["total_trades"])
    if traded < min_trades:
        return f"{traded} trade{'' if traded == 1 else 's'}; a score needs {min_trades}"
    return trial.reason or "the objective has no score for it"


def broken(trials: Sequence[Trial]) -> Iterator[str]:
    """A note where runs broke, which a table of thousands would hide."""
    reasons = Counter(trial.reason for trial in trials if trial.status == "error")
    if reasons:
        yield f"{reasons.total()} of {len(trials)} trials ended with an error{_most_common(reasons)}."


def _none_qualifies(trials: Sequence[Trial], min_trades: int) -> str:
    reasons = Counter(_reason(trial, min_trades) for trial in trials)
    why = _most_common(reasons)
    return f"None of the {len(trials)} trials qualifies{why}. What is shown is the pipeline as it stands."


def _most_common(reasons: Counter[str]) -> str:
    return f"; most often: {reasons.most_common(1)[0][0]}" if reasons else ""
