"""Turns what happens in a run into alerts: the one place that words them, with prices as the venue writes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from quantsail_framework.domain.alert import KINDS, Alert, Level
from quantsail_framework.domain.bars import utc_text
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.order import Trip
from quantsail_framework.domain.result import RunResult
from quantsail_framework.domain.signals import side_name
from quantsail_framework.domain.trade import Position, Trade
from quantsail_framework.errors import words
from quantsail_framework.ports.runner import Pipeline

_LEVELS: Mapping[str, Level] = {"breaker_tripped": "warning", "daily_loss_limit": "error", "daily_target": "success"}
_NEVER_NS = 2**62  # a trip until after the year 2116 is one without an end


class AlertWriter:
    """Listens to a run as an observer does and hands its alerts to ``put``.

    ``hide`` masks secrets in what exceptions say. Of a run whose start it was told it also tells that it stopped.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        put: Callable[[Alert], None],
        wall_ns: Callable[[], int],
        hide: Callable[[str], str] = str,
    ) -> None:
        self._about = f"{pipeline.runner} {pipeline.name!r}"
        self._pipeline = pipeline
        self._put = put
        self._wall_ns = wall_ns
        self._hide = hide
        self._instruments: Mapping[str, Instrument] = {}
        self._unit = f" {pipeline.currency}" if pipeline.currency else ""
        self._is_started = False

    def open(self) -> None:
        """Ask the source for the price ticks; a source that cannot tell them fails the run itself later."""
        try:
            self._instruments = self._pipeline.source.instruments(self._pipeline.data.symbols)
        except (Exception, SystemExit):  # noqa: BLE001 - the runner asks the same, and what is raised there is told
            self._instruments = {}

    def close(self) -> None:
        """Nothing is open."""

    # What the engine and the session tell.

    def run_started(self, name: str) -> None:
        """The engine starts."""
        self._is_started = True
        data, capital = self._pipeline.data, self._pipeline.capital
        text = f"{self._about} started: {', '.join(data.symbols)} at {data.timeframe}, capital {self._money(capital)}"
        fields = {"name": name, "symbols": ", ".join(data.symbols), "timeframe": str(data.timeframe)}
        self._tell("engine_started", "info", text, {**fields, "capital": capital})

    def order_filled(self, position: Position) -> None:
        """A trade opened."""
        symbol, order = position.symbol, position.order
        side, notional = side_name(position.side), position.quantity * position.entry_price
        entry, stop, target = (
            self._price(symbol, level) for level in (position.entry_price, position.stop, position.target)
        )
        text = (
            f"{symbol} {side} {self._quantity(symbol, position.quantity)} at {entry}\nstop {stop}, target {target}\n"
            f"size {self._money(notional)}, at risk {self._money(order.risk)}"
        )
        fields = {
            "symbol": symbol,
            "side": side,
            "quantity": position.quantity,
            "entry_price": position.entry_price,
            "stop": position.stop,
            "target": position.target,
            "notional": notional,
            "risk": order.risk,
            "currency": self._pipeline.currency,
        }
        self._tell("trade_opened", "info", text, fields, position.entry_time_ns)

    def trade_closed(self, trade: Trade) -> None:
        """A trade closed."""
        entry, exit_ = (self._price(trade.symbol, price) for price in (trade.entry_price, trade.exit_price))
        costs = trade.fees + trade.spread + trade.slippage
        text = (
            f"{trade.symbol} {trade.side} {self._quantity(trade.symbol, trade.quantity)} from {entry} to {exit_}: "
            f"{trade.exit_reason.replace('_', ' ')}\nnet {self._change(trade.net_pnl)}, costs {self._money(costs)}"
        )
        fields = {
            "symbol": trade.symbol,
            "side": trade.side,
            "quantity": trade.quantity,
            "entry_price": trade.entry_price,
            "exit_price": trade.exit_price,
            "exit_reason": trade.exit_reason,
            "net_pnl": trade.net_pnl,
            "costs": costs,
            "currency": self._pipeline.currency,
        }
        level: Level = "success" if trade.net_pnl > 0.0 else "warning" if trade.net_pnl < 0.0 else "info"
        self._tell("trade_closed", level, text, fields, trade.exit_time)

    def breaker_tripped(self, rule: str, trip: Trip, time_ns: int) -> None:
        """A breaker or a limit that acts by itself tripped."""
        forever = trip.until_ns >= _NEVER_NS
        until = "for the rest of the run" if forever else f"until {utc_text(trip.until_ns)}"
        where = f" in {', '.join(trip.symbols)}" if trip.symbols else ""
        does = "positions are closed and entries refused" if trip.action == "flatten" else "entries are refused"
        fields = {
            "rule": rule,
            "action": trip.action,
            "symbols": ", ".join(trip.symbols),
            "limit": trip.limit,
            "value": trip.value,
            "until": None if forever else utc_text(trip.until_ns),
        }
        text = f"{rule}: {trip.reason}\n{does}{where} {until}"
        self._tell(trip.kind, _LEVELS[trip.kind], text, fields, time_ns)

    # How it ended.

    def finished(self, result: RunResult) -> None:
        """The run is complete."""
        metrics = {name: value for name, value in result.metrics.items() if isinstance(value, str | int | float)}
        figures = ", ".join(self._figures(metrics))
        verdict = f": {result.verdict}" if result.verdict else ""
        text = f"{result.kind} {result.name!r} finished{verdict}" + (f"\n{figures}" if figures else "")
        self._tell("run_finished", "info", text, metrics)
        self._stopped("info", "at its end")

    def failed(self, error: Exception) -> None:
        """The run raised."""
        text = f"{self._about} failed: {self._hide(words(error))}"
        self._tell("error", "error", text, {"error": type(error).__name__})
        self._stopped("warning", "after an error")

    def interrupted(self) -> None:
        """The user stopped the run."""
        self._stopped("warning", "by the user")

    def _stopped(self, level: Level, how: str) -> None:
        if self._is_started:
            self._tell("engine_stopped", level, f"{self._about} stopped {how}", {"name": self._pipeline.name})

    def _tell(self, kind: str, level: Level, text: str, fields: Mapping[str, Any], time_ns: int | None = None) -> None:
        self._put(Alert(kind, level, text, self._wall_ns() if time_ns is None else time_ns, fields))

    # Words.

    def _figures(self, metrics: Mapping[str, Any]) -> list[str]:
        phrases: Mapping[str, Callable[[Any], str]] = {
            "total_trades": lambda count: f"{count} trade{'' if count == 1 else 's'}",
            "total_net_pnl": lambda net: f"net {self._change(net)}",
            "total_return": lambda share: f"return {share:+.2%}",
            "max_drawdown": lambda share: f"max drawdown {share:.2%}",
        }
        return [word(metrics[name]) for name, word in phrases.items() if _is_number(metrics.get(name))]

    def _price(self, symbol: str, price: float | None) -> str:
        if price is None:
            return "none"
        return self._instrument(symbol).price_text(price)

    def _quantity(self, symbol: str, quantity: float) -> str:
        return self._instrument(symbol).quantity_text(quantity)

    def _instrument(self, symbol: str) -> Instrument:
        return self._instruments.get(symbol) or Instrument(symbol)

    def _money(self, amount: float) -> str:
        return f"{amount:,.{_decimals(amount)}f}{self._unit}"

    def _change(self, amount: float) -> str:
        """An amount with its sign before it; nothing gained or lost has none."""
        return f"{amount:+,.{_decimals(amount)}f}{self._unit}" if amount else self._money(0.0)


def _decimals(amount: float) -> int:
    """Two, and more for what is so small that two digits would not show: 0.00012 of a bitcoin."""
    size = abs(amount)
    return 2 if not 0.0 < size < 1.0 else max(2, 1 - math.floor(math.log10(size)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def samples(now_ns: int, about: str) -> list[Alert]:
    """One alert of every kind, marked as a test, to try sinks with."""
    levels: Mapping[str, Level] = {**_LEVELS, "trade_closed": "success", "error": "error", "engine_stopped": "warning"}
    texts = {
        "trade_opened": "TEST/USDT long 0.5 at 312.40\nstop 305.10, target 325.00",
        "trade_closed": "TEST/USDT long 0.5 from 312.40 to 325.00: target\nnet +6.10 USDT, costs 0.20 USDT",
        "error": "an error text with <markup> & more: entry < stop, <class 'float'>",
    }
    return [
        Alert(
            kind,
            levels.get(kind, "info"),
            f"This is a test, nothing happened ({about}).\n{texts.get(kind, '')}".strip(),
            now_ns,
            {"test": True},
        )
        for kind in KINDS
    ]
