"""The sections of single figures: result, statistics, costs, and the reasons of what is undefined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from quantsail_framework.domain.result import RunResult
from quantsail_report.numbers import MISSING, Format, Money, change, count, general, percent, ratio, with_unit
from quantsail_report.section import Row, Section

# Fewer days than these make annual figures a guess.
_CREDIBLE_DAYS = 90
_BREAKDOWNS = ("by_symbol", "by_side", "by_exit_reason", "by_month")
_COSTS = {"total_fees": "fees", "total_spread": "spread", "total_slippage": "slippage"}
_ENDS = ("total_return_stop_first", "total_return_target_first")
_SHOWN_ELSEWHERE = {
    *("total_return", "final_equity", "total_net_pnl", "buy_and_hold_return", "periods_per_year", *_ENDS),
    *_COSTS,
}
_OTHER_LABELS = {"total_return": "return", "total_net_pnl": "net result", "buy_and_hold_return": "buy & hold"}
_HELD = "Buy & hold starts at the first tradable open, after the warm-up, without costs."
_HOURS_PER_DAY = 24
_NS_PER_DAY = 86_400_000_000_000


def outcome(result: RunResult, money: Money) -> Section | None:
    """Return and final equity beside buying and holding."""
    metrics, capital = _single(result), result.facts.get("capital")
    if "total_return" not in metrics and "final_equity" not in metrics:
        return None
    held = metrics.get("buy_and_hold_return")
    gain = capital * held if isinstance(capital, int | float) and held is not None else None
    rows = (
        ("return", change(metrics.get("total_return")), change(held)),
        ("net result", money.result(metrics.get("total_net_pnl")), money.result(gain)),
        (
            "final equity",
            money.amount(metrics.get("final_equity")),
            money.amount(None if gain is None else capital + gain),
        ),
    )
    lines = (*(() if held is None else (_HELD,)), *_both_ends(metrics))
    return Section("Result", "lrr", ("", "run", "buy & hold"), rows, lines)


def _both_ends(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Where a search met bars that touch stop and target: the return with either first."""
    stop, target = map(metrics.get, _ENDS)
    if metrics.get("ambiguous_trades") and stop is not None and target is not None:
        yield (
            f"Stop and target in one bar: {change(stop)} if the stop came first each time, "
            f"{change(target)} if the target did."
        )


def _of_curve() -> dict[str, tuple[str, Format]]:
    return {
        "cagr": ("return a year (CAGR)", change),
        "volatility": ("volatility a year", percent),
        "sharpe": ("Sharpe", ratio),
        "sortino": ("Sortino", ratio),
        "calmar": ("Calmar", ratio),
        "max_drawdown": ("max drawdown", percent),
        "max_drawdown_duration_days": ("longest drawdown", with_unit(1, " days")),
        "exposure_time": ("time in the market", percent),
        "turnover": ("turnover (x equity)", with_unit(1, "")),
    }


def _of_trades(money: Money) -> dict[str, tuple[str, Format]]:
    return {
        "total_trades": ("trades", count),
        "winners": ("winners", count),
        "losers": ("losers", count),
        "win_rate": ("win rate", percent),
        "profit_factor": ("profit factor", ratio),
        "avg_trade_pnl": ("average trade", money.result),
        "best_trade": ("best trade", money.result),
        "worst_trade": ("worst trade", money.result),
        "expectancy": ("expectancy", with_unit(3, " R")),
        "sqn": ("SQN", ratio),
        "average_holding_hours": ("average holding", _duration),
        "ambiguous_trades": ("stop and target in one bar", count),
    }


def of_luck(money: Money) -> dict[str, tuple[str, Format]]:
    """The figures of luck, by name: label and form."""
    return {
        "trials": ("trials", count),
        "probabilistic_sharpe_ratio": ("probability that the Sharpe ratio is above 0", percent),
        "deflated_sharpe_ratio": ("the same, above the luck of so many trials", percent),
        "probability_of_overfitting": ("probability that the search fitted noise", percent),
        "best_five_share": ("share of the five best trades in the profit", percent),
        "net_without_best_five": ("net result without them", money.result),
    }


def _duration(hours: Any) -> str:
    if hours is None or hours < 2 * _HOURS_PER_DAY:
        return with_unit(1, " hours")(hours)
    return with_unit(1, " days")(hours / _HOURS_PER_DAY)


def statistics(result: RunResult, money: Money) -> Section:
    """Figures of the equity curve on the left, of the trades on the right."""
    curve, trades = labelled(result, _of_curve()), labelled(result, _of_trades(money))
    rows = tuple(left + right for left, right in zip_longest(curve, trades, fillvalue=("", "")))
    return Section("Statistics", "lrlr", rows=rows, lines=(*_annualisation(result), *_sizes(result)) if rows else ())


