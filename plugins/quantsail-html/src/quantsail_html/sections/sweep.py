"""A sweep: where good scores lie in the space of parameters, and how alone the best of them stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from quantsail_framework.domain.result import Table
from quantsail_html import bins
from quantsail_html.drawing import Floats, axis, words
from quantsail_html.grid import REDUCE, Parameter, cells, heading, neighbours_mean, parameter, surroundings
from quantsail_html.markup import Html, join, table, tag
from quantsail_html.numbers import count, general, number, percent
from quantsail_html.run import Run
from quantsail_html.section import Figure, Section, Spec, one

MOST_PAIRS = 15
_TOP = 20
_TEXT_CELLS = 150  # with more cells their numbers would not be legible
_SHOWS = (
    ("best", "best over the other parameters"),
    ("mean", "mean over the other parameters"),
    ("around", "mean of the neighbouring cells"),
)
_METRICS: Mapping[str, Any] = {
    "total_trades": ("trades", count),
    "total_return": ("return", percent),
    "sharpe": ("Sharpe", number),
    "max_drawdown": ("max drawdown", percent),
    "profit_factor": ("profit factor", number),
}


def sweep(run: Run) -> Section | None:
    """Heat maps, scores and the top table; None where the result has no trials of its own."""
    trials = run.table("trials", "trial", "score")
    if trials is None:
        return None
    scores = trials["score"].astype(np.float64)
    parameters = [parameter(path, trials[path]) for path in run.parameters if path in trials]
    objectives = _objectives(run)
    front = run.table("pareto", "trial")
    figures = [_map(parameters, scores, objectives[0]), _distribution(scores, objectives[0])]
    if front is not None:
        figures.append(_front(trials, front["trial"].tolist(), objectives))
    above, top = _outcomes(trials, scores), _top(parameters, trials, scores, objectives)
    return Section("sweep", "Trials", tuple(each for each in figures if each), above=above, below=top)


def _objectives(run: Run) -> list[str]:
    """What the trials were scored by. Of several, figures show the first, and the table of the best has all."""
    told = run.result.facts.get("objective") or "score"
    return [str(each) for each in told] if isinstance(told, list | tuple) else [str(told)]


def _outcomes(trials: Table, scores: Floats) -> Html:
    found = Counter(trials["status"].tolist()) if "status" in trials else {"tried": len(scores)}
    shown = ", ".join(
        f"{count(times)} {general(status)}" for status, times in sorted(found.items(), key=lambda item: -item[1])
    )
    return tag(
        "p",
        f"{count(len(scores))} trials: {shown}; {count(int(np.isfinite(scores).sum()))} with a score.",
        class_="note",
    )


# --- heat maps -----------------------------------------------------------------------------------


def _map(parameters: list[Parameter], scores: Floats, objective: str) -> Figure | None:
    if not np.isfinite(scores).any() or not parameters:
        return None
    if len(parameters) == 1:
        return _single(parameters[0], scores, objective)
    pairs = list(combinations(range(len(parameters)), 2))[:MOST_PAIRS]
    specs: dict[str, Spec] = {}
    numbers: dict[str, Html] = {}
    for pair in pairs:
        across, up = parameters[pair[0]], parameters[pair[1]]
        best = cells(across, up, scores, REDUCE["best"])
        shown = {"best": best, "mean": cells(across, up, scores, REDUCE["mean"]), "around": surroundings(best)}
        for how, matrix in shown.items():
            key = f"{pair[0]}-{pair[1]}|{how}"
            specs[key] = _heat(across, up, matrix, int(np.nanargmax(scores)))
            numbers[key] = _heat_table(across, up, matrix)
    names = tuple((f"{a}-{b}", f"{parameters[a].path} × {parameters[b].path}") for a, b in pairs)
    return Figure(
        "sweep-map",
        f"{objective} by pairs of parameters",
        "The frame marks the best trial. A score is worth more where the cells around it are good too.",
        specs,
        numbers,
        choices=(("Parameters", names), ("Shown", _SHOWS)),
        wide=True,
    )


def _heat(across: Parameter, up: Parameter, matrix: Floats, best: int) -> Spec:
    heat = {
        "type": "heatmap",
        "z": matrix,
        "x": list(range(len(across.labels))),
        "y": list(range(len(up.labels))),
        "colorscale": "Cividis",
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
        "texttemplate": "%{z:.3g}" if matrix.size <= _TEXT_CELLS else None,
    }
    x, y = int(across.codes[best]), int(up.codes[best])
    frame = {
        "type": "rect",
        "x0": x - 0.5,
        "x1": x + 0.5,
        "y0": y - 0.5,
        "y1": y + 0.5,
        "line": {"color": "@mark", "width": 4},
    }
    return {"data": [heat], "layout": {"xaxis": _levels(across), "yaxis": _levels(up), "shapes": [frame]}}


def _levels(shown: Parameter) -> dict[str, Any]:
    places = list(range(len(shown.labels)))
    return axis(
        words(shown.path),
        standoff=8,  # else it lies on long labels
        tickvals=places,
        ticktext=[words(label) for label in shown.labels],
        automargin=True,
        showgrid=False,
        zeroline=False,
    )


def _heat_table(across: Parameter, up: Parameter, matrix: Floats) -> Html:
    rows = [(label, *(general(value) for value in row)) for label, row in zip(up.labels, matrix.tolist(), strict=True)]
    header = (f"{up.path} \\ {across.path}", *across.labels)
    return table(header, rows, "l" + "r" * len(across.labels), f"{up.path} by {across.path}")


def _single(shown: Parameter, scores: Floats, objective: str) -> Figure:
    """With one parameter the scores over it."""
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": shown.codes,
        "y": scores,
        "marker": {"color": "@main", "size": 8},
    }
    best = [general(float(np.max(each))) if len(each) else "" for each in _by_level(shown, scores)]
    numbers = table((shown.path, "best"), zip(shown.labels, best, strict=True), "lr", f"{objective} by {shown.path}")
    spec = one([dots], xaxis=_levels(shown), yaxis=axis(words(objective)), showlegend=False)
    return Figure("sweep-map", f"{objective} by {shown.path}", "One point a trial.", spec, {"": numbers})


def _by_level(shown: Parameter, scores: Floats) -> list[Floats]:
    return [scores[(shown.codes == level) & np.isfinite(scores)] for level in range(len(shown.labels))]


def _distribution(scores: Floats, objective: str) -> Figure | None:
    if not np.isfinite(scores).any():
        return None
    best, median = general(float(np.nanmax(scores))), general(float(np.nanmedian(scores)))
    says = f"Best {best}, median {median}: the best of many is lucky too."
    spec = one([bins.bars(scores, "@main")], **bins.layout(axis(words(objective)), axis("trials")))
    return Figure("sweep-scores", "All scores", says, spec, {"": bins.bin_table(scores, general, "trials")})


def _front(trials: Table, front: list[int], objectives: list[str]) -> Figure | None:
    """The first two objectives against each other, and which trials no other beats in all of them."""
    if "score_2" not in trials or len(objectives) < 2:
        return None
    inside = np.isin(trials["trial"], front)
    data: list[Spec] = [
        _points(trials, ~inside, "others", {"color": "@main", "size": 7}),
        _points(trials, inside, "beaten by none", {"color": "@mark", "size": 12, "symbol": "diamond"}),
    ]
    best_first = sorted(np.flatnonzero(inside).tolist(), key=lambda at: -trials["score"][at])
    rows = [tuple(general(trials[name][at]) for name in ("trial", "score", "score_2")) for at in best_first]
    numbers = table(("trial", *objectives[:2]), rows, "rrr", "Trials that no other beats in every objective")
    says = f"No other trial beats these {len(rows)} in every objective."
    spec = one(data, xaxis=axis(words(objectives[0])), yaxis=axis(words(objectives[1])))
    return Figure("sweep-front", " against ".join(objectives[:2]), says, spec, {"": numbers})


def _points(trials: Table, chosen: Any, name: str, marker: Mapping[str, Any]) -> Spec:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": trials["score"][chosen],
        "y": trials["score_2"][chosen],
        "text": [f"trial {trial}" for trial in trials["trial"][chosen].tolist()],
        "name": name,
        "marker": marker,
    }


# --- the best ------------------------------------------------------------------------------------


def _top(parameters: list[Parameter], trials: Table, scores: Floats, objectives: list[str]) -> Html:
    """The best trials, by the first objective where there are several."""
    order = [at for at in np.argsort(-scores, kind="stable").tolist() if np.isfinite(scores[at])][:_TOP]
    if not order:
        return tag("p", "No trial has a score.", class_="empty")
    columns = list(_columns(parameters, trials, scores, objectives))
    header = ("#", *(name for name, _ in columns))
    rows = [(rank, *(cell(at) for _, cell in columns)) for rank, at in enumerate(order, 1)]
    where = " of the same window" if "window" in trials else ""
    note = f"neighbours: mean score of the trials{where} at most one step away in every parameter."
    best = table(header, rows, "r" * len(header), "Best trials")
    return join((tag("h3", f"The best {len(order)}"), best, tag("p", note, class_="note")))


def _columns(
    parameters: list[Parameter], trials: Table, scores: Floats, objectives: list[str]
) -> Iterator[tuple[str, Callable[[int], str]]]:
    """(heading, the cell of a trial) of what is told of the best."""

    def plain(name: str) -> Callable[[int], str]:
        return lambda at: general(trials[name][at])

    further = {f"score_{at}": name for at, name in enumerate(objectives[1:], 2)}
    yield "trial", plain("trial")
    if "window" in trials:  # of a walk-forward, which tries every combination in each
        yield "window", plain("window")
    yield from ((heading(each.path), plain(each.path)) for each in parameters)
    yield objectives[0] if further else "score", plain("score")
    yield "neighbours", lambda at: general(neighbours_mean(parameters, _beside(trials, scores, at), at))
    yield from ((objective, plain(name)) for name, objective in further.items() if name in trials)
    for name, (label, shown) in _METRICS.items():
        if name in trials:
            yield label, lambda at, name=name, shown=shown: shown(float(trials[name][at]))  # type: ignore[misc]


def _beside(trials: Table, scores: Floats, at: int) -> Floats:
    """The scores that may be compared with that of a trial: those of its window, where there are windows."""
    if "window" not in trials:
        return scores
    return np.where(trials["window"] == trials["window"][at], scores, np.nan)
