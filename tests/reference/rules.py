"""The risk rules of the reference. Each looks at the account; a rule that trips by itself keeps only until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .simulator import Simulation

# None approves; a refusal is (limit, value).
Verdict = tuple[float | None, float | None] | None


@dataclass
class Request:
    """A sized entry; ``price`` is the close of bar ``index``, the signal bar."""

    symbol: str
    side: int
    quantity: float
    price: float
    stop: float
    target: float | None
    index: int


@dataclass
class Rule:
    """A rule with what it remembers while tripped, and since when it counts."""

    name: str
    options: dict[str, Any]
    peak: float
    trades_before: int = 0
    tripped: bool = False
    until: int | None = None
    trip_day: date | None = None
    trip_numbers: Verdict = None

    def check(self, request: Request, sim: Simulation) -> Verdict:
        """The rule's turn for one entry. A tripped rule refuses without looking."""
        if self.tripped:
            return self.trip_numbers or (None, None)
        if self.name.startswith("test-breaker"):
            return None
        return CHECKS[self.name](self.options, request, sim)

    def at_close(self, sim: Simulation, trade_ended: bool) -> None:
        """Phase 3d: expire, then trip."""
        equity = sim.equity()
        self.peak = max(self.peak, equity)
        if self.tripped and self._expired(sim):
            self.tripped = False
            self.trades_before = len(sim.trades)
            self.peak = equity
        if self.tripped or not self._asked(sim, trade_ended):
            return
        if self.name == "max-daily-loss":
            trips = max_daily_loss(self.options, None, sim) is not None
        elif self.name.startswith("test-breaker"):
            trips = breaker_trips(self, sim)
        else:
            return
        if trips:
            self._trip(sim)

    def _asked(self, sim: Simulation, trade_ended: bool) -> bool:
        watches = self.options.get("watches", "trades")
        if self.name == "max-daily-loss" and self.options.get("include_open"):
            watches = "equity"
        if watches == "bars":
            return True
        return trade_ended or (watches == "equity" and bool(sim.positions))

    def _expired(self, sim: Simulation) -> bool:
        if self.until is not None:
            return sim.close_time >= self.until
        return sim.day_of(sim.close_time) != self.trip_day

    def _trip(self, sim: Simulation) -> None:
        self.tripped = True
        if self.name == "max-daily-loss":
            self.trip_day = sim.day_of(sim.close_time)
            self.trip_numbers = max_daily_loss(self.options, None, sim)
        else:
            self.until = sim.close_time + self.options["duration"]
        if self.options.get("action", "refuse") == "flatten":
            sim.flatten()


def breaker_trips(rule: Rule, sim: Simulation) -> bool:
    """The conditions of the breakers that tests use: losses in a row, a drawdown, a wide bar."""
    options = rule.options
    if "losses" in options:
        in_a_row = 0
        for trade in sim.trades[rule.trades_before :]:
            in_a_row = in_a_row + 1 if trade["net_pnl"] < 0 else 0
        return in_a_row >= int(options["losses"])
    if "drawdown_pct" in options:
        return (rule.peak - sim.equity()) / rule.peak * 100.0 >= float(options["drawdown_pct"])
    market = sim.market[options["symbol"]]
    index = sim.closed[market.symbol] - 1
    if index < 0 or market.time[index] != sim.now:
        return False
    return (market.high[index] - market.low[index]) / market.close[index] * 100.0 >= float(options["range_pct"])


def profitability_gate(options: dict[str, Any], request: Request, sim: Simulation) -> Verdict:
    """Profit at the target, less both legs of cost, for the sized order."""
    if request.target is None:
        return None
    entry = sum(sim.cost(request.symbol, request.side, request.quantity, request.price, "taker", request.index))
    leave = sum(sim.cost(request.symbol, -request.side, request.quantity, request.target, "maker", request.index))
    profit = request.side * (request.target - request.price) * request.quantity - entry - leave
    limit = options.get("min_profit", 0.10)
    return None if profit >= limit else (limit, profit)