def labelled(result: RunResult, forms: Mapping[str, tuple[str, Format]]) -> Iterator[tuple[str, str]]:
    """(label, figure) of the metrics in ``forms`` that the result has."""
    metrics = _single(result)
    return ((label, form(metrics[name])) for name, (label, form) in forms.items() if name in metrics)


def known(money: Money) -> dict[str, tuple[str, Format]]:
    """Label and form of the metrics of any run, by name."""
    return _of_curve() | _of_trades(money) | of_luck(money)


def _single(result: RunResult) -> dict[str, Any]:
    """The metrics that are one number, or none; another runner may hold a distribution under a known name."""
    return {name: value for name, value in result.metrics.items() if value is None or isinstance(value, int | float)}


def _annualisation(result: RunResult) -> Iterator[str]:
    periods = _single(result).get("periods_per_year")
    if periods is None:
        return
    yield f"Volatility, Sharpe and Sortino: daily returns, {periods:.6g} a year, risk-free rate 0."
    time = result.tables.get("equity", {}).get("time")
    days = (int(time[-1]) - int(time[0])) / _NS_PER_DAY if time is not None and time.size else 0.0
    if days < _CREDIBLE_DAYS:
        yield f"The run covers {days:.1f} days: figures a year are extrapolated from that."


def _sizes(result: RunResult) -> Iterator[str]:
    """Which constraint decided how many sizes, the most first."""
    bounds = result.tables.get("trades", {}).get("bound_by")
    counted = Counter(() if bounds is None else bounds.tolist())
    if counted:
        ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        yield "Size bound by: " + ", ".join(f"{bound} {count(times)}" for bound, times in ranked)


def costs(result: RunResult, money: Money) -> Section | None:
    """Each kind of cost: amount, share of the gross result, basis points of the traded notional."""
    metrics = _single(result)
    paid = {label: metrics[name] for name, label in _COSTS.items() if metrics.get(name) is not None}
    if not paid or not metrics.get("total_trades"):
        return None
    paid["all"] = sum(paid.values())
    gross = metrics.get("total_net_pnl", 0.0) + paid["all"]
    traded = _traded_notional(result)
    rows = tuple((label, money.amount(sum_), _share(sum_, gross), _bps(sum_, traded)) for label, sum_ in paid.items())
    sums = f"gross {money.result(gross)} - costs {money.amount(paid['all'])} = net {money.result(gross - paid['all'])}"
    note = () if gross > 0 else ("No share of gross: the trades gained nothing before costs.",)
    return Section("Costs", "lrrr", ("", "amount", "of gross", "bps of traded value"), rows, (sums, *note))


def _share(value: float, gross: float) -> str:
    return percent(value / gross) if gross > 0 else MISSING


def _bps(value: float, traded: float) -> str:
    return ratio(value / traded * 10_000) if traded > 0 else MISSING


def _traded_notional(result: RunResult) -> float:
    """Bought and sold, in quote currency; 0 when the trades table is of another shape."""
    trades = result.tables.get("trades", {})
    if not {"quantity", "entry_price", "exit_price"} <= trades.keys():
        return 0.0
    return float((trades["quantity"] * (trades["entry_price"] + trades["exit_price"])).sum())


def others(result: RunResult, elsewhere: Collection[str]) -> Section:
    """Metrics of other runners, by their own names, but for those ``elsewhere``; of nested ones one level."""
    shown = _single(result).keys() & (_SHOWN_ELSEWHERE | known(Money(None)).keys() | set(elsewhere))
    rows: list[Row] = []
    for name, value in result.metrics.items():
        if name in shown or (isinstance(value, Mapping) and name in elsewhere) or name in _BREAKDOWNS:
            continue
        nested = value.items() if isinstance(value, Mapping) else ((None, value),)
        rows.extend((name if key is None else f"{name}.{key}", general(item)) for key, item in nested)
    return Section("More figures", "lr", rows=tuple(rows))


def undefined(result: RunResult) -> Section:
    """Why a dash stands where it stands: one line a reason."""
    names: dict[str, dict[str, None]] = {}
    for name, reason in result.undefined.items():
        names.setdefault(reason, {})[_label(name)] = None
    return Section(f"Undefined ({MISSING})", lines=tuple(f"{', '.join(of)}: {why}" for why, of in names.items()))


def _label(name: str) -> str:
    if name.startswith("by_month."):
        return "return of a month"
    if name.startswith("intervals_95."):
        return f"interval of {_label(name.removeprefix('intervals_95.'))}"
    if name.startswith("drift_by_parameter."):
        return f"drift of {name.removeprefix('drift_by_parameter.')}"
    labels = known(Money(None))
    return labels[name][0] if name in labels else _OTHER_LABELS.get(name, name.replace("_", " "))
