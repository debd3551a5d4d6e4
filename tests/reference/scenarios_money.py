"""Worked by hand: sizes, cash, costs and the account."""

from __future__ import annotations

from decimal import Decimal

from .worked import A, B, Scenario, account, long, market, refusal, short, trade

FEE_ONLY = ("basis-points", {"fee_bps": 10.0, "spread_bps": 0.0, "slippage_bps": 0.0})
COSTLY = ("basis-points", {"fee_bps": 10.0, "spread_bps": 2.0, "slippage_bps": 5.0})
# The seed's own example: a constant price, five percent of 1,000, 10.5 bps a side: 50 * 0.00105 = 0.0525 each way.
STILL = account(
    capital=1_000.0,
    costs=("basis-points", {"fee_bps": 10.5, "spread_bps": 0.0, "slippage_bps": 0.0}),
    sizer={"max_position_pct_equity": 5.0},
)

BOOKS = [
    Scenario(
        # Cash 1,000 - 50 - 0.0525, position 50: equity 999.9475 while open, 999.895 after.
        "d026_equity_marks_the_whole_position",
        [market(A, [100, 100, 100, 100, 100], {0: long()}, exits=(2,))],
        STILL,
        [trade(0, 1, 3, quantity=0.5)],
        equity=[(0, 1_000.0), (1, 999.9475), (2, 999.9475), (3, 999.895), (4, 999.895)],
    ),
    Scenario(
        # Entry and exit cost 0.0525 each: net -0.105, which is the change of cash.
        "d027_entry_costs_reach_the_trade",
        [market(A, [100, 100, 100, 100, 100], {0: long()}, exits=(2,))],
        STILL,
        [trade(0, 1, 3, gross_pnl=0.0, fees=0.105, net_pnl=-0.105)],
        final_cash=999.895,
    ),
    Scenario(
        # Still open on the last bar: closed at its close (taker), and the last point is the final cash.
        "d044_the_last_equity_point_is_the_final_cash",
        [market(A, [100, 100, 100], {0: long()})],
        STILL,
        [trade(0, 1, 2, exit_reason="end_of_data", net_pnl=-0.105)],
        final_cash=999.895,
        equity=[(0, 1_000.0), (1, 999.9475), (2, 999.895)],
    ),
    Scenario(
        "d045_a_run_without_trades_is_a_result",
        [market(A, [100, 101, 102])],
        account(),
        final_cash=10_000.0,
        equity=[(0, 10_000.0), (1, 10_000.0), (2, 10_000.0)],
    ),
    Scenario(
        # Position marked at 104 and 97: 9,000 + 1,040 and 9,000 + 970.
        "open_position_is_marked_at_each_close",
        [market(A, [100, (100, 104, 100, 104), (104, 104, 97, 97), 97], {0: long(90.0)})],
        account(),
        [trade(0, 1, 3, mae=0.03, mfe=0.04, gross_pnl=-30.0)],
        equity=[(0, 10_000.0), (1, 10_040.0), (2, 9_970.0), (3, 9_970.0)],
    ),
    Scenario(
        # Entry 1,000: fee 1, half of 2 bps 0.1, slippage 0.5. Stop at 95, 950: fee 0.95, 0.095, 0.475.
        "d100_half_the_spread_on_each_taker_fill",
        [market(A, [100, 100, (100, 100, 94, 95), 95], {0: long(95.0)})],
        account(costs=COSTLY),
        [trade(0, 1, 2, gross_pnl=-50.0, fees=1.95, spread=0.195, slippage=0.975, net_pnl=-53.12)],
        final_cash=9_946.88,
    ),
    Scenario(
        # Level 0 in BNB: 1,000 * 10 bps * 0.75 = 0.75; spread 0.1; slippage 1,000 -> 5 bps * (0.5 + 0.5) = 0.5.
        # Stop at 95, notional 950: 0.7125; 0.095; below 1,000 -> 3 bps = 0.285.
        "binance_costs_of_a_stopped_trade",
        [market(A, [100, 100, (100, 100, 94, 95), 95], {0: long(95.0)})],
        account(costs=("binance-spot", {})),
        [trade(0, 1, 2, fees=1.4625, spread=0.195, slippage=0.785, net_pnl=-50.0 - 2.4425)],
    ),
    Scenario(
        # Level 3 without BNB: taker 9 bps of 1,000 = 0.9; target 110, 1,100 maker 7 bps = 0.77 and nothing else.
        "binance_target_is_a_maker_fill",
        [market(A, [100, 100, (100, 111, 100, 110), 110], {0: long(95.0, 110.0)})],
        account(costs=("binance-spot", {"vip_level": 3, "pay_in_bnb": False})),
        [trade(0, 1, 2, fees=1.67, spread=0.1, slippage=0.5, net_pnl=100.0 - 2.27)],
    ),
]

