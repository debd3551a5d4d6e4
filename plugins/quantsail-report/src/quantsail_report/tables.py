"""The sections with a row a symbol, side, exit reason, month or refusing rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from quantsail_framework.domain.result import RunResult
from quantsail_report.numbers import Money, change, count, percent
from quantsail_report.section import Row, Section

# More months than these: the years before the last two are summed.
_MOST_MONTHS = 24
_MONTHLY = "net: of the trades closed in the month; return: change of marked equity."
_KNOWN_TABLES = ("trades", "equity", "refusals")

Group = Mapping[str, Any]


def breakdowns(result: RunResult, money: Money) -> Iterator[Section]:
    """Trades by symbol, side (when there are shorts), exit reason and month."""
    yield _section("By symbol", "symbol", _with_idle_symbols(result), money)
    sides = _groups(result, "by_side")
    if "short" in sides:
        yield _section("By side", "side", sides, money)
    yield _section("By exit reason", "exit", _groups(result, "by_exit_reason"), money)
    yield _months(_groups(result, "by_month"), money)


def _groups(result: RunResult, name: str) -> Mapping[str, Group]:
    """A breakdown; empty when the runner has none, or another thing under its name."""
    found = result.metrics.get(name)
    plain = isinstance(found, Mapping) and all(isinstance(group, Mapping) for group in found.values())
    return found if found and plain else {}


def _with_idle_symbols(result: RunResult) -> Mapping[str, Group]:
    traded = _groups(result, "by_symbol")
    if not traded:
        return {}
    facts = result.facts.get("symbols") or []
    listed = [symbol.get("symbol") for symbol in facts if isinstance(symbol, Mapping)]
    return {**traded, **{str(name): {} for name in listed if name not in traded}}


def _section(title: str, column: str, groups: Mapping[str, Group], money: Money) -> Section:
    """The best net result first; groups without trades last."""
    ranked = sorted(groups.items(), key=lambda item: (not item[1], -item[1].get("total_net_pnl", 0.0)))
    header = (column, "trades", "win rate", "net", "average", "costs")
    return Section(title, "lrrrrr", header, tuple(_row(name, group, money) for name, group in ranked))


def _row(name: str, group: Group, money: Money) -> Row:
    return (
        name,
        count(group.get("total_trades", 0)),
        percent(group.get("win_rate")),
        money.result(group.get("total_net_pnl")),
        money.result(group.get("avg_trade_pnl")),
        money.amount(_costs(group)),
    )


def _costs(group: Group) -> float | None:
    paid = [group[name] for name in ("total_fees", "total_spread", "total_slippage") if name in group]
    return sum(paid) if paid else None


def _months(months: Mapping[str, Group], money: Money) -> Section:
    header = ("month", "trades", "winners", "losers", "net", "return")
    rows = tuple(
        (
            label,
            count(group.get("total_trades")),
            count(group.get("winners")),
            count(group.get("losers")),
            money.result(group.get("total_net_pnl")),
            change(group.get("total_return")),
        )
        for label, group in _recent_months(months).items()
    )
    return Section("By month", "lrrrrr", header, rows, (_MONTHLY,) if rows else ())


def _recent_months(months: Mapping[str, Group]) -> Mapping[str, Group]:
    """Up to 24 months as they are; of more, the years before the last two as one row each."""
    if len(months) <= _MOST_MONTHS:
        return months
    detailed_from = int(max(months)[:4]) - 1
    shown: dict[str, Group] = {}
    for label, group in months.items():
        year = label[:4]
        if int(year) >= detailed_from:
            shown[label] = group
        else:
            shown[year] = _joined(shown[year], group) if year in shown else group
    return shown


def _joined(first: Group, second: Group) -> Group:
    """Two groups as one: sums, and the returns compounded (None as soon as one is)."""
    joined = {name: first[name] + second[name] for name in first if name != "total_return" and name in second}
    before, after = first.get("total_return"), second.get("total_return")
    joined["total_return"] = None if before is None or after is None else (1 + before) * (1 + after) - 1
    return joined


def refusals(result: RunResult) -> Section:
    """How many entries each rule refused, the most first."""
    rules = result.tables.get("refusals", {}).get("rule")
    counted = Counter(() if rules is None else rules.tolist())
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    total = counted.total()
    rows = tuple((str(rule), count(times), percent(times / total)) for rule, times in ranked)
    return Section("Refused entries", "lrr", ("rule", "entries", "share"), rows)


def other_tables(result: RunResult) -> Section:
    """Tables of other runners, by name and number of rows."""
    rows = tuple(
        (name, count(len(next(iter(columns.values()), ()))))
        for name, columns in result.tables.items()
        if name not in _KNOWN_TABLES
    )
    return Section("Tables", "lr", ("table", "rows"), rows)
