"""A Monte Carlo: how wide the outcomes of each test fan out, and where they end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from quantsail_framework.domain.result import Table
from quantsail_html import bins
from quantsail_html.drawing import Floats, axis, thinned
from quantsail_html.markup import Html, table
from quantsail_html.numbers import MISSING, change, count, general, number, percent
from quantsail_html.run import Run
from quantsail_html.section import Figure, Section, Spec

_PERCENTILES = ("p5", "p25", "p50", "p75", "p95")
_QUANTILES = (5, 25, 50, 75, 95)


def monte_carlo(run: Run) -> Section | None:
    """Fans and distributions by test; None where the result has no draws."""
    fan = run.table("fan", "test", "step", *_PERCENTILES)
    draws = run.table("draws", "test", "total_return", "max_drawdown")
    if fan is None and draws is None:
        return None
    figures = [] if fan is None else [_fan(fan)]
    if draws is not None:
        figures.append(_distribution(draws, "total_return", "Return at the end", change, "@main"))
        figures.append(_distribution(draws, "max_drawdown", "Max drawdown", percent, "@loss"))
    below = Html("") if draws is None else _table(draws)
    return Section("monte-carlo", "Monte Carlo", tuple(figures), below=below)


def _tests(column: Any) -> list[str]:
    """The tests in the order in which they come."""
    return list(dict.fromkeys(general(value) for value in column.tolist()))


def _title(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


# --- fans ----------------------------------------------------------------------------------------


def _fan(fan: Table) -> Figure:
    tests = _tests(fan["test"])
    specs = {str(at): _fan_spec(fan, test) for at, test in enumerate(tests)}
    numbers = {str(at): _fan_table(fan, test) for at, test in enumerate(tests)}
    choice = ("Test", tuple((str(at), _title(test)) for at, test in enumerate(tests)))
    says = "The line is the median; the bands hold half and nine tenths of the paths."
    return Figure("fan", "Equity as a multiple of the capital", says, specs, numbers, choices=(choice,), wide=True)


def _fan_rows(fan: Table, test: str) -> Any:
    return np.flatnonzero(np.array([general(value) == test for value in fan["test"].tolist()]))


def _fan_spec(fan: Table, test: str) -> Spec:
    rows = _fan_rows(fan, test)
    rows = rows[thinned(fan["p50"][rows].astype(np.float64))]
    step = fan["step"][rows]
    edge = {"type": "scatter", "mode": "lines", "x": step, "line": {"width": 0}, "showlegend": False}
    soft, softer = {"fill": "tonexty", "fillcolor": "@main-soft"}, {"fill": "tonexty", "fillcolor": "@main-softer"}
    data = [
        {**edge, "y": fan["p5"][rows], "name": "5 %"},
        {**edge, "y": fan["p95"][rows], "name": "5 to 95 %", "showlegend": True, **softer},
        {**edge, "y": fan["p25"][rows], "name": "25 %"},
        {**edge, "y": fan["p75"][rows], "name": "25 to 75 %", "showlegend": True, **soft},
        {**edge, "y": fan["p50"][rows], "name": "median", "showlegend": True, "line": {"width": 2.5, "color": "@main"}},
    ]
    layout = {"xaxis": axis("step"), "yaxis": axis("multiple of capital"), "hovermode": "x unified"}
    return {"data": data, "layout": layout}


def _fan_table(fan: Table, test: str) -> Html:
    """About a dozen steps."""
    rows = _fan_rows(fan, test)
    kept = rows[np.unique(np.linspace(0, len(rows) - 1, 12).astype(np.int64))].tolist()
    cells = [(count(int(fan["step"][at])), *(number(float(fan[name][at]), 3) for name in _PERCENTILES)) for at in kept]
    return table(("step", "5 %", "25 %", "median", "75 %", "95 %"), cells, "rrrrrr", f"Fan of {_title(test)}")


# --- draws ---------------------------------------------------------------------------------------


def _groups(draws: Table) -> Iterator[tuple[str, Any]]:
    """Each test, and of one with levels each level, with its rows."""
    levels = draws["level"].astype(np.float64) if "level" in draws else np.full(len(draws["test"]), np.nan)
    names = [
        _title(general(test)) + (f" at {general(level)}" if np.isfinite(level) else "")
        for test, level in zip(draws["test"].tolist(), levels.tolist(), strict=True)
    ]
    labels = np.array(names, object)
    for name in dict.fromkeys(names):
        yield name, np.flatnonzero(labels == name)


def _distribution(draws: Table, column: str, title: str, look: Any, color: str) -> Figure:
    every = ((name, draws[column][rows].astype(np.float64)) for name, rows in _groups(draws))
    groups = [(name, drawn) for name, drawn in every if np.isfinite(drawn).any()]
    values = {str(at): drawn for at, (_, drawn) in enumerate(groups)}
    specs = {key: _histogram(each, color) for key, each in values.items()}
    numbers = {key: bins.bin_table(each, look, "draws") for key, each in values.items()}
    choice = ("Test", tuple((str(at), name) for at, (name, _) in enumerate(groups)))
    says = "Each bar counts draws; the line is the median."
    return Figure(f"draws-{column}", title, says, specs, numbers, choices=(choice,))


def _histogram(values: Floats, color: str) -> Spec:
    layout = bins.layout(axis(tickformat=".1%"), axis("draws"))
    if np.isfinite(values).any():
        middle = float(np.nanmedian(values))
        look = {"color": "@mark", "width": 2}
        layout["shapes"] = [
            {"type": "line", "x0": middle, "x1": middle, "yref": "paper", "y0": 0, "y1": 1, "line": look}
        ]
    return {"data": [bins.bars(values, color)], "layout": layout}


def _table(draws: Table) -> Html:
    """Percentiles of both measures, share of profitable draws, share of ruined ones."""
    rows = []
    for name, at in _groups(draws):
        returns, depths = draws["total_return"][at].astype(np.float64), draws["max_drawdown"][at].astype(np.float64)
        known = returns[np.isfinite(returns)]  # a shuffle has none: its end is given
        profitable = percent(float((known > 0).mean()), 1) if len(known) else MISSING
        ruined = percent(float(draws["ruined"][at].astype(np.float64).mean()), 1) if "ruined" in draws else MISSING
        rows.append(
            (name, count(len(at)), profitable, ruined, *_quantiles(returns, change), *_quantiles(depths, percent))
        )
    quantiles = [f"{what} {each} %" for what in ("return", "drawdown") for each in _QUANTILES]
    header = ("test", "draws", "profitable", "ruined", *quantiles)
    return table(header, rows, "l" + "r" * (len(header) - 1), "Draws by test")


def _quantiles(values: Floats, look: Any) -> tuple[str, ...]:
    finite = values[np.isfinite(values)]
    return tuple(look(float(np.percentile(finite, each)) if len(finite) else None) for each in _QUANTILES)
