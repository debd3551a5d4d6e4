"""The risk rules of the reference. Each looks at the account; a rule that trips by itself keeps only until when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from math import inf, sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .simulator import Simulation
    from .values import Market

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
class Pause:
    """Entries are refused until a moment, or (None) until the day of the trip is over, with these numbers."""

    until: float | None
    day: date
    numbers: Verdict

    def over(self, sim: Simulation) -> bool:
        """Whether its time has passed at this close."""
        return sim.day_of(sim.close_time) != self.day if self.until is None else sim.close_time >= self.until


@dataclass
class Rule:
    """A rule with what it remembers while tripped, and since when it counts. A pause under "" holds for all symbols."""

    name: str
    options: dict[str, Any]
    peak: float
    trades_before: int = 0
    pauses: dict[str, Pause] = field(default_factory=dict)

    def check(self, request: Request, sim: Simulation) -> tuple[str, float | None, float | None] | None:
        """The rule's turn for one entry: None, or who refuses with limit and value. A tripped rule does not look."""
        pause = self.pauses.get("") or self.pauses.get(request.symbol)
        if pause is not None:
            return self.name, *(pause.numbers or (None, None))
        check = CHECKS.get(self.name)
        verdict = None if check is None else check(self.options, request, sim)
        if verdict is None:
            return None
        return "not_ready" if check is spike_not_ready else self.name, *verdict

    def at_close(self, sim: Simulation, trade_ended: bool) -> None:
        """Phase 3d: expire, then trip."""
        equity = sim.equity()
        self.peak = max(self.peak, equity)
        over = [symbol for symbol, pause in self.pauses.items() if pause.over(sim)]
        for symbol in over:
            del self.pauses[symbol]
        if over:
            self.trades_before = len(sim.trades)
            self.peak = equity
        if "" in self.pauses or not self._asked(sim, trade_ended):
            return
        for symbol, numbers in self._conditions(sim).items():
            if symbol not in self.pauses:
                self._trip(symbol, numbers, sim)

    def _asked(self, sim: Simulation, trade_ended: bool) -> bool:
        watches = self.options.get("watches", WATCHES.get(self.name, "trades"))
        if self.options.get("include_open"):
            watches = "equity"
        if watches == "bars":
            return True
        return trade_ended or (watches == "equity" and bool(sim.positions))

    def _conditions(self, sim: Simulation) -> dict[str, Verdict]:
        """Which symbols trip now ("" for all of them), with limit and value."""
        if self.name.startswith("test-breaker"):
            return {"": None} if breaker_trips(self, sim) else {}
        condition = CONDITIONS.get(self.name)
        return {} if condition is None else condition(self, sim)

    def _trip(self, symbol: str, numbers: Verdict, sim: Simulation) -> None:
        length = self.options.get("duration", "day")
        until = None if length == "day" else inf if length == "run" else sim.close_time + length
        self.pauses[symbol] = Pause(until, sim.day_of(sim.close_time), numbers)
        if self.options.get("action", "refuse") == "flatten":
            sim.flatten(symbol)


def breaker_trips(rule: Rule, sim: Simulation) -> bool:
    """The conditions of the breakers that tests use: losses in a row, a drawdown, a locked profit, a wide bar."""
    options = rule.options
    if "losses" in options:
        in_a_row = 0
        for trade in sim.trades[rule.trades_before :]:
            in_a_row = in_a_row + 1 if trade["net_pnl"] < 0 else 0
        return in_a_row >= int(options["losses"])
    if "drawdown_pct" in options:
        return (rule.peak - sim.equity()) / rule.peak * 100.0 >= float(options["drawdown_pct"])
    if "locked" in options:
        return any((held.stop - held.entry_price) * held.side > 0 for held in sim.positions.values())
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


def daily_loss_trips(rule: Rule, sim: Simulation) -> dict[str, Verdict]:
    """The limit also acts by itself: it holds until the day is over, whatever is won back."""
    verdict = max_daily_loss(rule.options, None, sim)
    return {} if verdict is None else {"": verdict}


