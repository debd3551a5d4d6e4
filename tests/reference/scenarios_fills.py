"""Worked by hand: where entries fill, and how stops, targets, trails, time and exit flags end a trade."""

from __future__ import annotations

from decimal import Decimal

from .worked import A, Scenario, account, long, market, refusal, short, trade

# Costs of 10 bps fee, 2 bps quoted spread, 5 bps slippage.
COSTLY = ("basis-points", {"fee_bps": 10.0, "spread_bps": 2.0, "slippage_bps": 5.0})
NAN, INF = float("nan"), float("inf")

ENTRIES = [
    Scenario(
        # Decided at the close of bar 0 (100), filled at the open of bar 1 (101): (110 - 101) * 10 = 90.
        # Worst while open: the low of bar 1, (101 - 100) / 101. Best: the exit, (110 - 101) / 101.
        "d028_entry_fills_at_the_next_open",
        [market(A, [100, (101, 102, 100, 101), (101, 111, 101, 110), 110], {0: long(95.0, 110.0)})],
        account(),
        [
            trade(0, 1, 2, side="long", entry_price=101.0, exit_price=110.0, quantity=10.0, gross_pnl=90.0)
            | {"net_pnl": 90.0, "exit_reason": "target", "mae": 1 / 101, "mfe": 9 / 101, "ambiguous": False}
            | {"equity_at_entry": 10_000.0, "bound_by": "position", "risk": 50.0, "stop": 95.0, "target": 110.0}
        ],
        final_cash=10_090.0,
    ),
    Scenario(
        # The signal has no say in the price: it fills at the open, 97, below the 100 it was decided at.
        "d029_fill_price_comes_from_the_market",
        [market(A, [100, (97, 99, 96, 98), (98, 98.5, 97.5, 98)], {0: long(95.0)})],
        account(),
        [trade(0, 1, 2, entry_price=97.0, exit_price=98.0, gross_pnl=10.0, exit_reason="end_of_data")],
        final_cash=10_010.0,
    ),
    Scenario(
        "entry_gapped_below_its_stop_is_refused",
        [market(A, [100, (94, 99, 93, 98), 98], {0: long(95.0, 110.0)})],
        account(),
        refusals=[refusal(0, "gapped", side="long", limit=95.0, value=94.0, price=94.0)],
        final_cash=10_000.0,
    ),
    Scenario(
        "entry_that_opens_exactly_at_its_stop_is_refused",
        [market(A, [100, (95, 99, 95, 98), 98], {0: long(95.0, 110.0)})],
        account(),
        refusals=[refusal(0, "gapped", price=95.0)],
    ),
    Scenario(
        "entry_that_opens_exactly_at_its_target_is_refused",
        [market(A, [100, (110, 112, 108, 111), 111], {0: long(95.0, 110.0)})],
        account(),
        refusals=[refusal(0, "gapped", limit=110.0, value=110.0, price=110.0)],
    ),
    Scenario(
        "short_entry_gapped_above_its_stop_and_below_its_target_is_refused",
        [market(A, [100, 106, 100, 89, 89], {0: short(105.0, 90.0), 2: short(105.0, 90.0)})],
        account(),
        refusals=[
            refusal(0, "gapped", side="short", limit=105.0, price=106.0),
            refusal(2, "gapped", side="short", limit=90.0, price=89.0),
        ],
    ),
    Scenario(
        # A second signal while the position is open is ignored, not refused.
        "signal_while_a_position_is_open_is_ignored",
        [market(A, [100, 100, 100, 101], {0: long(), 1: long(), 2: long()})],
        account(),
        [trade(0, 1, 3, exit_price=101.0, gross_pnl=10.0)],
    ),
    Scenario(
        # The stop inside bar 2 closes the trade, so the signal at the close of bar 2 is free to enter at bar 3.
        # Equity at that close: 10,000 - 50 = 9,950, so 9,950 * 10 % / 96 units.
        "a_new_entry_may_be_decided_at_the_close_of_the_exit_bar",
        [market(A, [100, 100, (100, 101, 94, 96), 96, 97], {0: long(95.0), 2: long(90.0)})],
        account(),
        [
            trade(0, 1, 2, exit_price=95.0, net_pnl=-50.0),
            trade(2, 3, 4, entry_price=96.0, exit_price=97.0, quantity=995 / 96, equity_at_entry=9_950.0),
        ],
    ),
    Scenario(
        "d030_stop_above_the_close_is_refused",
        [market(A, [100, 100, 100], {0: long(110.0)})],
        account(),
        refusals=[refusal(0, "invalid_levels", price=100.0)],
        final_cash=10_000.0,
    ),
    Scenario(
        "d037_target_below_the_close_is_refused",
        [market(A, [100, 100, 100], {0: long(95.0, 90.0)})],
        account(rules=[("profitability-gate", {})]),
        refusals=[refusal(0, "invalid_levels")],
    ),
    Scenario(
        "d038_stop_at_the_close_is_refused",
        [market(A, [100, 100, 100], {0: long(100.0)})],
        account(),
        refusals=[refusal(0, "invalid_levels")],
    ),
    Scenario(
        "d052_signal_without_a_stop_is_refused",
        [market(A, [100, 100, 100, 100], {0: long(NAN), 1: long(None)})],
        account(),
        refusals=[refusal(0, "invalid_levels"), refusal(1, "invalid_levels")],
    ),
    Scenario(
        "d104_short_with_its_levels_on_the_wrong_side_is_refused",
        [market(A, [100, 100, 100, 100], {0: short(95.0), 1: short(105.0, 101.0)})],
        account(),
        refusals=[refusal(0, "invalid_levels", side="short"), refusal(1, "invalid_levels", side="short")],
    ),
    Scenario(
        # 0.04 is 0 on the tick; no price reaches 0, -5 or infinity.
        "levels_that_are_no_prices_are_refused",
        [
            market(
                A,
                [100, 100, 100, 100, 100],
                {0: long(0.04), 1: long(95.0, INF), 2: short(105.0, -5.0)},
                tick=Decimal("0.1"),
            )
        ],
        account(),
        refusals=[refusal(bar, "invalid_levels") for bar in (0, 1, 2)],
    ),
    Scenario(
        "confidence_outside_its_range_is_refused",
        [market(A, [100, 100, 100, 100, 100], {0: long(confidence=1.5), 1: long(confidence=NAN), 2: long()})],
        account(),
        [trade(2, 3, 4, confidence=1.0)],
        refusals=[refusal(0, "invalid_levels"), refusal(1, "invalid_levels")],
    ),
]

