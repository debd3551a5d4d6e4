"""`quotes` keeps the contract of its kind."""

from __future__ import annotations

from typing import Any

from quantsail_framework.testing import BrokerContract


class TestContract(BrokerContract):
    plugin = "quantsail_quotes"
    component = "quotes"

    def trade_at(self, broker: Any, price: float) -> None:
        broker.quote(self.symbol, price * 0.9999, price * 1.0001)
