"""From a signal to an order: levels, size, rules; the first refusal ends it and every refusal is kept."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from typing import Any

from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.order import (
    NOT_READY,
    Breach,
    EntryOrder,
    Liquidity,
    Refusal,
    Request,
    Signal,
    Sizing,
)
from quantsail_framework.engine import words
from quantsail_framework.engine.account import Account
from quantsail_framework.engine.feed import Row
from quantsail_framework.engine.values import new
from quantsail_framework.engine.watchdog import Watchdog
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.cost_model import CostModel
from quantsail_framework.ports.observer import Events
from quantsail_framework.ports.runner import NamedRule
from quantsail_framework.ports.sizer import Sizer

# A refusal as the engine keeps it: a row of the refusals table.
RefusalRow = tuple[int, str, int, str, float | None, float | None, float, str]


class Desk:
    """Decides entries with the pipeline's sizer, cost model and rules. One for every runner."""

    def __init__(
        self,
        account: Account,
        market: Any,
        sizer: Sizer,
        costs: CostModel,
        rules: Sequence[NamedRule],
        watchdog: Watchdog,
        events: Events | None,
    ) -> None:
        self._account = account
        self._market = market
        self._size = sizer.size
        self._sizer_name = type(sizer).__name__
        self._min_notional = float(getattr(sizer, "min_notional", 0.0))
        self._costs = costs.costs
        self._costs_name = type(costs).__name__
        self._rules = [(named.name, watchdog.check_of(named)) for named in rules]
        self._events = events
        self.ruined = False
        self.refusals: list[RefusalRow] = []

    def decide(self, instrument: Instrument, price: float, time_ns: int, row: Row) -> EntryOrder | None:
        """The order for the signal ``row`` on the bar opening at ``time_ns`` and closing at ``price``, or None.

        The account has accepted it.
        """
        symbol, account, market = instrument.symbol, self._account, self._market
        side, stop, target, confidence, _, trail, max_bars, reason = row
        if self.ruined:
            self.refuse(time_ns, symbol, side, "ruin", None, None, price, "the account is ruined")
            return None
        if instrument.tick is not None:
            stop, target = round_levels(instrument, side, stop, target)
        if side == 1:
            holds = 0.0 < stop < price and (target is None or price < target < inf)
        else:
            holds = side == -1 and price < stop < inf and (target is None or 0.0 < target < price)
        if not holds or not 0.0 <= confidence <= 1.0:  # NaN never holds
            text = words.levels(side, price, stop, target, confidence)
            self.refuse(time_ns, symbol, side, "invalid_levels", stop, price, price, text)
            return None
        market.symbol = symbol
        signal = new(Signal, (symbol, side, price, stop, target, confidence, time_ns))
        sizing = self._size(signal, instrument, account, market)
        if type(sizing) is not Sizing:
            raise self._no_size(sizing, symbol)
        quantity, bound_by = sizing
        if not 0.0 <= quantity < inf:
            raise self._no_size(sizing, symbol)
        if instrument.lot is not None:
            quantity = instrument.floor_quantity(quantity)
        notional, risk = quantity * price, quantity * (price - stop if side == 1 else stop - price)
        if notional < self._min_notional or notional < instrument.min_notional or quantity <= 0.0:
            self._refuse_size(instrument, side, quantity, price, time_ns, bound_by)
            return None
        costs = self._costs
        request = new(Request, (
            symbol, side, quantity, price, stop, target, notional, risk,
            lambda order_side, at, liquidity: costs(order_side, quantity, at, liquidity, market),
        ))  # fmt: skip
        for name, check in self._rules:
            verdict = check(request, account, market)
            if verdict is not None:
                self._refuse_by_rule(name, verdict, request, time_ns)
                return None
        order = new(EntryOrder, (
            symbol, side, quantity, price, stop, target, trail, max_bars, confidence, reason,
            time_ns, account.now_ns, account.equity, risk, bound_by,
        ))  # fmt: skip
        account.accept(symbol, order, notional)
        return order

    def _no_size(self, sizing: object, symbol: str) -> ComponentError:
        return ComponentError(
            f"sizer {self._sizer_name} gave {sizing!r} for {symbol}; "
            "it must be a Sizing with a quantity that is finite and not negative"
        )

    def _refuse_by_rule(self, name: str, verdict: Breach | str, request: Request, time_ns: int) -> None:
        """Keep a rule's verdict. Raises ComponentError for one that is none."""
        if not isinstance(verdict, Breach):
            if not isinstance(verdict, str):
                raise ComponentError(
                    f"risk rule {name!r} answered {verdict!r} for {request.symbol}; it must be None, a text or a Breach"
                )
            verdict = Breach(verdict)
        text, limit, value, rule = verdict
        if rule is not None:  # the text keeps the name that the rule column does not
            name, text = rule, f"{name}: {text}"
        self.refuse(time_ns, request.symbol, request.side, name, limit, value, request.price, text)

    def _refuse_size(
        self, instrument: Instrument, side: int, quantity: float, price: float, time_ns: int, bound_by: str
    ) -> None:
        symbol, notional = instrument.symbol, quantity * price
        if quantity <= 0.0:
            rule = NOT_READY if bound_by == NOT_READY else "sizer"
            self.refuse(time_ns, symbol, side, rule, None, quantity, price, words.size(bound_by))
            return
        minimum = max(self._min_notional, instrument.min_notional)
        self.refuse(time_ns, symbol, side, "min_notional", minimum, notional, price, words.notional(notional, minimum))

    def refuse(
        self,
        time_ns: int,
        symbol: str,
        side: int,
        rule: str,
        limit: float | None,
        value: float | None,
        price: float,
        text: str,
    ) -> None:
        """Keep a refusal, and tell it."""
        row: RefusalRow = (time_ns, symbol, side, rule, limit, value, price, text)
        self.refusals.append(row)
        if self._events is not None:
            self._events.order_refused(Refusal(*row))

    def price(self, symbol: str, side: int, quantity: float, price: float, liquidity: Liquidity) -> Costs:
        """What a fill costs, checked to be finite. ``market.now_ns`` says what the model may see."""
        self._market.symbol = symbol
        costs = self._costs(side, quantity, price, liquidity, self._market)
        fee, spread, slippage = costs
        if not -inf < fee + spread + slippage < inf:
            raise ComponentError(
                f"cost model {self._costs_name} gave {costs!r} for {quantity!r} {symbol} at {price!r}; "
                "costs must be finite"
            )
        return costs


def round_levels(instrument: Instrument, side: int, stop: float, target: float | None) -> tuple[float, float | None]:
    """The levels of a signal on the tick, each on its side; what is not finite stays."""
    if not isfinite(stop) or (target is not None and not isfinite(target)):
        return stop, target
    to_tick = instrument.floor_price if side > 0 else instrument.ceil_price
    return to_tick(stop), None if target is None else to_tick(target)