LEVELS = [
    Scenario(
        # Low of exactly 95 touches a stop of 95.
        "stop_touched_exactly_fills_at_the_stop",
        [market(A, [100, 100, (100, 101, 95, 100), 100], {0: long(95.0)})],
        account(),
        [trade(0, 1, 2, exit_price=95.0, gross_pnl=-50.0, exit_reason="stop", mae=0.05, mfe=0.0)],
    ),
    Scenario(
        # Open 80 below the stop of 95: (80 - 100) * 10 = -200.
        "d031_gap_through_the_stop_fills_at_the_open",
        [market(A, [100, 100, (80, 85, 78, 84), 84], {0: long(95.0)})],
        account(),
        [trade(0, 1, 2, exit_price=80.0, gross_pnl=-200.0, exit_reason="stop", mae=0.2)],
        final_cash=9_800.0,
    ),
    Scenario(
        # Open 115 above the target of 110. Entry 1,000: fee 1, half spread 0.1, slippage 0.5.
        # Exit 1,150 rested: fee 1.15 only. Net 150 - 2.15 - 0.1 - 0.5 = 147.25.
        "d032_gap_through_the_target_fills_at_the_open_as_maker",
        [market(A, [100, 100, (115, 116, 114, 115), 115], {0: long(95.0, 110.0)})],
        account(costs=COSTLY),
        [
            trade(0, 1, 2, exit_price=115.0, gross_pnl=150.0, fees=2.15, spread=0.1, slippage=0.5)
            | {"net_pnl": 147.25, "exit_reason": "target"}
        ],
        final_cash=10_147.25,
    ),
    Scenario(
        "d033_both_levels_touched_the_stop_fills",
        [market(A, [100, 100, (100, 130, 90, 105), 105], {0: long(95.0, 110.0)})],
        account(),
        [trade(0, 1, 2, exit_price=95.0, exit_reason="stop", ambiguous=True)],
    ),
    Scenario(
        "d033_both_levels_touched_the_target_fills_when_asked_for",
        [market(A, [100, 100, (100, 130, 90, 105), 105], {0: long(95.0, 110.0)})],
        account(both_touched="target_first"),
        [trade(0, 1, 2, exit_price=110.0, exit_reason="target", ambiguous=True)],
    ),
    Scenario(
        # Of the exit bar only the exit price counts: best 0 although the bar's high was 101.
        "stop_on_the_entry_bar",
        [market(A, [100, (100, 101, 94, 99), 99], {0: long(95.0, 110.0)})],
        account(),
        [trade(0, 1, 1, exit_price=95.0, gross_pnl=-50.0, exit_reason="stop", mae=0.05, mfe=0.0)],
    ),
    Scenario(
        "target_on_the_entry_bar",
        [market(A, [100, (100, 112, 99, 111), 111], {0: long(95.0, 110.0)})],
        account(),
        [trade(0, 1, 1, exit_price=110.0, gross_pnl=100.0, exit_reason="target", mae=0.0, mfe=0.1)],
    ),
    Scenario(
        # Short 10 at 100, bought back at 90: +100. Cash 10,000 + 1,000 while open, 11,000 - 900 after.
        # Bar 1 marks it at 99: equity 11,000 - 990 = 10,010.
        "d050_short_gains_when_the_price_falls",
        [market(A, [100, (100, 101, 98, 99), (95, 96, 89, 91), 91], {0: short(105.0, 90.0)})],
        account(),
        [
            trade(0, 1, 2, side="short", exit_price=90.0, gross_pnl=100.0, exit_reason="target", quantity=10.0)
            | {"mae": 0.01, "mfe": 0.1, "risk": 50.0}
        ],
        final_cash=10_100.0,
        equity=[(0, 10_000.0), (1, 10_010.0), (2, 10_100.0)],
    ),
    Scenario(
        "short_gap_through_the_stop_fills_at_the_open",
        [market(A, [100, 100, (120, 121, 118, 119), 119], {0: short(105.0, 90.0)})],
        account(),
        [trade(0, 1, 2, exit_price=120.0, gross_pnl=-200.0, exit_reason="stop", mae=0.2)],
    ),
    Scenario(
        "short_gap_through_the_target_fills_at_the_open",
        [market(A, [100, 100, (85, 86, 84, 85), 85], {0: short(105.0, 90.0)})],
        account(),
        [trade(0, 1, 2, exit_price=85.0, gross_pnl=150.0, exit_reason="target")],
    ),
    Scenario(
        "short_with_both_levels_touched_fills_at_its_stop",
        [market(A, [100, 100, (100, 106, 89, 95), 95], {0: short(105.0, 90.0)})],
        account(),
        [trade(0, 1, 2, exit_price=105.0, exit_reason="stop", ambiguous=True)],
    ),
]

