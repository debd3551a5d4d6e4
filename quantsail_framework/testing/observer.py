"""The contract of observers: takes every event it names, changes nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from quantsail_framework.domain.alert import Alert
from quantsail_framework.domain.order import Trip
from quantsail_framework.testing.contract import Contract, case, expect, values_of
from quantsail_framework.testing.examples import example_pipeline, example_result
from quantsail_framework.testing.fakes import position, refusal, trade
from quantsail_framework.testing.markets import START_NS, SYMBOL

LATER_NS = START_NS + 3_600_000_000_000
EVENTS: Mapping[str, Callable[[], tuple[Any, ...]]] = {
    "run_prepared": lambda: (example_pipeline(),),
    "run_started": lambda: ("example",),
    "order_refused": lambda: (refusal(),),
    "order_filled": lambda: (position(),),
    "equity_updated": lambda: (START_NS, 10_000.0),
    "bars_decided": lambda: (START_NS, (SYMBOL,), 0.002),
    "trade_closed": lambda: (trade(),),
    "breaker_tripped": lambda: ("max-drawdown", Trip(LATER_NS, "the drawdown is 21 %; the limit is 20 %"), START_NS),
    "alert_dropped": lambda: ("telegram", Alert("trade_opened", "info", "BNB/USDT long", START_NS)),
    "run_finished": lambda: (example_result(),),
}


class ObserverContract(Contract, suite=True):
    """Cases for ``Observer``."""

    kind: ClassVar[str] = "observer"
    methods: ClassVar[Mapping[str, int]] = {"open": 0, "close": 0}

    @case("OB-01")
    def test_ob01_listens_to_something(self) -> None:
        """An observer has at least one of the events, spelt as in quantsail_framework.ports.observer and callable
        with its arguments: what is misspelt is never called."""
        cls = self.load()
        heard = [name for name in EVENTS if hasattr(cls, name)]
        expect(heard, f"{cls.__name__} has none of the events {', '.join(EVENTS)}")
        for name in heard:
            count = len(EVENTS[name]())
            required = [p for p in inspect.signature(getattr(cls, name)).parameters.values() if p.default is p.empty]
            expect(len(required) == count + 1, f"{cls.__name__}.{name} must take {count} arguments beside self")

    @case("OB-02")
    def test_ob02_takes_a_whole_run(self) -> None:
        """From open to close in the order of a run, with every event twice, also in a second run of a new copy
        (nothing global may be left registered)."""
        for _ in range(2):
            observer = self.build()
            observer.open()
            for name in [*EVENTS, *EVENTS]:
                _tell(observer, name, EVENTS[name]())
            observer.close()

    @case("OB-03")
    def test_ob03_a_run_without_events(self) -> None:
        """A run may have nothing to tell: open and close alone must work."""
        observer = self.build()
        observer.open()
        observer.close()

    @case("OB-04")
    def test_ob04_changes_nothing(self) -> None:
        """Events hand over the engine's own objects: an observer reads them."""
        observer = self.build()
        observer.open()
        for name in ("order_filled", "trade_closed", "order_refused"):
            (told,) = EVENTS[name]()
            before = values_of(told)
            _tell(observer, name, (told,))
            changed = [field for field, value in values_of(told).items() if value != before[field]]
            expect(not changed, f"{name} changed {', '.join(changed)} of what it was told")
        observer.close()

    @case("OB-05")
    def test_ob05_extreme_values(self) -> None:
        """An account may be ruined or owe money, a trade may end where it began, and prices may be 1e-8 or 1e12: look
        for a division, a logarithm, and for numbers formatted without asking for None."""
        observer = self.build()
        observer.open()
        for equity in (0.0, -5_000.0, 1e15):
            _tell(observer, "equity_updated", (START_NS, equity))
        for price in (1e-8, 1e12):
            levels = {"entry_price": price, "stop": price * 0.99, "target": None}
            _tell(observer, "order_filled", (position(**levels),))
            ended = {"exit_price": price, "gross_pnl": 0.0, "net_pnl": 0.0, "reason": "", "risk": 1e-12}
            _tell(observer, "trade_closed", (trade(**levels, **ended),))
            _tell(observer, "order_refused", (refusal(price=price, limit=None, value=None, text="€ ∞"),))
        observer.close()


def _tell(observer: Any, name: str, arguments: tuple[Any, ...]) -> None:
    method = getattr(observer, name, None)
    if method is not None:
        method(*arguments)
