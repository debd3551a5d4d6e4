"""`chandelier` on closes worked by hand.

The made bars reach one above and one below their close. So the true range is 2 while closes move by 1 at most, and a
move by n > 1 has one of n + 1.
"""

from __future__ import annotations

from quantsail_framework import Adjust, BarView, Enter, Exit, Position
from quantsail_framework.testing import fakes, markets

from quantsail_chandelier.strategy import Chandelier

STRATEGY = Chandelier(lookback=2, atr_period=2, stop_atr=1.5)
BAR_NS = 300_000_000_000


def decision(closes: list[float], position: Position | None = None) -> Enter | Exit | Adjust | None:
    """What it says at the last of the closes."""
    bars = markets.of_closes(closes)
    return STRATEGY.on_bar(BarView(bars, STRATEGY.prepare(bars), len(bars) - 1), position)


def held(entered: int, stop: float) -> Position:
    """A position since the open of bar ``entered``."""
    return fakes.position(entry_price=100.0, stop=stop, entry_time_ns=markets.START_NS + entered * BAR_NS)


def test_a_close_above_the_highs_before_enters() -> None:
    entry = decision([100.0, 100.0, 100.0, 102.0])  # true ranges of 2 and 3: ATR is 2.5, the distance 3.75
    assert entry == Enter(1, stop=98.25, reason="close 102 above the 2-bar high 101")
    assert decision([100.0, 100.0, 100.0, 101.0]) is None  # not above it


def test_the_stop_hangs_from_the_highest_high_since_the_entry() -> None:
    closes = [103.0, 102.0, 101.0, 100.0, 101.0, 100.0]  # ATR is 2, the distance 3
    assert decision(closes, held(3, stop=97.0)) == Adjust(stop=99.0)  # from 102; the 104 came before the entry
    assert decision(closes, held(3, stop=99.5)) is None  # it never falls
    assert decision([*closes, 101.0, 102.0], held(3, stop=99.0)) == Adjust(stop=100.0)  # from 103


def test_a_position_that_is_older_than_the_bars_counts_them_all() -> None:
    assert decision([102.0, 101.0, 102.0, 101.0], held(-9, stop=97.0)) == Adjust(stop=100.0)  # from 103


def test_a_close_that_is_below_the_new_stop_leaves() -> None:
    # True ranges of 2 and 7: ATR is 4.5, the distance 6.75, the stop 104 - 6.75 = 97.25.
    assert decision([100.0, 101.0, 102.0, 103.0, 97.0], held(1, stop=90.0)) == Exit()
