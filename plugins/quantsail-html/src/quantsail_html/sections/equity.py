"""The account: equity beside buying and holding, how far under its peak, the worst drawdowns, months."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from quantsail_framework.domain.bars import Bars
from quantsail_framework.metrics.equity import drawdowns
from quantsail_html.drawing import Floats, Ints, axis, milliseconds, thinned, time_axis
from quantsail_html.markup import Html, join, table, tag
from quantsail_html.numbers import MISSING, NS_PER_DAY, change, date, is_number, number, percent
from quantsail_html.run import Run
from quantsail_html.section import Figure, Section, Spec, one

_TITLES = {
    "walk-forward": "Stitched account, out of sample",
    "sweep": "Account of the best trial",
    "optuna": "Account of the best trial",
    "monte-carlo": "Account of the run itself",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WORST = 5
_ROUNDING = 1e-12


def equity(run: Run) -> Section | None:
    """Equity, underwater curve and drawdowns."""
    if run.equity is None or run.capital is None or run.capital <= 0:
        return None
    title = _TITLES.get(run.result.kind, "Account")
    return Section("equity", title, (_curve(run), _underwater(run)), below=_worst_table(run))


def months(run: Run) -> Section | None:
    """Returns by month in a grid of years."""
    returns = dict(_monthly_returns(run))
    if not returns:
        return None
    years = sorted({label[:4] for label in returns})
    rows = [
        [year, *(_shaded(returns.get(f"{year}-{number:02d}")) for number in range(1, 13)), _year(returns, year)]
        for year in years
    ]
    grid = table(("year", *_MONTHS, "year"), rows, "l" + "r" * 13, "Return by month")
    note = tag(
        "p",
        "Change of marked equity within each calendar month (UTC); the last column compounds the year.",
        class_="note",
    )
    return Section("months", "Return by month", above=tag("div", grid, class_="heatgrid"), below=note)


# --- equity --------------------------------------------------------------------------------------


def _curve(run: Run) -> Figure:
    time, equity_, _under = _columns(run)
    traces = [_line(time, equity_, "equity", "@main", width=2)]
    held = held_equity(run)
    if held is not None:
        traces.append(_line(time, held, "buy & hold", "@other", width=1.2))
    says = f"From {run.money(run.capital)} to {run.money(float(equity_[-1]))} {run.currency}".rstrip()
    says += "." if held is None else f"; buying and holding ends at {run.money(float(held[-1]))}."
    note = "" if held is None else "Buy & hold: equal amounts at each symbol's first tradable open, without costs."
    layout = {"xaxis": time_axis(), "yaxis": axis(run.currency), "hovermode": "x unified"}
    return Figure(
        "equity-curve", "Equity", says, one(traces, **layout), {"": _curve_table(run, held)}, note=note, wide=True
    )


def _underwater(run: Run) -> Figure:
    time, _equity, under = _columns(run)
    trace = {**_line(time, -under, "under the peak", "@loss", width=1), "fill": "tozeroy", "fillcolor": "@loss-soft"}
    says = f"The deepest is {percent(float(under.max()))} below a peak."
    layout = {"xaxis": time_axis(), "yaxis": axis(tickformat=".1%"), "hovermode": "x unified"}
    return Figure("underwater", "Under water", says, one([trace], **layout), wide=True)


def _columns(run: Run) -> tuple[Ints, Floats, Floats]:
    """Times, equity, drawdown (a positive fraction of the peak)."""
    table_, capital = run.equity or {}, run.capital or 0.0
    points = table_["equity"].astype(np.float64)
    return table_["time"], points, drawdowns(points, capital)


def _line(time: Ints, values: Floats, name: str, color: str, **line: Any) -> Spec:
    kept = thinned(values)
    look = {"color": color, **line}
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": milliseconds(time[kept]),
        "y": values[kept],
        "line": look,
    }


def held_equity(run: Run) -> Floats | None:
    """Per equity point the worth of equal amounts bought at each symbol's first tradable open; None without candles."""
    if run.equity is None or run.capital is None:
        return None
    time = run.equity["time"]
    told = {str(symbol.get("symbol")): symbol for symbol in run.symbols}
    growths = [
        _growth(bars, _first_bought(bars, told.get(symbol, {}), int(time[0])), time)
        for symbol, bars in run.market.items()
    ]
    bought = [growth for growth in growths if growth is not None]
    return run.capital * np.mean(bought, axis=0) if bought else None


