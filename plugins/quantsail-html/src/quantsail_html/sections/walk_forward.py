"""A walk-forward: its windows, what was promised in sample and held out of sample, how the parameters drifted."""

from __future__ import annotations

from typing import Any

import numpy as np

from quantsail_framework.domain.result import Table
from quantsail_html.drawing import Floats, axis, milliseconds, steps, time_axis, words
from quantsail_html.grid import heading
from quantsail_html.markup import Html, table
from quantsail_html.numbers import change, count, date, general, is_number, number
from quantsail_html.run import Run
from quantsail_html.section import Figure, Section, Spec, one

_TIMES = ("train_start_time", "train_end_time", "test_start_time", "test_end_time")


def walk_forward(run: Run) -> Section | None:
    """Everything about the windows; None where the result has none."""
    windows = run.table("windows", "window", *_TIMES)
    if windows is None:
        return None
    figures = [_strip(windows)]
    if {"train_return", "test_return"} <= windows.keys():
        figures += [_bars(windows), _scatter(windows)]
    figures += [_drift(windows, path, number_) for number_, path in enumerate(run.parameters) if path in windows]
    return Section("windows", "Windows", tuple(figures), below=_table(run, windows))


def _names(windows: Table) -> list[str]:
    return [general(value) for value in windows["window"].tolist()]


def _status(windows: Table) -> list[str]:
    return (
        [general(value) for value in windows["status"].tolist()]
        if "status" in windows
        else [""] * len(windows["window"])
    )


# --- figures -------------------------------------------------------------------------------------


def _strip(windows: Table) -> Figure:
    """Train and test of each window over time, the first on top."""
    names, status = _names(windows), _status(windows)
    train = _spans(windows, "train", names, "@other", 8)
    tests = {
        "test": ([at for at, each in enumerate(status) if each not in ("flat", "dropped")], "@main"),
        "test, stayed flat": ([at for at, each in enumerate(status) if each == "flat"], "@mark"),
        "dropped": ([at for at, each in enumerate(status) if each == "dropped"], "@grid"),
    }
    parts = [train] + [
        {**_spans(_taken(windows, rows), "test", [names[at] for at in rows], color, 14), "name": label}
        for label, (rows, color) in tests.items()
        if rows
    ]
    layout = {"xaxis": time_axis(), "yaxis": axis("window", type="category", autorange="reversed", categoryarray=names)}
    flat, dropped = count(status.count("flat")), count(status.count("dropped"))
    says = f"{count(len(names))} windows, of which {flat} stayed flat and {dropped} were dropped."
    return Figure("windows-strip", "Train and test over time", says, one(parts, **layout), wide=True)


def _taken(windows: Table, rows: list[int]) -> Table:
    return {name: column[rows] for name, column in windows.items()}


def _spans(windows: Table, part: str, names: list[str], color: str, width: int) -> Spec:
    starts, ends = (
        milliseconds(windows[f"{part}_start_time"]).tolist(),
        milliseconds(windows[f"{part}_end_time"]).tolist(),
    )
    x = [value for start, end in zip(starts, ends, strict=True) for value in (start, end, None)]
    y = [value for name in names for value in (name, name, None)]
    return {"type": "scatter", "mode": "lines", "name": part, "x": x, "y": y, "line": {"color": color, "width": width}}


def _bars(windows: Table) -> Figure:
    bars: list[Spec] = [
        {"type": "bar", "name": label, "x": _names(windows), "y": windows[column], "marker": {"color": color}}
        for label, column, color in (("in sample", "train_return", "@other"), ("out of sample", "test_return", "@main"))
    ]
    held = windows["test_return"].astype(np.float64)
    says = f"{count(int((held > 0).sum()))} of {count(len(held))} windows gained out of sample."
    layout = {"xaxis": axis("window", type="category"), "yaxis": axis("return", tickformat=".1%"), "barmode": "group"}
    return Figure("windows-bars", "In sample against out of sample", says, one(bars, **layout))


def _scatter(windows: Table) -> Figure:
    train, test = windows["train_return"].astype(np.float64), windows["test_return"].astype(np.float64)
    both = np.isfinite(train) & np.isfinite(test)
    known = np.concatenate((train[both], test[both], [0.0]))
    ends = [float(known.min()), float(known.max())]
    same = {
        "type": "scatter",
        "mode": "lines",
        "x": ends,
        "y": ends,
        "name": "as promised",
        "line": {"color": "@other", "dash": "dot"},
    }
    texts = [f"window {words(name)}" for name in _names(windows)]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "name": "windows",
        "x": train,
        "y": test,
        "text": texts,
        "marker": {"color": "@main", "size": 9},
    }
    layout = {"xaxis": axis("in sample", tickformat=".1%"), "yaxis": axis("out of sample", tickformat=".1%")}
    return Figure(
        "windows-scatter", "Promised and held", _correlation(train[both], test[both]), one([same, dots], **layout)
    )


def _correlation(train: Floats, test: Floats) -> str:
    if len(train) < 3 or not train.std() or not test.std():
        return "Too few different windows for a correlation."
    return f"Correlation {number(float(np.corrcoef(train, test)[0, 1]))}: below the dotted line is less than promised."


def _drift(windows: Table, path: str, number_: int) -> Figure:
    """One parameter over the windows, as steps; no value where a window stayed flat."""
    listed = windows[path].tolist()
    numeric = all(value is None or isinstance(value, int | float) for value in listed)
    values: list[Any] = (
        steps(windows[path].astype(np.float64))
        if numeric
        else [None if value is None else words(value) for value in listed]
    )
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": _names(windows),
        "y": values,
        "line": {"shape": "hvh", "color": "@main", "width": 2},
    }
    kinds = len({value for value in values if value is not None})
    says = "The same in all windows." if kinds == 1 else f"{count(kinds)} different values."
    layout = {
        "xaxis": axis("window", type="category"),
        "yaxis": axis(words(path), type=None if numeric else "category"),
        "showlegend": False,
    }
    return Figure(f"drift-{number_}", f"Drift of {path}", says, one([line], **layout))


# --- table ---------------------------------------------------------------------------------------


def _table(run: Run, windows: Table) -> Html:
    numbers = {
        "train_return": change,
        "test_return": change,
        "train_profit_factor": number,
        "test_profit_factor": number,
        "train_trades": count,
        "test_trades": count,
        "test_net_pnl": run.gain,
    }
    shown = {name: look for name, look in numbers.items() if name in windows}
    paths = [path for path in run.parameters if path in windows]
    header = ("window", "train", "test", "status", *map(heading, paths), *(name.replace("_", " ") for name in shown))
    rows = [
        (
            name,
            f"{date(windows['train_start_time'][at])} to {date(windows['train_end_time'][at])}",
            f"{date(windows['test_start_time'][at])} to {date(windows['test_end_time'][at])}",
            status,
            *(general(windows[path][at]) for path in paths),
            *(_figure(look, windows[column][at]) for column, look in shown.items()),
        )
        for at, (name, status) in enumerate(zip(_names(windows), _status(windows), strict=True))
    ]
    return table(header, rows, "rlll" + "r" * (len(paths) + len(shown)), "Windows")


def _figure(look: Any, value: Any) -> str:
    shown: str = look(float(value) if is_number(value) else None)
    return shown