SIZES = [
    Scenario(
        # 10,000 * 0.5 % = 50 to lose, 10 a unit: 5 units, below the 10 that a tenth of equity allows.
        "risk_bounds_the_size",
        [market(A, [100, 100, 100], {0: long(90.0)})],
        account(sizer={"max_risk_per_trade_pct": 0.5}),
        [trade(0, 1, 2, quantity=5.0, bound_by="risk", risk=50.0)],
    ),
    Scenario(
        # Risk would allow 50 / 1 = 50 units, the cap 10: the trade risks 10 * 1, not 50.
        "d102_risk_is_what_the_capped_order_risks",
        [market(A, [100, 100, 100], {0: long(99.0)})],
        account(sizer={"max_risk_per_trade_pct": 0.5}),
        [trade(0, 1, 2, quantity=10.0, bound_by="position", risk=10.0)],
    ),
    Scenario(
        # A takes 6,000 of 10,000; B may use 4,000 * 99 % = 3,960 of its 6,000.
        "d117_two_signals_of_one_bar_share_the_cash",
        [market(A, [100, 100, 100], {0: long()}), market(B, [100, 100, 100], {0: long()})],
        account(sizer={"max_position_pct_equity": 60.0}),
        [
            trade(0, 1, 2, quantity=60.0, bound_by="position"),
            trade(0, 1, 2, symbol=B, quantity=39.6, bound_by="cash"),
        ],
    ),
    Scenario(
        # All of 10,000 in 100 units; the open of 100.5 asks for 10,050.
        "d039_an_entry_that_cash_cannot_pay_is_refused",
        [market(A, [100, 100.5, 100.5], {0: long()})],
        account(sizer={"max_position_pct_equity": 100.0, "cash_buffer_pct": 0.0}),
        refusals=[refusal(0, "insufficient_cash", limit=10_000.0, value=10_050.0, price=100.5)],
        final_cash=10_000.0,
    ),
    Scenario(
        # The price stood still, but the fee of 10 is not there.
        "costs_count_in_the_cash_check",
        [market(A, [100, 100, 100], {0: long()})],
        account(sizer={"max_position_pct_equity": 100.0, "cash_buffer_pct": 0.0}, costs=FEE_ONLY),
        refusals=[refusal(0, "insufficient_cash", limit=10_000.0, value=10_010.0, price=100.0)],
    ),
    Scenario(
        # 99 units: 9,900 + 9.9 fit into 10,000. Two fees of 9.9.
        "the_cash_buffer_leaves_room_for_costs",
        [market(A, [100, 100, 100], {0: long()})],
        account(sizer={"max_position_pct_equity": 100.0}, costs=FEE_ONLY),
        [trade(0, 1, 2, quantity=99.0, bound_by="cash", fees=19.8)],
        final_cash=9_980.2,
    ),
    Scenario(
        # Short 40 at 100: cash 14,000. At a close of 110 twice 4,400 is not free: 5,200 * 99 % / 100 = 51.48.
        # Equity there is 14,000 - 4,400 = 9,600, so 100 % would be 96.
        "shorts_are_collateralised_in_full",
        [
            market(A, [100, (100, 110, 100, 110), 110, 110], {0: short(150.0)}),
            market(B, [100, 100, 100, 100], {1: long(90.0, confidence=0.5)}),
        ],
        account(sizer={"max_position_pct_equity": 100.0, "max_risk_per_trade_pct": 20.0}),
        [
            trade(0, 1, 3, quantity=40.0, bound_by="risk", gross_pnl=-400.0),
            trade(1, 2, 3, symbol=B, quantity=51.48, bound_by="cash", confidence=0.5, equity_at_entry=9_600.0),
        ],
    ),
    Scenario(
        # B signals at the close at which A decides to leave: the 9,000 are not free, 1,000 * 99 % / 100 = 9.9.
        # At bar 2 those cost 9.9 * 105 = 1,039.5, which is there: A's market exit fills first.
        "proceeds_are_not_free_until_the_exit_has_filled",
        [
            market(B, [100, 100, 105, 105], {1: long()}),
            market(A, [100, 100, 100, 100], {0: long()}, exits=(1,)),
        ],
        account(sizer={"max_position_pct_equity": 90.0}),
        [
            trade(0, 1, 2, quantity=90.0, exit_reason="signal"),
            trade(1, 2, 3, symbol=B, quantity=9.9, bound_by="cash", entry_price=105.0),
        ],
    ),
    Scenario(
        # 5 % of 50 is 2.50, below the smallest order of 10.
        "d040_one_sizer_refuses_what_is_too_small",
        [market(A, [100, 100, 100], {0: long()})],
        account(capital=50.0, sizer={"max_position_pct_equity": 5.0}),
        refusals=[refusal(0, "min_notional", limit=10.0, value=2.5, price=100.0)],
    ),
    Scenario(
        "the_larger_min_notional_applies",
        [market(A, [100, 100, 100], {0: long()}, min_notional=2_000.0)],
        account(),
        refusals=[refusal(0, "min_notional", limit=2_000.0, value=1_000.0)],
    ),
    Scenario(
        # Stop 95.07 -> 95.0 and target 110.09 -> 110.0, both down; 10 units -> 33 lots of 0.3 = 9.9. Risk 9.9 * 5.
        "d041_long_levels_and_size_follow_the_instrument",
        [
            market(
                A,
                [100, 100, (100, 100, 94, 95), 95],
                {0: long(95.07, 110.09)},
                tick=Decimal("0.1"),
                lot=Decimal("0.3"),
            )
        ],
        account(),
        [trade(0, 1, 2, stop=95.0, target=110.0, quantity=9.9, risk=49.5, exit_price=95.0, gross_pnl=-49.5)],
    ),
    Scenario(
        # Stop 104.93 -> 105.0 and target 89.91 -> 90.0, both up.
        "short_levels_round_up_to_the_tick",
        [market(A, [100, 100, (100, 100, 89, 90), 90], {0: short(104.93, 89.91)}, tick=Decimal("0.1"))],
        account(),
        [trade(0, 1, 2, side="short", stop=105.0, target=90.0, exit_price=90.0, risk=50.0)],
    ),
    Scenario(
        # 100.05 is no target for a close of 100 once it is 100 on the tick; a stop of 99.99 becomes 99.9.
        "levels_are_checked_after_rounding",
        [market(A, [100, 100, 100, 100], {0: long(95.0, 100.05), 1: long(99.99)}, tick=Decimal("0.1"))],
        account(),
        [trade(1, 2, 3, stop=99.9)],
        refusals=[refusal(0, "invalid_levels")],
    ),
    Scenario(
        # A trail of 3.04 behind 104 is 100.96, on the tick 100.9.
        "trailing_stops_round_to_the_tick",
        [
            market(
                A,
                [100, (100, 104, 100, 104), (104, 104, 100, 101), 101],
                {0: long(95.0, trail=3.04)},
                tick=Decimal("0.1"),
            )
        ],
        account(),
        [trade(0, 1, 2, exit_price=100.9, exit_reason="trailing_stop")],
    ),
    Scenario(
        "less_than_one_lot_is_refused_by_the_sizer",
        [market(A, [100, 100, 100], {0: long()}, lot=Decimal(20))],
        account(),
        refusals=[refusal(0, "sizer", price=100.0)],
    ),
    Scenario(
        # A waiting entry of 6,000 and one of 3,960 leave 40 * 99 % = 39.6 for C, 0.396 units.
        "waiting_entries_hold_back_their_notional",
        [
            market(A, [100, 100, 100], {0: long()}),
            market(B, [100, 100, 100], {0: long()}),
            market("CCC/USD", [100, 100, 100], {0: long()}),
        ],
        account(sizer={"max_position_pct_equity": 60.0}),
        [
            trade(0, 1, 2, quantity=60.0),
            trade(0, 1, 2, symbol=B, quantity=39.6),
            trade(0, 1, 2, symbol="CCC/USD", quantity=0.396, bound_by="cash"),
        ],
    ),
]

SCENARIOS = BOOKS + SIZES
