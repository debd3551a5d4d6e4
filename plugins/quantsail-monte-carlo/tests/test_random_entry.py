"""The same trades at random bars, against markets small enough to enumerate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantsail_framework import Bars, Timeframe
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.engine import MarketData
from quantsail_framework.testing.examples import trades_table
from quantsail_framework.testing.fakes import trade
from quantsail_monte_carlo.random_entry import p_value, random_entries

HOUR = 3_600_000_000_000
SYMBOL = "TEST/USDT"


def data_of(opens: list[float], closes: list[float], volume: list[float] | None = None) -> MarketData:
    open_, close = np.array(opens), np.array(closes)
    bars = Bars(
        SYMBOL,
        Timeframe("1h"),
        np.arange(len(opens)) * HOUR,
        open_,
        np.maximum(open_, close),
        np.minimum(open_, close),
        close,
        np.ones(len(opens)) if volume is None else np.array(volume),
    )
    return MarketData({SYMBOL: bars}, {SYMBOL: Instrument(SYMBOL)}, bars.timeframe, 0, 0)


def one_trade(entry: int, exit_: int, **values: Any) -> Any:
    about = {"entry_price": 100.0, "exit_price": 100.0, "quantity": 2.0, "fees": 1.0, "spread": 0.5, "slippage": 0.5}
    return trade(symbol=SYMBOL, entry_time=entry * HOUR, exit_time=exit_ * HOUR, **(about | values))


def draws_of(data: MarketData, *trades: Any, count: int = 4_000) -> Any:
    return random_entries(trades_table(list(trades)), data, 1_000.0, count, np.random.default_rng(1)).total_return


def test_a_long_earns_the_move_of_each_bar_as_often() -> None:
    """Entries from bar 1 on, held for one bar more: bars 1 to 2 or 2 to 3; notional 200, costs 2, capital 1,000."""
    data = data_of([50.0, 100.0, 100.0, 100.0], [50.0, 100.0, 110.0, 95.0])
    found = draws_of(data, one_trade(1, 2))
    # 200 * (110 / 100 - 1) - 2 = 18; 200 * (95 / 100 - 1) - 2 = -12.
    assert np.unique(found.round(12)).tolist() == [-0.012, 0.018]
    assert np.mean(found > 0) == pytest.approx(0.5, abs=0.032)


def test_a_short_mirrors_it_and_costs_do_not_turn() -> None:
    data = data_of([50.0, 100.0, 100.0, 100.0], [50.0, 100.0, 110.0, 95.0])
    found = draws_of(data, one_trade(1, 2, side="short"))
    assert np.unique(found.round(12)).tolist() == [-0.022, 0.008]


def test_a_trade_that_ends_in_its_own_bar_may_enter_the_last() -> None:
    data = data_of([50.0, 100.0, 100.0], [50.0, 101.0, 103.0])
    assert np.unique(draws_of(data, one_trade(1, 1)).round(12)).tolist() == [0.0, 0.004]


def test_bars_that_cannot_be_traded_are_no_entries() -> None:
    data = data_of([50.0, 100.0, 100.0, 100.0], [50.0, 101.0, 102.0, 103.0], volume=[1.0, 1.0, 0.0, 1.0])
    assert np.unique(draws_of(data, one_trade(1, 1)).round(12)).tolist() == [0.0, 0.004]


def test_the_results_of_several_trades_add_up() -> None:
    """Two trades of one bar each: 2, 3 or 4 in money before costs of 2 each, independently."""
    data = data_of([50.0, 100.0, 100.0, 100.0], [50.0, 101.0, 101.5, 102.0])
    found = draws_of(data, one_trade(1, 1), one_trade(2, 2))
    assert np.unique(found.round(12)).tolist() == [0.0, 0.001, 0.002, 0.003, 0.004]
    assert np.mean(np.isclose(found, 0.002)) == pytest.approx(3 / 9, abs=0.03)


def test_a_p_value_counts_what_happened_among_the_draws() -> None:
    # Two of four draws reach 2: (1 + 2) / (1 + 4).
    assert p_value(np.array([0.0, 1.0, 2.0, 3.0]), 2.0) == 0.6
    assert p_value(np.zeros(9), 1.0) == 0.1
    assert p_value(np.zeros(9), 0.0) == 1.0


def test_an_entry_that_knows_the_best_bar_is_significant_and_a_usual_one_is_not() -> None:
    closes = [100.0] * 200
    closes[77] = 120.0
    data = data_of([100.0] * 200, closes)
    found = draws_of(data, one_trade(77, 77))
    assert p_value(found, (200 * 0.2 - 2.0) / 1_000.0) == pytest.approx(1 / 199, abs=0.005)
    assert p_value(found, -0.002) == 1.0