def daily_target_trips(rule: Rule, sim: Simulation) -> dict[str, Verdict]:
    """The day's result has reached the target; open positions count with what they cost so far."""
    today, target = sim.day_of(sim.close_time), rule.options["target"]
    earned = sum(trade["net_pnl"] for trade, day in zip(sim.trades, sim.exit_days, strict=True) if day == today)
    if rule.options.get("include_open"):
        for position in sim.positions.values():
            earned += position.side * position.quantity * (sim.last_close(position.symbol) - position.entry_price)
            earned -= sum(position.entry_costs)
    return {"": (target, earned)} if earned >= target else {}


def drawdown_trips(rule: Rule, sim: Simulation) -> dict[str, Verdict]:
    """Equity against the peak since the last trip ran out."""
    fallen = 100.0 * (rule.peak - sim.equity()) / rule.peak
    return {"": (rule.options["pct"], fallen)} if fallen >= rule.options["pct"] else {}


def losing_streak_trips(rule: Rule, sim: Simulation) -> dict[str, Verdict]:
    """Losses at the end of the list of trades, since the last trip ran out."""
    streak = 0
    for trade in sim.trades[rule.trades_before :]:
        streak = streak + 1 if trade["net_pnl"] < 0.0 else 0
    return {"": (rule.options["limit"], streak)} if streak >= rule.options["limit"] else {}


def stop_loss_trips(rule: Rule, sim: Simulation) -> dict[str, Verdict]:
    """Stops that lost, in bars that opened within the window."""
    count = 0
    for trade in sim.trades[rule.trades_before :]:
        is_stop = trade["exit_reason"] in ("stop", "trailing_stop") and trade["net_pnl"] < 0.0
        if is_stop and sim.close_time - trade["exit_time"] <= rule.options["window"]:
            count += 1
    return {"": (rule.options["limit"], count)} if count >= rule.options["limit"] else {}


def cooldown_trips(rule: Rule, sim: Simulation) -> dict[str, Verdict]:
    """Whoever lost in this bar, or everybody because somebody did."""
    losers: dict[str, Verdict] = {}
    for trade in sim.trades:
        if trade["exit_time"] == sim.now and trade["net_pnl"] < 0.0:
            key = trade["symbol"] if rule.options.get("scope", "symbol") == "symbol" else ""
            losers[key] = (None, -trade["net_pnl"])
    return losers


def spike_trips(rule: Rule, sim: Simulation) -> dict[str, Verdict]:
    """Symbols whose bar of now spans more than so many ATR of their bar before."""
    trips: dict[str, Verdict] = {}
    for symbol, market in sim.market.items():
        last = sim.closed[symbol] - 1
        if last + 1 < rule.options["needs"] or market.time[last] != sim.now:
            continue
        span = market.high[last] - market.low[last]
        limit = rule.options["atr_multiple"] * average_true_range(market, last - 1, rule.options["atr_period"])
        if span > limit:
            trips[symbol] = (limit, span)
    return trips


def average_true_range(market: Market, index: int, period: int) -> float:
    """Wilder's ATR at bar ``index``, from the whole history."""
    atr = 0.0
    for i in range(1, index + 1):
        before = market.close[i - 1]
        true_range = max(market.high[i], before) - min(market.low[i], before)
        atr += (true_range - atr) / min(i, period)
    return atr


def spike_not_ready(options: dict[str, Any], request: Request, sim: Simulation) -> Verdict:
    """Without a settled ATR there is no entry."""
    closed = sim.closed[request.symbol]
    return (options["needs"], closed) if closed < options["needs"] else None


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
    "volatility-spike": spike_not_ready,
}
CONDITIONS: dict[str, Callable[[Rule, Simulation], dict[str, Verdict]]] = {
    "max-daily-loss": daily_loss_trips,
    "daily-target": daily_target_trips,
    "max-drawdown": drawdown_trips,
    "max-consecutive-losses": losing_streak_trips,
    "stop-loss-guard": stop_loss_trips,
    "cooldown": cooldown_trips,
    "volatility-spike": spike_trips,
}
WATCHES = {"max-drawdown": "equity", "volatility-spike": "bars"}