EXITS = [
    Scenario(
        # The flag at the close of bar 2 sells at the open of bar 3, 103.
        "d034_exit_flag_closes_at_the_next_open",
        [market(A, [100, 100, 102, (103, 104, 102, 104), 104], {0: long(95.0)}, exits=(2,))],
        account(),
        [trade(0, 1, 3, exit_price=103.0, gross_pnl=30.0, exit_reason="signal", mfe=0.03)],
    ),
    Scenario(
        # Flags without a position, before the entry and on its own signal bar, do nothing.
        "exit_flag_without_a_position_is_ignored",
        [market(A, [100, 100, 100, 102], {1: long(95.0)}, exits=(0, 1))],
        account(),
        [trade(1, 2, 3, exit_price=102.0, exit_reason="end_of_data")],
    ),
    Scenario(
        # Bar 2 opens at 90, below the stop of 95: the waiting market exit goes first, at the open.
        "a_waiting_market_exit_goes_before_the_stop",
        [market(A, [100, 100, (90, 91, 89, 90), 90], {0: long(95.0)}, exits=(1,))],
        account(),
        [trade(0, 1, 2, exit_price=90.0, exit_reason="signal")],
    ),
    Scenario(
        # Entry bar 1 is bar 1 of 2; after bar 2 has closed, out at the open of bar 3.
        "d035_max_bars_ends_a_trade",
        [market(A, [100, 100, 100, (104, 105, 103, 104), 104], {0: long(95.0, max_bars=2)})],
        account(),
        [trade(0, 1, 3, exit_price=104.0, gross_pnl=40.0, exit_reason="time")],
    ),
    Scenario(
        "max_bars_of_one_leaves_after_the_entry_bar",
        [market(A, [100, 100, 101, 101], {0: long(95.0, max_bars=1)})],
        account(),
        [trade(0, 1, 2, exit_price=101.0, exit_reason="time")],
    ),
    Scenario(
        "exit_flag_comes_before_max_bars",
        [market(A, [100, 100, 101, 101], {0: long(95.0, max_bars=1)}, exits=(1,))],
        account(),
        [trade(0, 1, 2, exit_reason="signal")],
    ),
    Scenario(
        # Close of the entry bar 104 - 3 = 101, valid from bar 2; the low of 99 in bar 1 came before.
        # The trade list keeps the initial stop.
        "trail_moves_at_the_close_and_counts_from_the_next_bar",
        [market(A, [100, (100, 106, 99, 104), (104, 105, 100.5, 102), 102], {0: long(95.0, trail=3.0)})],
        account(),
        [trade(0, 1, 2, exit_price=101.0, gross_pnl=10.0, exit_reason="trailing_stop", stop=95.0, mae=0.01, mfe=0.06)],
    ),
    Scenario(
        # 100 - 10 = 90 is below the stop of 95, which never moves: the reason stays `stop`.
        "trail_that_never_moved_is_a_stop",
        [market(A, [100, 100, (100, 100, 94, 96), 96], {0: long(95.0, trail=10.0)})],
        account(),
        [trade(0, 1, 2, exit_price=95.0, exit_reason="stop")],
    ),
    Scenario(
        # Closes 104, 102: the trail stays at 101 when the close falls; bar 3 opens at 98 and fills there.
        "trail_never_loosens_and_gaps_like_a_stop",
        [
            market(
                A, [100, (100, 104, 100, 104), (104, 104, 102, 102), (98, 99, 97, 98), 98], {0: long(95.0, trail=3.0)}
            )
        ],
        account(),
        [trade(0, 1, 3, exit_price=98.0, gross_pnl=-20.0, exit_reason="trailing_stop")],
    ),
    Scenario(
        # Short: 96 + 3 = 99 after the entry bar; bar 2 trades up to 100.
        "short_trail_comes_down",
        [market(A, [100, (100, 100, 96, 96), (96, 100, 95, 97), 97], {0: short(105.0, trail=3.0)})],
        account(),
        [trade(0, 1, 2, exit_price=99.0, gross_pnl=10.0, exit_reason="trailing_stop", stop=105.0)],
    ),
]

SCENARIOS = ENTRIES + LEVELS + EXITS