def _first_bought(bars: Bars, told: Mapping[str, Any], start_ns: int) -> int | None:
    """Index of the bar at whose open the symbol is bought: the first tradable, else the first of the run."""
    if "first_tradable" in told and told["first_tradable"] is None:
        return None
    return int(bars.time.searchsorted(int(told.get("first_tradable") or start_ns)))


def _growth(bars: Bars, first: int | None, time: Ints) -> Floats | None:
    if first is None or first >= len(bars):
        return None
    at = np.maximum(bars.time.searchsorted(time, side="right") - 1, first)
    growth: Floats = bars.close[at] / bars.open[first]
    growth[time < bars.time[first]] = 1.0
    return growth


def _curve_table(run: Run, held: Floats | None) -> Html:
    """The last point of each month."""
    time, equity_, under = _columns(run)
    month = time.astype("datetime64[ns]").astype("datetime64[M]")
    last = np.append(np.flatnonzero(month[1:] != month[:-1]), len(month) - 1).tolist()
    rows = [
        (
            date(time[at]),
            run.money(float(equity_[at])),
            run.money(None if held is None else float(held[at])),
            percent(float(under[at])),
        )
        for at in last
    ]
    return table(("last point of the month", "equity", "buy & hold", "below peak"), rows, "lrrr", "Equity by month")


# --- drawdowns -----------------------------------------------------------------------------------


@attrs.frozen
class Drawdown:
    """From a peak to the close that reaches it again: closes as ns UTC, ``recovery`` None while it lasts."""

    depth: float
    peak: int
    trough: int
    recovery: int | None
    days: float


def worst_drawdowns(time: Ints, under: Floats, bar_ns: int, most: int = _WORST) -> list[Drawdown]:
    """The deepest drawdowns, the deepest first. Points stand at closes, the starting capital at the first open."""
    flags = np.zeros(len(under) + 2, np.bool_)
    flags[1:-1] = under > _ROUNDING
    edges = np.flatnonzero(flags[1:] != flags[:-1])
    spans = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    found = [_drawdown(time, under, bar_ns, first, end) for first, end in spans]
    return sorted(found, key=lambda each: (-each.depth, each.peak))[:most]


def _drawdown(time: Ints, under: Floats, bar_ns: int, first: int, end: int) -> Drawdown:
    peak = int(time[first - 1]) + bar_ns if first else int(time[0])
    trough = first + int(under[first:end].argmax())
    recovery = int(time[end]) + bar_ns if end < len(time) else None
    until = recovery if recovery is not None else int(time[-1]) + bar_ns
    return Drawdown(float(under[trough]), peak, int(time[trough]) + bar_ns, recovery, (until - peak) / NS_PER_DAY)


def _worst_table(run: Run) -> Html:
    time, _equity, under = _columns(run)
    found = worst_drawdowns(time, under, run.bar_ns)
    if not found:
        return tag("p", "Equity was never below an earlier peak.", class_="note")
    rows = [
        (
            percent(each.depth),
            date(each.peak),
            date(each.trough),
            "not yet" if each.recovery is None else date(each.recovery),
            number(each.days, 1),
        )
        for each in found
    ]
    header = ("depth", "peak", "trough", "recovery", "days")
    return join((tag("h3", "Worst drawdowns"), table(header, rows, "rlllr", "Worst drawdowns")))


# --- months --------------------------------------------------------------------------------------


def _monthly_returns(run: Run) -> Iterator[tuple[str, float | None]]:
    """Month and return, from the metrics."""
    found = run.result.metrics.get("by_month")
    for label, group in found.items() if isinstance(found, Mapping) else ():
        if isinstance(group, Mapping) and len(label) == 7 and "total_return" in group:
            yield label, group["total_return"]


def _shaded(value: float | None) -> Any:
    """A return with one of nine shades; each step is two percent."""
    if not is_number(value):
        return MISSING
    level = int(np.clip(np.ceil(abs(value or 0.0) * 50 - 1e-9), 0, 4))
    side = "up" if (value or 0.0) > 0 else "down"
    return change(value), f"{side}{level}" if level else "flat"


def _year(returns: Mapping[str, float | None], year: str) -> Any:
    known = [value for label, value in returns.items() if label.startswith(year)]
    if any(value is None for value in known):
        return MISSING
    return change(float(np.prod([1.0 + (value or 0.0) for value in known])) - 1.0)
