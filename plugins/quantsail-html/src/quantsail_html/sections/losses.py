"""What was paid, and what was not traded: costs by kind, refusals by rule."""

from __future__ import annotations

from collections import Counter
from typing import Any

from quantsail_html.drawing import axis, words
from quantsail_html.markup import table, tag
from quantsail_html.numbers import MISSING, count, number, percent
from quantsail_html.run import Run
from quantsail_html.section import Figure, Section, box, one

_COSTS = {"total_fees": "fees", "total_spread": "spread", "total_slippage": "slippage"}
_SHOWN_RULES = 20
# A text that its bar has no room for is left out, not made tiny.
_LEGIBLE = {"uniformtext": {"mode": "hide", "minsize": 10}}
_FEW_RULES = 6


def costs(run: Run) -> Section | None:
    """Each kind of cost: amount, share of the result before costs, basis points of the traded value."""
    paid = {label: run.metric(name) or 0.0 for name, label in _COSTS.items() if run.metric(name) is not None}
    if not paid or run.trades is None:
        return None
    total, net = sum(paid.values()), run.metric("total_net_pnl") or 0.0
    gross, traded = net + total, _traded(run)
    steps = ["gross result", *paid, "net result"]
    waterfall = {
        "type": "waterfall",
        "x": steps,
        "y": [gross, *(-value for value in paid.values()), net],
        "measure": ["absolute", *("relative" for _ in paid), "total"],
        "text": [run.gain(value) for value in (gross, *(-value for value in paid.values()), net)],
        "increasing": {"marker": {"color": "@gain"}},
        "decreasing": {"marker": {"color": "@loss"}},
        "totals": {"marker": {"color": "@main"}},
        "connector": {"line": {"color": "@grid"}},
        "cliponaxis": False,
        "textangle": 0,
    }
    rows = [
        (label, run.money(value), _share(value, gross), _bps(value, traded))
        for label, value in {**paid, "all": total}.items()
    ]
    numbers = table(("", "amount", "of gross", "bps of traded value"), rows, "lrrr", "Costs")
    says = f"{run.gain(gross)} before costs, {run.money(total)} paid, {run.gain(net)} left."
    layout = {"yaxis": axis(run.currency), "showlegend": False, **_LEGIBLE}
    figure = Figure("costs-waterfall", "From gross to net", says, one([waterfall], **layout))
    return Section("costs", "Costs", (figure,), (box("By kind", numbers),))


def _share(value: float, gross: float) -> str:
    return percent(value / gross, 1) if gross > 0 else MISSING


def _bps(value: float, traded: float) -> str:
    return number(value / traded * 10_000) if traded > 0 else MISSING


def _traded(run: Run) -> float:
    """Bought and sold, in quote currency."""
    trades = run.trades or {}
    if "quantity" not in trades:
        return 0.0
    return float((trades["quantity"] * (trades["entry_price"] + trades["exit_price"])).sum())


def refusals(run: Run) -> Section | None:
    """How many entries each rule refused, the most first."""
    if "rule" not in run.result.tables.get("refusals", {}):
        return None
    ranked = _ranked(run.result.refusals["rule"].tolist())
    if not ranked:
        return Section("refusals", "Refused entries", above=tag("p", "No entry was refused.", class_="empty"))
    total = sum(times for _, times in ranked)
    shown = ranked[:_SHOWN_RULES][::-1]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [words(rule) for rule, _ in shown],
        "x": [times for _, times in shown],
        "text": [count(times) for _, times in shown],
        "marker": {"color": "@main"},
        "width": 0.6,
    }
    says = f"{count(total)} entries were refused, most of them by {ranked[0][0]}."
    numbers = table(
        ("rule", "entries", "share"),
        [(rule, count(times), percent(times / total, 1)) for rule, times in ranked],
        "lrr",
        "Refusals",
    )
    layout = {
        "xaxis": axis("entries"),
        "yaxis": axis(type="category", range=[len(shown) - 0.5 - max(len(shown), 3), len(shown) - 0.5]),
        "showlegend": False,
    }
    figure = Figure("refusals-bars", "By rule", says, one([bars], **layout), low=len(shown) <= _FEW_RULES)
    return Section("refusals", "Refused entries", (figure,), (box("In numbers", numbers),))


def _ranked(rules: list[Any]) -> list[tuple[str, int]]:
    return sorted(Counter(map(str, rules)).items(), key=lambda item: (-item[1], item[0]))