def max_concurrent_positions(options: dict[str, Any], _request: Request, sim: Simulation) -> Verdict:
    """Open positions and waiting entries, against the limit."""
    held = len(sim.positions) + len(sim.pending)
    return None if held < options["limit"] else (options["limit"], held)


def max_daily_trades(options: dict[str, Any], _request: Request, sim: Simulation) -> Verdict:
    """Entries accepted on the trading day of this close, less those whose fill was refused."""
    count = sim.accepted.get(sim.day_of(sim.close_time), 0)
    return None if count < options["limit"] else (options["limit"], count)


def daily_loss(options: dict[str, Any], sim: Simulation) -> float:
    """The loss (positive) of the trading day of this close."""
    today = sim.day_of(sim.close_time)
    result = 0.0
    for trade, day in zip(sim.trades, sim.exit_days, strict=True):
        if day == today:
            result += trade["net_pnl"]
    if options.get("include_open"):
        unrealised = 0.0
        for position in sim.positions.values():
            moved = position.side * position.quantity * (sim.last_close(position.symbol) - position.entry_price)
            unrealised += moved - sum(position.entry_costs)
        result += min(0.0, unrealised)
    return -result


def max_daily_loss(options: dict[str, Any], _request: Request | None, sim: Simulation) -> Verdict:
    """Refuses once the day's loss has reached the limit; a limit of 0 is reached before the first trade."""
    loss = daily_loss(options, sim)
    return (options["limit"], loss) if loss >= options["limit"] else None


def max_exposure(options: dict[str, Any], request: Request, sim: Simulation) -> Verdict:
    """Gross notional at last closes, waiting entries and the candidate, against a share of equity."""
    gross = request.quantity * request.price
    for position in sim.positions.values():
        gross += position.quantity * sim.last_close(position.symbol)
    for order in sim.pending.values():
        gross += order.quantity * order.price
    limit = sim.equity() * options["pct"] / 100.0
    return None if gross <= limit * (1.0 + 1e-9) else (limit, gross)


def max_correlated_positions(options: dict[str, Any], request: Request, sim: Simulation) -> Verdict:
    """How many of what is open moves with the candidate."""
    alike = 0
    for symbol in [*sim.positions, *sim.pending]:
        if correlated(request.symbol, symbol, options["window"], options["threshold"], sim):
            alike += 1
    return None if alike < options["limit"] else (options["limit"], alike)


def correlated(one: str, other: str, window: int, threshold: float, sim: Simulation) -> bool:
    """Whether two symbols' returns over their last ``window`` + 1 common open times correlate."""
    pairs = common_closes(one, other, window + 1, sim)
    if len(pairs) < window + 1:
        return True
    x = [pairs[k + 1][0] / pairs[k][0] - 1.0 for k in range(window)]
    y = [pairs[k + 1][1] / pairs[k][1] - 1.0 for k in range(window)]
    mean_x, mean_y = sum(x) / window, sum(y) / window
    square_x = sum((a - mean_x) ** 2 for a in x)
    square_y = sum((b - mean_y) ** 2 for b in y)
    if square_x <= 1e-18 * sum(a * a for a in x) or square_y <= 1e-18 * sum(b * b for b in y):
        return True
    product = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return product / sqrt(square_x * square_y) >= threshold - 1e-9  # what is equal but for rounding reaches it


def common_closes(one: str, other: str, count: int, sim: Simulation) -> list[tuple[float, float]]:
    """Both closes at the last ``count`` open times that both have, oldest first, from closed bars."""
    a, b = sim.market[one], sim.market[other]
    i, j = sim.closed[one] - 1, sim.closed[other] - 1
    pairs: list[tuple[float, float]] = []
    while i >= 0 and j >= 0 and len(pairs) < count:
        if a.time[i] == b.time[j]:
            pairs.append((a.close[i], b.close[j]))
            i, j = i - 1, j - 1
        elif a.time[i] > b.time[j]:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


CHECKS = {
    "profitability-gate": profitability_gate,
    "max-concurrent-positions": max_concurrent_positions,
    "max-daily-trades": max_daily_trades,
    "max-daily-loss": max_daily_loss,
    "max-exposure": max_exposure,
    "max-correlated-positions": max_correlated_positions,
}
