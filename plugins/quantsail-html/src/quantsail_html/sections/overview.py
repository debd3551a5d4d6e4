"""What ran and what came out, in one look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quantsail_html.markup import Html, details, facts, join, table, tag
from quantsail_html.numbers import MISSING, change, count, date, general, is_number, number, percent
from quantsail_html.run import Run
from quantsail_html.section import Section

_TITLES = {
    "walk-forward": "Key figures of the stitched account",
    "sweep": "Key figures of the best trial",
    "optuna": "Key figures of the best trial",
    "monte-carlo": "Key figures of the run itself",
}
_SHORTLIST = 4  # symbols named in the header


def overview(run: Run) -> Section:
    """Key figures as tiles, the criteria of a verdict, and every metric on demand."""
    title = _TITLES.get(run.result.kind, "Key figures")
    return Section("overview", title, above=join((_tiles(run), _both_ends(run), _criteria(run), _everything(run))))


def about(run: Run) -> Html:
    """Name, verdict, range, symbols: the head of the page."""
    result = run.result
    verdict = None
    if result.verdict:
        verdict = tag("span", result.verdict.replace("_", " "), class_=f"verdict {_tone(result.verdict)}")
    heading = tag("h1", result.name, " ", tag("span", result.kind, class_="kind"), " ", verdict)
    return join((heading, facts(_about(run))))


def _tone(verdict: str) -> str:
    return verdict if verdict in ("pass", "fail") else "open"


def _about(run: Run) -> Iterator[tuple[str, Any]]:
    told = run.result.facts
    if told.get("strategy"):
        yield "strategy", str(told["strategy"])
    names = [str(symbol.get("symbol")) for symbol in run.symbols] or list(run.market)
    if names:
        more = len(names) - _SHORTLIST
        yield "symbols", ", ".join(names[:_SHORTLIST]) + (f" and {more} more" if more > 0 else "")
    bars = sum(int(symbol.get("bars") or 0) for symbol in run.symbols) or sum(map(len, run.market.values()))
    if bars:
        yield "bars", f"{count(bars)} of {told['timeframe']}" if told.get("timeframe") else count(bars)
    if run.equity:
        time = run.equity["time"]
        yield "range", f"{date(time[0])} to {date(int(time[-1]) + run.bar_ns)} UTC"
    if run.capital is not None:
        yield "capital", f"{run.money(run.capital)} {run.currency}".rstrip()


# --- tiles ---------------------------------------------------------------------------------------


def _tiles(run: Run) -> Html | None:
    tiles = [
        tag("div", tag("dt", label), tag("dd", shown, class_=css), class_="tile") for label, shown, css in _key(run)
    ]
    return tag("dl", *tiles, class_="tiles") if tiles else None


def _key(run: Run) -> Iterator[tuple[str, str, str | None]]:
    """(label, figure, class) of what a reader asks first; what the result lacks is left out."""
    metrics = run.result.metrics
    for name, (label, shown) in _labels(run).items():
        if name in metrics and not isinstance(metrics[name], Mapping):
            value = metrics[name]
            signed = shown in (change, run.gain)
            yield label, MISSING if value is None else shown(value), _sign(value) if signed else None


def _labels(run: Run) -> dict[str, tuple[str, Any]]:
    return {
        "total_return": ("Return", change),
        "buy_and_hold_return": ("Buy & hold", change),
        "total_net_pnl": ("Net result", run.gain),
        "cagr": ("Return a year", change),
        "max_drawdown": ("Max drawdown", percent),
        "sharpe": ("Sharpe", number),
        "sortino": ("Sortino", number),
        "profit_factor": ("Profit factor", number),
        "win_rate": ("Win rate", percent),
        "total_trades": ("Trades", count),
        "expectancy": ("Expectancy, R", lambda value: number(value, 3)),
        "exposure_time": ("Time in market", percent),
        "trials": ("Trials", count),
        "deflated_sharpe_ratio": ("Deflated Sharpe, probability", lambda value: number(value, 3)),
        "probability_of_overfitting": ("Probability of overfitting", percent),
        "walk_forward_efficiency": ("Walk-forward efficiency", number),
        "probability_of_ruin": ("Probability of ruin", percent),
    }


def _sign(value: Any) -> str | None:
    if not is_number(value) or not value:
        return None
    return "gain" if value > 0 else "loss"


def _both_ends(run: Run) -> Html | None:
    """Where a search met bars that touch stop and target: the return with either first."""
    number_of = run.metric("ambiguous_trades")
    stop, target = run.metric("total_return_stop_first"), run.metric("total_return_target_first")
    if not number_of or stop is None or target is None:
        return None
    told = (
        f"Trades whose last bar touched stop and target: {count(number_of)}. Return {change(stop)} if the stop came "
        f"first each time, {change(target)} if the target did."
    )
    return tag("p", told, class_="note")


# --- tables --------------------------------------------------------------------------------------


def _criteria(run: Run) -> Html | None:
    """What the verdict rests on."""
    listed = [each for each in run.result.facts.get("criteria") or () if isinstance(each, Mapping)]
    if not listed:
        return None
    rows = [
        (
            general(each.get("name")).replace("_", " "),
            general(each.get("value")),
            general(each.get("limit")),
            _passed(each.get("passed")),
        )
        for each in listed
    ]
    heading = tag("h3", "Criteria of the verdict")
    return join((heading, table(("criterion", "value", "limit", "outcome"), rows, "lrrl", "Criteria of the verdict")))


def _passed(value: Any) -> tuple[str, str]:
    if value is None:
        return "not judged", "open"
    return ("✓ passed", "gain") if value else ("✗ failed", "loss")


def _everything(run: Run) -> Html | None:
    """Every metric under its own name, with the reason where it is undefined."""
    flat = list(_flat(run.result.metrics))
    if not flat:
        return None
    rows = [(name, general(value), run.result.undefined.get(name, "")) for name, value in flat]
    return details("All metrics", table(("metric", "value", "undefined because"), rows, "lrl", "All metrics"))


def _flat(metrics: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
