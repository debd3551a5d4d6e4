"""Worked by hand: the risk rules, breakers and flattening."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .values import Market
from .worked import HOUR, A, B, Bar, C, Scenario, account, long, market, refusal, short, trade

Rules = list[tuple[str, dict[str, Any]]]
FEE_ONLY = ("basis-points", {"fee_bps": 10.0, "spread_bps": 0.0, "slippage_bps": 0.0})
COSTLY = ("basis-points", {"fee_bps": 10.0, "spread_bps": 2.0, "slippage_bps": 5.0})
STOPPED: Bar = (100.0, 100.0, 94.0, 100.0)  # a stop of 95 is hit in it; opens and closes at 100
GATE: Rules = [("profitability-gate", {})]

GATES = [
    Scenario(
        # 1,000 / 0.5 = 2,000 units, 3 % away: 2,000 * 0.015 - 1 - 1.03 = 27.97, far above 0.10.
        "d036_the_gate_looks_at_the_sized_order",
        [market(A, [0.5, 0.5, (0.5, 0.52, 0.5, 0.515), 0.515], {0: long(0.49, 0.515)})],
        account(rules=GATE, costs=FEE_ONLY),
        [trade(0, 1, 2, quantity=2_000.0, gross_pnl=30.0, fees=2.03, exit_reason="target")],
    ),
    Scenario(
        # 10 * 0.1 = 1 to win; 1.6 to enter (fee 1, half spread 0.1, slippage 0.5), 1.001 to leave as maker: -1.601.
        "the_gate_refuses_what_costs_eat",
        [market(A, [100, 100, 100], {0: long(95.0, 100.1)})],
        account(rules=GATE, costs=COSTLY),
        refusals=[refusal(0, "profitability-gate", limit=0.1, value=-1.601)],
    ),
    Scenario(
        # 10 * 0.4 = 4; 1.6 to enter, 1.004 to leave: 1.396. Each cost counts once.
        "d037_the_gate_uses_the_costs_of_the_fills",
        [market(A, [100, 100, 100], {0: long(95.0, 100.4)})],
        account(rules=[("profitability-gate", {"min_profit": 1.5})], costs=COSTLY),
        refusals=[refusal(0, "profitability-gate", limit=1.5, value=1.396)],
    ),
    Scenario(
        # The same short: 4 - 1.6 - 10 * 99.6 * 0.001 = 1.404.
        "the_gate_mirrors_for_shorts",
        [market(A, [100, 100, 100], {0: short(105.0, 99.6)})],
        account(rules=[("profitability-gate", {"min_profit": 1.5})], costs=COSTLY),
        refusals=[refusal(0, "profitability-gate", side="short", limit=1.5, value=1.404)],
    ),
    Scenario(
        "the_gate_passes_a_signal_without_a_target",
        [market(A, [100, 100, 100], {0: long(95.0)})],
        account(rules=[("profitability-gate", {"min_profit": 1e9})], costs=COSTLY),
        [trade(0, 1, 2)],
    ),
]


def one_each(bars: Sequence[float]) -> list[Market]:
    """A, B and C with the same bars and a long signal on bar 0."""
    return [market(symbol, bars, {0: long()}) for symbol in (A, B, C)]


# Returns of +1 %, -0.99 %, +2 %, and their mirror.
UP, DOWN = [100, 101, 100, 102, 102, 102], [100, 99, 100, 98, 98, 98]
ALIKE = [("max-correlated-positions", {"limit": 1, "window": 3, "threshold": 0.8})]

LIMITS = [
    Scenario(
        "d117_waiting_entries_count_as_open_positions",
        one_each([100, 100, 100]),
        account(rules=[("max-concurrent-positions", {"limit": 1})]),
        [trade(0, 1, 2)],
        refusals=[
            refusal(0, "max-concurrent-positions", symbol=B, limit=1, value=1),
            refusal(0, "max-concurrent-positions", symbol=C, limit=1, value=1),
        ],
    ),
    Scenario(
        # A leaves at the open of bar 2, so at the close of bar 1 it still counts.
        "a_position_counts_until_its_exit_has_filled",
        [
            market(A, [100, 100, 100, 100], {0: long()}, exits=(1,)),
            market(B, [100, 100, 100, 100], {1: long(), 2: long()}),
        ],
        account(rules=[("max-concurrent-positions", {"limit": 1})]),
        [trade(0, 1, 2, exit_reason="signal"), trade(2, 3, 3, symbol=B)],
        refusals=[refusal(1, "max-concurrent-positions", symbol=B)],
    ),
    Scenario(
        # A loss of nothing has reached a limit of nothing.
        "d114_a_daily_loss_of_zero_allows_none",
        [market(A, [100, 100, 100, 100], {0: long(), 1: long()})],
        account(rules=[("max-daily-loss", {"limit": 0.0})]),
        refusals=[refusal(0, "max-daily-loss"), refusal(1, "max-daily-loss")],
    ),
    Scenario(
        "d114_no_daily_trades_means_none",
        [market(A, [100, 100, 100], {0: long()})],
        account(rules=[("max-daily-trades", {"limit": 0})]),
        refusals=[refusal(0, "max-daily-trades", limit=0, value=0)],
    ),
    Scenario(
        "the_first_refusal_ends_it",
        [market(A, [100, 100, 100], {0: long()})],
        account(rules=[("max-concurrent-positions", {"limit": 0}), ("max-daily-trades", {"limit": 0})]),
        refusals=[refusal(0, "max-concurrent-positions")],
    ),
    Scenario(
        # 1,000 and 2,000 stay below 25 % of 10,000, the third would make 3,000.
        "d112_exposure_adds_up_over_waiting_entries",
        one_each([100, 100, 100]),
        account(rules=[("max-exposure", {"pct": 25.0})]),
        [trade(0, 1, 2), trade(0, 1, 2, symbol=B)],
        refusals=[refusal(0, "max-exposure", symbol=C, limit=2_500.0, value=3_000.0)],
    ),
    Scenario(
        # A is worth 1,200 at the close of bar 1, equity 10,200, limit 2,550. B: 10.2 * 100 = 1,020, C as much: 3,240.
        "exposure_is_marked_at_the_last_close",
        [
            market(A, [100, (100, 120, 100, 120), 120, 120], {0: long()}),
            market(B, [100, 100, 100, 100], {1: long()}),
            market(C, [100, 100, 100, 100], {1: long()}),
        ],
        account(rules=[("max-exposure", {"pct": 25.0})]),
        [trade(0, 1, 3), trade(1, 2, 3, symbol=B)],
        refusals=[refusal(1, "max-exposure", symbol=C, limit=2_550.0, value=3_240.0)],
    ),
    Scenario(
        "a_short_adds_to_the_exposure",
        [market(A, [100, 100, 100, 100], {0: short()}), market(B, [100, 100, 100, 100], {1: long()})],
        account(rules=[("max-exposure", {"pct": 15.0})]),
        [trade(0, 1, 3, side="short")],
        refusals=[refusal(1, "max-exposure", symbol=B, limit=1_500.0, value=2_000.0)],
    ),
    Scenario(
        # B moves exactly like A, C exactly against it: a correlation of about -1 is not correlated.
        "d113_correlation_is_measured_and_signed",
        [market(s, bars, {3: long(90.0)}) for s, bars in ((A, UP), (B, UP), (C, DOWN))],
        account(rules=ALIKE),
        [trade(3, 4, 5, entry_price=102.0), trade(3, 4, 5, symbol=C, entry_price=98.0)],
        refusals=[refusal(3, "max-correlated-positions", symbol=B, limit=1, value=1)],
    ),
    Scenario(
        # Three common closes at bar 2, four are needed: what cannot be told counts as correlated.
        "too_little_history_counts_as_correlated",
        [market(A, UP, {2: long(90.0)}), market(C, DOWN, {2: long(90.0)})],
        account(rules=ALIKE),
        [trade(2, 3, 5)],
        refusals=[refusal(2, "max-correlated-positions", symbol=C, limit=1, value=1)],
    ),
    Scenario(
        "a_price_that_stands_still_counts_as_correlated",
        [market(A, UP, {3: long(90.0)}), market(B, [100] * 6, {3: long(90.0)})],
        account(rules=ALIKE),
        [trade(3, 4, 5)],
        refusals=[refusal(3, "max-correlated-positions", symbol=B)],
    ),
    Scenario(
        # Common hours 0, 2, 3, 4 give +1 %, -0.99 %, +2 % against the mirror: about -1. A's spike of hour 1 is out.
        "returns_are_taken_between_common_open_times",
        [
            market(A, [100, 200, 101, 100, 102, 102, 102], {4: long(90.0)}),
            market(C, [100, 99, 100, 98, 98, 98], {3: long(90.0)}, times=[0, 2, 3, 4, 5, 6]),
        ],
        account(rules=[("max-correlated-positions", {"limit": 1, "window": 3, "threshold": 0.0})]),
        [trade(4, 5, 6), trade(4, 5, 6, symbol=C)],
    ),
]

LOSS: dict[str, Any] = {"limit": 50.0}
BREAK = {"watches": "trades", "losses": 2, "action": "refuse", "duration": 3 * HOUR}
FALL = {"watches": "equity", "drawdown_pct": 1.0, "action": "flatten", "duration": 2 * HOUR}
# A falls from 103 to 92 while 10 units are held: 10,030 -> 9,920, 1.1 % below the peak.
FALLING: list[Bar] = [100, (100, 103, 100, 103), (103, 103, 92, 92), (91, 91, 90, 90), 90, 90, 90]

SPAN_5: Bar = (100.0, 102.0, 97.0, 100.0)
SPIKE = {"atr_multiple": 2.0, "atr_period": 1, "needs": 3, "action": "flatten", "duration": 2 * HOUR}

BREAKERS = [
    Scenario(
        # A loses 50 in bar 2: tripped. B gains 100 in bar 3, which does not lift the stop of the day.
        "the_daily_loss_limit_latches_until_the_day_ends",
        [
            market(A, [100, 100, STOPPED, 100, 100], {0: long(), 2: long(), 3: long()}),
            market(B, [100, 100, 100, (100, 110, 100, 110), 110], {0: long(95.0, 110.0)}),
        ],
        account(rules=[("max-daily-loss", LOSS)]),
        [trade(0, 1, 2, net_pnl=-50.0), trade(0, 1, 3, symbol=B, net_pnl=100.0)],
        refusals=[refusal(2, "max-daily-loss"), refusal(3, "max-daily-loss")],
    ),
    Scenario(
        # A stands 60 below its entry of 100: an open loss does not count unless asked for.
        "an_open_loss_does_not_count_by_default",
        [market(A, [100, (100, 100, 94, 94), 94, 94], {0: long(90.0)}), market(B, [100] * 4, {1: long()})],
        account(rules=[("max-daily-loss", LOSS)]),
        [trade(0, 1, 3, net_pnl=-60.0), trade(1, 2, 3, symbol=B)],
    ),
    Scenario(
        "d115_an_open_loss_counts_when_asked_for",
        [market(A, [100, (100, 100, 94, 94), 94, 94], {0: long(90.0)}), market(B, [100] * 4, {1: long()})],
        account(rules=[("max-daily-loss", LOSS | {"include_open": True})]),
        [trade(0, 1, 3, net_pnl=-60.0)],
        refusals=[refusal(1, "max-daily-loss", symbol=B)],
    ),
    Scenario(
        # A's loss in bar 2 closes B at the open of bar 3 and refuses C, whose entry waits for hour 4.
        "d115_the_daily_loss_limit_can_flatten",
        [
            market(A, [100, 100, STOPPED, 100, 100], {0: long()}),
            market(B, [100, 100, 100, 103, 103], {0: long()}),
            market(C, [100, 100, 100, 100], {1: long()}, times=[0, 1, 4, 5]),
        ],
        account(rules=[("max-daily-loss", LOSS | {"action": "flatten"})]),
        [trade(0, 1, 2, exit_reason="stop"), trade(0, 1, 3, symbol=B, exit_price=103.0, exit_reason="flatten")],
        refusals=[refusal(1, "flattened", symbol=C, price=100.0)],
    ),
    Scenario(
        # The waiting entry of C used up the day; flattened at the close of bar 2, it gives the count back to B.
        "a_flattened_entry_gives_its_daily_count_back",
        [
            market(A, [100, 100, (100, 110, 100, 100), 100, 100, 100]),
            market(B, [100, 100, 100, 100, 100, 100], {4: long()}),
            market(C, [100, 100, 100], {1: long()}, times=[0, 1, 5]),
        ],
        account(
            rules=[
                ("max-daily-trades", {"limit": 1}),
                (
                    "test-breaker",
                    {"watches": "bars", "symbol": A, "range_pct": 5.0, "action": "flatten", "duration": HOUR},
                ),
            ]
        ),
        [trade(4, 5, 5, symbol=B)],
        refusals=[refusal(1, "flattened", symbol=C)],
    ),
    Scenario(
        # Second loss in bar 2: tripped at 03:00 until 06:00. The bar that closes at 06:00 may enter again, and the
        # loss of bar 6 is the first of a new count.
        "a_breaker_expires_and_counts_from_nothing",
        [market(A, [100, STOPPED, STOPPED, 100, 100, 100, STOPPED, 100, 100], {i: long() for i in range(7)})],
        account(rules=[("test-breaker", BREAK)]),
        [trade(0, 1, 1), trade(1, 2, 2), trade(5, 6, 6), trade(6, 7, 8)],
        refusals=[refusal(bar, "test-breaker") for bar in (2, 3, 4)],
    ),
    Scenario(
        # Loss, gain, loss: never two in a row.
        "a_gain_ends_a_row_of_losses",
        [
            market(
                A,
                [100, STOPPED, (100, 110, 100, 100), STOPPED, 100, 100],
                {0: long(), 1: long(95.0, 110.0), 2: long(), 3: long()},
            )
        ],
        account(rules=[("test-breaker", BREAK)]),
        [trade(0, 1, 1), trade(1, 2, 2, exit_reason="target"), trade(2, 3, 3), trade(3, 4, 5)],
    ),
    Scenario(
        # B has no bar at hour 2, when A's loss trips the breaker: it leaves at its next open, hour 5.
        "flattening_reaches_a_symbol_without_a_bar",
        [
            market(A, [100, 100, STOPPED, 100, 100, 100, 100], {0: long()}),
            market(B, [100, 100, 97, 97], {0: long()}, times=[0, 1, 5, 6]),
        ],
        account(rules=[("test-breaker", BREAK | {"losses": 1, "action": "flatten", "duration": HOUR})]),
        [trade(0, 1, 2), trade(0, 1, 5, symbol=B, exit_price=97.0, exit_reason="flatten")],
    ),
    Scenario(
        # Tripped at 03:00, out at the open of bar 3 (91): -90. Expired at 05:00 with a peak of 9,910; against the old
        # peak of 10,030 it would trip again at once.
        "a_drawdown_breaker_flattens_and_restarts_its_peak",
        [market(A, FALLING, {0: long(80.0), 2: long(80.0), 3: long(80.0), 4: long(80.0)})],
        account(rules=[("test-breaker", FALL)]),
        [
            trade(0, 1, 3, exit_price=91.0, exit_reason="flatten", net_pnl=-90.0),
            trade(4, 5, 6, exit_reason="end_of_data", quantity=991 / 90),
        ],
        refusals=[refusal(3, "test-breaker")],
    ),
    Scenario(
        # At the close of bar 2 all three want out.
        "flatten_comes_before_the_exit_flag_and_max_bars",
        [market(A, FALLING, {0: long(80.0, max_bars=2)}, exits=(2,))],
        account(rules=[("test-breaker", FALL)]),
        [trade(0, 1, 3, exit_reason="flatten")],
    ),
    Scenario(
        # Bar 1 spans 6 % of its close: tripped at 02:00 until 04:00, though nothing is open.
        "a_breaker_may_watch_bars",
        [market(A, [100, (100, 104, 98, 100), 100, 100, 100, 100], {1: long(), 2: long(), 3: long()})],
        account(rules=[("test-breaker", {"watches": "bars", "symbol": A, "range_pct": 5.0, "duration": 2 * HOUR})]),
        [trade(3, 4, 5)],
        refusals=[refusal(1, "test-breaker"), refusal(2, "test-breaker")],
    ),
    Scenario(
        # The breaker is tripped, but the day's count comes first in the pipeline.
        "a_tripped_rule_refuses_in_its_turn",
        [market(A, [100, STOPPED, 100, 100], {0: long(), 1: long()})],
        account(rules=[("max-daily-trades", {"limit": 1}), ("test-breaker", BREAK | {"losses": 1})]),
        [trade(0, 1, 1)],
        refusals=[refusal(1, "max-daily-trades", limit=1, value=1)],
    ),
]

DAY_1_ENDS = 24  # bar 23 opens at 23:00 and closes at midnight; bar 24 is the first of the next day


def at_midnight(bars: dict[int, Bar], entries: dict[int, float | None]) -> Market:
    """A market that stands still at 100 from 21:00 to 04:00 but for ``bars``; longs and their targets by hour."""
    hours = list(range(21, 29))
    signals = {hours.index(hour): long(95.0, target) for hour, target in entries.items()}
    return market(A, [bars.get(hour, 100.0) for hour in hours], signals, times=hours)


PAUSES = [
    Scenario(
        # Entered at 23:00, stopped in the bar that opens at 00:00 of day 2: 50 lost on day 2. The signal at that bar's
        # close (01:00) is refused, and so is all of day 2.
        "d109_a_loss_just_after_midnight_belongs_to_the_new_day",
        [at_midnight({DAY_1_ENDS: STOPPED}, {22: None, 24: None, 25: None})],
        account(rules=[("max-daily-loss", LOSS)]),
        [trade(22, 23, 24, net_pnl=-50.0)],
        refusals=[
            refusal(24, "max-daily-loss", limit=50.0, value=50.0),
            refusal(25, "max-daily-loss", limit=50.0, value=50.0),
        ],
    ),
    Scenario(
        # Stopped in the bar that opens at 23:00 and closes at midnight: the loss belongs to day 1, which is over when
        # the bar closes. Day 2 trades.
        "a_loss_in_the_last_bar_of_a_day_ends_no_other_day",
        [at_midnight({23: STOPPED}, {22: None, 23: None})],
        account(rules=[("max-daily-loss", LOSS)]),
        [trade(22, 23, 23, net_pnl=-50.0), trade(23, 24, 28, exit_reason="end_of_data")],
    ),
    Scenario(
        # 10 units win 10 each: 100 on day 1 by 23:00 reaches the target of 100; the signal at that close waits for the
        # next day, whose first decision is the close of the bar of 23:00.
        "d127_a_daily_target_ends_the_day",
        [at_midnight({22: (100.0, 110.0, 100.0, 100.0)}, {21: 110.0, 22: None, 23: None})],
        account(rules=[("daily-target", {"target": 100.0})]),
        [trade(21, 22, 22, net_pnl=100.0), trade(23, 24, 28)],
        refusals=[refusal(22, "daily-target", limit=100.0, value=100.0)],
    ),
    Scenario(
        # B stands 120 above its entry at the close of bar 1: flattened at the open of bar 2, at 111.
        "a_daily_target_may_count_and_take_what_is_open",
        [market(B, [100, (100, 112, 100, 112), (111, 111, 111, 111), 111, 111], {0: long()})],
        account(rules=[("daily-target", {"target": 100.0, "include_open": True, "action": "flatten"})]),
        [trade(0, 1, 2, symbol=B, exit_price=111.0, exit_reason="flatten", net_pnl=110.0)],
    ),
    Scenario(
        # Two losses in a row, in bars 1 and 2: tripped at 03:00 for two hours. The decision at 05:00 is free again, and
        # its loss in bar 5 is the first of a new row.
        "d136_losses_in_a_row_pause_trading",
        [market(A, [100, STOPPED, STOPPED, 100, 100, STOPPED, 100, 100], {i: long() for i in range(7)})],
        account(rules=[("max-consecutive-losses", {"limit": 2, "duration": 2 * HOUR})]),
        [trade(0, 1, 1), trade(1, 2, 2), trade(4, 5, 5), trade(5, 6, 7)],
        refusals=[refusal(bar, "max-consecutive-losses", limit=2, value=2) for bar in (2, 3)],
    ),
    Scenario(
        # A and B both signal at bar 0 and both lose in bar 1: the second loss of the moment trips, and C, which signals
        # at that very close, is refused. Flattening refuses nothing that does not wait.
        "two_losses_in_one_bar_are_a_row_of_two",
        [
            market(A, [100, STOPPED, 100, 100], {0: long()}),
            market(B, [100, STOPPED, 100, 100], {0: long()}),
            market(C, [100, 100, 100, 100], {1: long()}),
        ],
        account(rules=[("max-consecutive-losses", {"limit": 2, "duration": "run", "action": "flatten"})]),
        [trade(0, 1, 1), trade(0, 1, 1, symbol=B)],
        refusals=[refusal(1, "max-consecutive-losses", symbol=C, limit=2, value=2)],
    ),
    Scenario(
        # Two signals in one bar, one place: B is refused at bar 0. A's fill is refused too (bar 1 opens below its stop)
        # and gives its count back, so that B's next signal of the day is taken.
        "d117_a_refused_fill_gives_its_place_and_its_count_back",
        [
            market(A, [100, 90, 90, 90], {0: long()}),
            market(B, [100, 100, 100, 100], {0: long(), 1: long()}),
        ],
        account(rules=[("max-daily-trades", {"limit": 1}), ("max-concurrent-positions", {"limit": 1})]),
        [trade(1, 2, 3, symbol=B)],
        refusals=[
            refusal(0, "max-daily-trades", symbol=B, limit=1, value=1),
            refusal(0, "gapped", limit=95.0, value=90.0, price=90.0),
        ],
    ),
    Scenario(
        # The fall of the drawdown scenario: 1.1 % below 10,030 at 03:00. Refused for good from then on.
        "a_drawdown_stop_ends_the_run",
        [market(A, FALLING, {0: long(80.0), 2: long(80.0), 3: long(80.0), 4: long(80.0)})],
        account(rules=[("max-drawdown", {"pct": 1.0, "duration": "run", "action": "flatten"})]),
        [trade(0, 1, 3, exit_price=91.0, exit_reason="flatten", net_pnl=-90.0)],
        refusals=[refusal(bar, "max-drawdown", limit=1.0, value=100.0 * 110.0 / 10_030.0) for bar in (3, 4)],
        final_cash=9_910.0,
    ),
    Scenario(
        # As a breaker of two hours it lets the decision of 05:00 pass: the peak is 9,910 then, and nothing falls.
        "a_drawdown_breaker_goes_on_from_the_new_level",
        [market(A, FALLING, {0: long(80.0), 2: long(80.0), 3: long(80.0), 4: long(80.0)})],
        account(rules=[("max-drawdown", {"pct": 1.0, "duration": 2 * HOUR, "action": "flatten"})]),
        [trade(0, 1, 3, exit_reason="flatten"), trade(4, 5, 6, exit_reason="end_of_data")],
        refusals=[refusal(3, "max-drawdown", limit=1.0)],
    ),
    Scenario(
        # A loses in bar 1 (50) and pauses until 04:00; B trades on. At the close of bar 3 it is 04:00.
        "a_cooldown_pauses_the_market_that_lost",
        [
            market(A, [100, STOPPED, 100, 100, 100, 100], {i: long() for i in range(5)}),
            market(B, [100, 100, 100, 100, 100, 100], {1: long()}),
        ],
        account(rules=[("cooldown", {"duration": 2 * HOUR})]),
        [trade(0, 1, 1), trade(3, 4, 5), trade(1, 2, 5, symbol=B)],
        refusals=[refusal(bar, "cooldown", limit=None, value=50.0) for bar in (1, 2)],
    ),
    Scenario(
        "a_cooldown_may_pause_all_markets",
        [
            market(A, [100, STOPPED, 100, 100, 100, 100], {0: long()}),
            market(B, [100, 100, 100, 100, 100, 100], {1: long(), 3: long()}),
        ],
        account(rules=[("cooldown", {"duration": 2 * HOUR, "scope": "all"})]),
        [trade(0, 1, 1), trade(3, 4, 5, symbol=B)],
        refusals=[refusal(1, "cooldown", symbol=B, limit=None, value=50.0)],
    ),
    Scenario(
        # B is held when A loses in bar 1: out at the open of bar 2. C signals at bar 1 too and is refused. At 03:00 the
        # pause is over.
        "a_cooldown_of_all_markets_may_flatten",
        [
            market(A, [100, STOPPED, 100, 100, 100], {0: long()}),
            market(B, [100, 100, 101, 100, 100], {0: long()}),
            market(C, [100, 100, 100, 100, 100], {1: long(), 2: long()}),
        ],
        account(rules=[("cooldown", {"duration": HOUR, "scope": "all", "action": "flatten"})]),
        [
            trade(0, 1, 1, net_pnl=-50.0),
            trade(0, 1, 2, symbol=B, exit_price=101.0, exit_reason="flatten"),
            trade(2, 3, 4, symbol=C),
        ],
        refusals=[refusal(1, "cooldown", symbol=C, limit=None, value=50.0)],
    ),
    Scenario(
        # A's pause ends at 04:00, at the close of the very bar in which B loses: B pauses all the same.
        "a_cooldown_that_ends_hides_no_loss_of_another_market",
        [
            market(A, [100, STOPPED, 100, 100, 100, 100, 100], {0: long(), 3: long()}),
            market(B, [100, 100, 100, STOPPED, 100, 100, 100], {1: long(), 3: long(), 5: long()}),
        ],
        account(rules=[("cooldown", {"duration": 2 * HOUR})]),
        [trade(0, 1, 1), trade(1, 2, 3, symbol=B), trade(3, 4, 6), trade(5, 6, 6, symbol=B)],
        refusals=[refusal(3, "cooldown", symbol=B)],
    ),
    Scenario(
        # Stops in bars 1 and 3: at 04:00 both lie within three hours. Bar 5's is alone: the trip expired at 05:00.
        "stop_losses_of_a_window_pause_trading",
        [market(A, [100, STOPPED, 100, STOPPED, 100, STOPPED, 100, 100], {i: long() for i in (0, 2, 3, 4, 5, 6)})],
        account(rules=[("stop-loss-guard", {"limit": 2, "window": 3 * HOUR, "duration": HOUR})]),
        [trade(0, 1, 1), trade(2, 3, 3), trade(4, 5, 5), trade(5, 6, 7)],
        refusals=[refusal(3, "stop-loss-guard", limit=2, value=2)],
    ),
    Scenario(
        # Two hours hold bars 2 and 3 at 04:00; the stop of bar 1 is out.
        "stop_losses_out_of_the_window_do_not_count",
        [market(A, [100, STOPPED, 100, STOPPED, 100, 100], {i: long() for i in (0, 2, 3)})],
        account(rules=[("stop-loss-guard", {"limit": 2, "window": 2 * HOUR})]),
        [trade(0, 1, 1), trade(2, 3, 3), trade(3, 4, 5)],
    ),
    Scenario(
        # With a period of 1 the ATR is the true range of the bar before. Bar 3 spans 12 > 2 * 5: A's position, entered
        # at the open of bar 3, leaves at the open of bar 4, and A's entries wait until 06:00. B is not concerned. The
        # entry of bar 1 is refused, since three bars must have closed.
        "d136_a_volatility_spike_flattens_its_own_market",
        [
            market(
                A,
                [SPAN_5, SPAN_5, SPAN_5, (100, 106, 94, 100), 101, 100, 100],
                {1: long(80.0), 2: long(80.0), 4: long(80.0), 5: long(80.0)},
            ),
            market(B, [100] * 7, {2: long()}),
        ],
        account(rules=[("volatility-spike", SPIKE)]),
        [trade(2, 3, 4, exit_price=101.0, exit_reason="flatten"), trade(5, 6, 6), trade(2, 3, 6, symbol=B)],
        refusals=[
            refusal(1, "not_ready", limit=3, value=2),
            refusal(4, "volatility-spike", limit=10.0, value=12.0),
        ],
    ),
    Scenario(
        # What is no number is refused before any rule sees it: nothing trips, nothing is counted.
        "d103_a_signal_that_is_no_number_counts_nowhere",
        [market(A, [100] * 5, {0: long(math.nan), 1: long(95.0, confidence=math.nan), 2: long()})],
        account(rules=[("max-daily-trades", {"limit": 1}), ("max-exposure", {"pct": 10.0})]),
        [trade(2, 3, 4)],
        refusals=[refusal(0, "invalid_levels"), refusal(1, "invalid_levels")],
    ),
]

SCENARIOS = GATES + LIMITS + BREAKERS + PAUSES
