"""A run whose money does not add up is no result: each identity is seen to break."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantsail_framework.domain.lazy import Lazy
from quantsail_framework.domain.result import CurveFacts
from quantsail_framework.engine import MarketData, load_market
from quantsail_framework.engine.records import Books, tables_of
from quantsail_framework.errors import AccountingError
from quantsail_framework.testing.examples import example_pipeline

CAPITAL = 1_000.0


@pytest.fixture(scope="module")
def data() -> MarketData:
    return load_market(example_pipeline())


def books(data: MarketData, **changes: Any) -> Books:
    """One long of 2 units from the open of bar 3 to that of bar 6, for 1.0 each way; ``changes`` of its columns, or of
    the books."""
    (symbol,) = data.bars
    bars = data.bars[symbol]
    bought, sold = float(bars.open[3]), float(bars.open[6])
    net = 2.0 * (sold - bought) - 2.0
    after = [CAPITAL - (2.0 * bought + 1.0), CAPITAL + net]
    numbers = {"entry_price": bought, "exit_price": sold, "net_pnl": net, "quantity": 2.0, "entry_fee": 1.0}
    numbers |= {"exit_fee": 1.0, "stop": 1.0, "target": np.nan, "equity": CAPITAL, "risk": 1.0, "confidence": 1.0}
    numbers |= dict.fromkeys(("entry_spread", "entry_slippage", "exit_spread", "exit_slippage"), 0.0)
    times = {"signal_time_ns": bars.time[2], "entry_time": bars.time[3], "exit_time": bars.time[6]}
    words = {"symbol": symbol, "exit_reason": "signal", "bound_by": "risk", "reason": ""}
    row = {**numbers, **times, **words, "side": 1, "ambiguous": False, "at_close": False}
    row |= {name: value for name, value in changes.items() if name in row}
    whole = {
        "capital": CAPITAL,
        "cash": after[1],
        "left_open": [],
        "cash_times": np.array([bars.time[3], bars.time[6]]),
        "cash_after": np.array(after),
        "trades": {name: [value] for name, value in row.items()},
        "refusals": Lazy((), {}, {}),
    }
    return Books(**(whole | {name: value for name, value in changes.items() if name not in row}))


def test_what_adds_up_is_a_result(data: MarketData) -> None:
    run = tables_of(books(data), data)
    assert run.equity["equity"][-1] == run.final_cash
    assert run.trades["fees"].tolist() == [2.0]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"net_pnl": 7.0}, r"the trades net 7\.0 but cash moved by"),
        ({"left_open": ["X"]}, r"the run ended with \['X'\] still open"),
        ({"exit_price": 1e6}, r"an exit at 1000000\.0 lies outside the bar of"),
        ({"cash_after": np.array([1.0, 2.0])}, r"after the fills of .* cash is 1\.0, capital and profits make"),
    ],
)
def test_what_does_not_is_none(data: MarketData, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(AccountingError, match=words):
        tables_of(books(data, **changes), data)


def test_a_curve_that_was_drawn_ends_at_the_last_cash(data: MarketData) -> None:
    plain = tables_of(books(data), data)
    facts = CurveFacts(0.5, 1.0, 0.25)
    run = tables_of(books(data)._replace(equity=(plain.equity["equity"], facts)), data)
    assert run.curve == facts
    for name, column in plain.equity.items():
        np.testing.assert_array_equal(column, run.equity[name])
    off = plain.equity["equity"].copy()
    off[-1] += 1.0
    with pytest.raises(AccountingError, match=r"the equity curve ends at .* but cash at"):
        tables_of(books(data)._replace(equity=(off, facts)), data)
