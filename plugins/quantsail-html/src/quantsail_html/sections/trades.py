"""The trades: results over time, their distribution, how far they went against and for us, how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from quantsail_framework.domain.result import Table
from quantsail_html import bins
from quantsail_html.drawing import MOST_POINTS, Floats, axis, largest, milliseconds, time_axis, words
from quantsail_html.markup import Html, join, table, tag
from quantsail_html.numbers import count, general, is_number, moment, percent
from quantsail_html.run import Run
from quantsail_html.section import Figure, Section, Spec, box, one

MOST_ROWS = 500


def trades(run: Run) -> Section | None:
    """Figures and breakdowns; a sentence where there were no trades."""
    if "trades" not in run.result.tables:
        return None
    if run.trades is None:
        return Section("trades", "Trades", above=tag("p", "No trade was made.", class_="empty"))
    figures = [_scatter(run, run.trades), _histogram(run, run.trades)]
    if {"mae", "mfe"} <= run.trades.keys():
        figures.append(_excursions(run, run.trades))
    return Section("trades", "Trades", tuple(figures), below=tag("div", *_breakdowns(run), class_="grid"))


def trade_list(run: Run) -> Html:
    """The trades as a table; of very many the largest by result."""
    found = run.trades or {}
    kept = largest(found["net_pnl"], MOST_ROWS).tolist()
    header = ("symbol", "side", "entry (UTC)", "exit (UTC)", "entry price", "exit price", "net", "exit", "reason")
    reasons = found.get("reason")
    rows = [
        (
            found["symbol"][at],
            found["side"][at],
            moment(found["entry_time"][at]),
            moment(found["exit_time"][at]),
            general(float(found["entry_price"][at])),
            general(float(found["exit_price"][at])),
            _gain(run, float(found["net_pnl"][at])),
            found["exit_reason"][at],
            ("" if reasons is None or reasons[at] is None else str(reasons[at]), "text"),
        )
        for at in kept
    ]
    size = len(found["net_pnl"])
    text = (
        f"The {count(len(rows))} largest by result of {count(size)}; all are in trades.parquet."
        if size > len(rows)
        else None
    )
    note = tag("p", text, class_="note") if text else None
    return join((note, table(header, rows, "llllrrrll", "Trades")))


def _gain(run: Run, value: float | None) -> tuple[str, str | None]:
    sign = None if not is_number(value) or not value else "gain" if (value or 0.0) > 0 else "loss"
    return run.gain(value), sign


# --- figures -------------------------------------------------------------------------------------


def _scatter(run: Run, found: Table) -> Figure:
    kept = largest(found["net_pnl"])
    names = [f"{found['symbol'][at]} {found['side'][at]}, {found['exit_reason'][at]}" for at in kept.tolist()]
    traces = _by_outcome(milliseconds(found["exit_time"][kept]), found["net_pnl"][kept], found["net_pnl"][kept], names)
    size, best, worst = count(len(found["net_pnl"])), float(found["net_pnl"].max()), float(found["net_pnl"].min())
    note = f"The {count(MOST_POINTS)} largest of {size} trades." if len(kept) < len(found["net_pnl"]) else ""
    says = f"{size} trades by exit; the best made {run.gain(best)}, the worst {run.gain(worst)}."
    layout = {"xaxis": time_axis(), "yaxis": axis(_net(run))}
    return Figure("trade-scatter", "Result of each trade", says, one(traces, **layout), note=note)


def _excursions(run: Run, found: Table) -> Figure:
    """Maximum adverse against maximum favourable excursion, both as shares of the entry price."""
    kept = largest(found["net_pnl"])
    net = found["net_pnl"][kept]
    traces = _by_outcome(found["mae"][kept], found["mfe"][kept], net, [run.gain(value) for value in net.tolist()])
    against, favour = (percent(float(np.median(found[name]))) for name in ("mae", "mfe"))
    says = f"The median trade went {against} against and {favour} for us."
    layout = {"xaxis": axis("worst move (MAE)", tickformat=".1%"), "yaxis": axis("best move (MFE)", tickformat=".1%")}
    return Figure("excursions", "Against and for us", says, one(traces, **layout))


def _by_outcome(x: Any, y: Any, net: Floats, names: list[str]) -> list[Spec]:
    """Points; winners and others differ in colour and in shape."""
    texts = np.array([words(name) for name in names], object)
    looks = (("winners", "@gain", "triangle-up", net > 0), ("others", "@loss", "triangle-down", net <= 0))
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": x[which],
            "y": y[which],
            "text": texts[which],
            "marker": {"color": color, "symbol": symbol, "size": 8, "opacity": 0.75},
        }
        for name, color, symbol, which in looks
        if which.any()
    ]


def _histogram(run: Run, found: Table) -> Figure:
    net = found["net_pnl"]
    says = f"The median trade made {run.gain(float(np.median(net)))}."
    spec = one([bins.bars(net, "@gain", "@loss")], **bins.layout(axis(_net(run)), axis("trades")))
    numbers = bins.bin_table(net, run.gain, "trades")
    return Figure("trade-histogram", "Distribution of results", says, spec, {"": numbers})


def _net(run: Run) -> str:
    return words(f"net result {run.currency}".rstrip())


# --- breakdowns ----------------------------------------------------------------------------------


def _breakdowns(run: Run) -> list[Html | None]:
    titles = {"by_exit_reason": "By exit reason", "by_symbol": "By symbol", "by_side": "By side"}
    return [_breakdown(run, name, title) for name, title in titles.items()]


def _breakdown(run: Run, name: str, title: str) -> Html | None:
    groups = run.result.metrics.get(name)
    if not isinstance(groups, Mapping) or not groups:
        return None
    known = [(str(key), group) for key, group in groups.items() if isinstance(group, Mapping)]
    rows = [
        (
            key.replace("_", " ") if name == "by_exit_reason" else key,
            count(group.get("total_trades")),
            percent(group.get("win_rate"), 1),
            _gain(run, group.get("total_net_pnl")),
            _gain(run, group.get("avg_trade_pnl")),
        )
        for key, group in known
    ]
    header = ("", "trades", "win rate", "net", "average")
    return box(title, table(header, rows, "lrrrr", title))
