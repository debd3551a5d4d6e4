"""Worked by hand: calendars that differ, bars that cannot trade, warm-up, the end of data, ruin, and trading days."""

from __future__ import annotations

from .worked import A, B, Bar, C, Scenario, account, long, market, refusal, short, trade

STOPPED: Bar = (100.0, 100.0, 94.0, 100.0)  # a stop of 95 is hit in it; opens and closes at 100
BRUSHED: Bar = (100.0, 100.0, 97.0, 100.0)  # the same for a stop of 98

UNTRADABLE = [
    Scenario(
        # Bar 1 has no volume in a series that has: the entry waits for bar 2.
        "d042_a_bar_without_volume_fills_nothing",
        [market(A, [100, 100, 101, 101], {0: long()}, volume=[1.0, 0.0, 1.0, 1.0])],
        account(),
        [trade(0, 2, 3, entry_price=101.0)],
    ),
    Scenario(
        "a_series_without_any_volume_trades_normally",
        [market(A, [100, 100, 101, 101], {0: long()}, volume=[0.0] * 4)],
        account(),
        [trade(0, 1, 3, entry_price=100.0)],
    ),
    Scenario(
        # The stop is not touched in the synthetic bar 2 although its low is 90; bar 3 opens at 93.
        "nothing_is_touched_in_a_synthetic_bar",
        [
            market(
                A,
                [100, 100, (90, 91, 90, 91), (93, 94, 92, 93), 93],
                {0: long(95.0)},
                synthetic=[False] * 2 + [True] + [False] * 2,
            )
        ],
        account(),
        [trade(0, 1, 3, exit_price=93.0, exit_reason="stop", mae=0.1)],
        equity=[(1, 10_000.0), (2, 9_910.0), (3, 9_930.0)],
    ),
    Scenario(
        "a_market_exit_waits_for_a_tradable_bar",
        [market(A, [100, 100, 99, 98, 98], {0: long(90.0)}, exits=(1,), volume=[1.0, 1.0, 0.0, 1.0, 1.0])],
        account(),
        [trade(0, 1, 3, exit_price=98.0, exit_reason="signal")],
    ),
    Scenario(
        # Signal and exit flag on the untradable bar 1, and the flag on the untradable bar 3, mean nothing.
        "nothing_is_decided_on_an_untradable_bar",
        [
            market(
                A,
                [100, 100, 100, 100, 102],
                {1: long(), 0: long()},
                exits=(3,),
                volume=[1.0, 1.0, 1.0, 0.0, 1.0],
            ),
            market(B, [100, 100, 100, 100, 100], {1: long()}, volume=[1.0, 0.0, 1.0, 1.0, 1.0]),
        ],
        account(),
        [trade(0, 1, 4, exit_price=102.0, exit_reason="end_of_data")],
    ),
    Scenario(
        # Bars 1 and 2 make two, but bar 2 cannot decide: decided at the close of bar 3, out at the open of bar 4.
        "max_bars_reached_on_an_untradable_bar_waits_for_a_tradable_close",
        [market(A, [100, 100, 100, 100, 101, 101], {0: long(max_bars=2)}, volume=[1.0, 1.0, 0.0, 1.0, 1.0, 1.0])],
        account(),
        [trade(0, 1, 4, exit_price=101.0, exit_reason="time")],
    ),
    Scenario(
        # Bars 1, 2 (untradable) and 3 make three: out at the open of bar 4.
        "untradable_bars_count_towards_max_bars",
        [market(A, [100, 100, 100, 100, 102, 102], {0: long(max_bars=3)}, volume=[1.0, 1.0, 0.0, 1.0, 1.0, 1.0])],
        account(),
        [trade(0, 1, 4, exit_price=102.0, exit_reason="time")],
    ),
    Scenario(
        # The untradable bar 2 closes at 106: the trail goes to 103, and bar 3 falls through it.
        "trails_move_on_untradable_bars",
        [
            market(
                A,
                [100, 100, (100, 106, 100, 106), (106, 106, 102, 104), 104],
                {0: long(95.0, trail=3.0)},
                volume=[1.0, 1.0, 0.0, 1.0, 1.0],
            )
        ],
        account(),
        [trade(0, 1, 3, exit_price=103.0, exit_reason="trailing_stop")],
    ),
]

CALENDARS = [
    Scenario(
        # A has no bars at hours 1 to 3: the entry fills at hour 4, the open being inside its levels.
        "an_entry_whose_next_bar_is_late_still_fills",
        [
            market(A, [100, 102, 103], {0: long(95.0, 110.0)}, times=[0, 4, 5]),
            market(B, [50, 50, 50, 50, 50, 50]),
        ],
        account(),
        [trade(0, 4, 5, entry_price=102.0, exit_price=103.0)],
    ),
    Scenario(
        "a_late_entry_is_checked_against_its_levels",
        [market(A, [100, 111, 111], {0: long(95.0, 110.0)}, times=[0, 4, 5])],
        account(),
        refusals=[refusal(0, "gapped", limit=110.0, value=111.0)],
    ),
    Scenario(
        # One account and one clock: 10 units of A at 100, then 10,020 * 10 % / 50 of B once A is at 102.
        # While A has no bar it stays marked at 102.
        "d049_several_symbols_share_one_account",
        [
            market(A, [100, (100, 102, 100, 102), 104], {0: long()}, times=[0, 1, 4]),
            market(B, [50, 50, 50, 50, 55], {1: long(40.0)}),
        ],
        account(),
        [
            trade(0, 1, 4, quantity=10.0, gross_pnl=40.0),
            trade(1, 2, 4, symbol=B, quantity=20.04, gross_pnl=100.2, equity_at_entry=10_020.0),
        ],
        equity=[(1, 10_020.0), (2, 10_020.0), (3, 10_020.0), (4, 10_140.2)],
    ),
    Scenario(
        # Both leave in bar 2: B's market exit at its open is the earlier phase, A's stop comes after.
        "trades_are_listed_by_phase_before_symbol",
        [
            market(A, [100, 100, STOPPED, 100], {0: long(95.0)}),
            market(B, [100, 100, 100, 100], {0: long(95.0)}, exits=(1,)),
        ],
        account(),
        [trade(0, 1, 2, symbol=B, exit_reason="signal"), trade(0, 1, 2, exit_reason="stop")],
    ),
    Scenario(
        # Two warm-up bars: the signals of bars 0 and 1 are not decided, that of bar 2 is.
        "no_entry_is_decided_during_the_warm_up",
        [market(A, [100, 100, 100, 101, 101], {0: long(), 1: long(), 2: long()}, first=2)],
        account(),
        [trade(2, 3, 4, entry_price=101.0)],
    ),
]

ENDS = [
    Scenario(
        "d043_a_signal_on_the_last_bar_is_ignored",
        [market(A, [100, 100, 100], {2: long()})],
        account(),
        final_cash=10_000.0,
    ),
    Scenario(
        # Decided one bar before the last: in at its open of 100, out at its close of 103.
        "an_entry_may_fill_on_the_last_bar",
        [market(A, [100, 100, (100, 104, 99, 103)], {1: long()})],
        account(),
        [trade(1, 2, 2, entry_price=100.0, exit_price=103.0, exit_reason="end_of_data", mae=0.01, mfe=0.04)],
    ),
    Scenario(
        "each_symbol_ends_at_its_own_last_bar",
        [
            market(A, [100, 100, 101], {0: long()}),
            market(B, [100, 100, 100, 100, 102], {2: long()}),
        ],
        account(sizer={"max_position_pct_equity": 90.0}),
        [
            trade(0, 1, 2, quantity=90.0, exit_price=101.0, exit_reason="end_of_data"),
            trade(2, 3, 4, symbol=B, quantity=90.81, bound_by="position", equity_at_entry=10_090.0),
        ],
    ),
    Scenario(
        "the_end_of_data_closes_even_on_an_untradable_bar",
        [market(A, [100, 100, 100, 97], {0: long(90.0)}, volume=[1.0, 1.0, 1.0, 0.0])],
        account(),
        [trade(0, 1, 3, exit_price=97.0, exit_reason="end_of_data")],
    ),
    Scenario(
        "an_entry_that_finds_no_tradable_bar_any_more_is_refused",
        [market(A, [100, 100, 103], {1: long()}, volume=[1.0, 1.0, 0.0])],
        account(),
        refusals=[refusal(1, "end_of_data", price=100.0)],
    ),
    Scenario(
        "a_market_exit_that_finds_no_tradable_bar_becomes_end_of_data",
        [market(A, [100, 100, 100, 97], {0: long(90.0)}, exits=(2,), volume=[1.0, 1.0, 1.0, 0.0])],
        account(),
        [trade(0, 1, 3, exit_price=97.0, exit_reason="end_of_data")],
    ),
]

# 100 % at risk over a distance of 100 would be 100 units: the share of equity decides. Stops bound a loss to equity,
# but not in a bar that cannot trade.
WIDE = {"max_risk_per_trade_pct": 100.0, "max_position_pct_equity": 90.0}

RUIN = [
    Scenario(
        # Short 90 at 100: cash 19,000. Bar 2 cannot trade and closes at 220: 19,000 - 19,800 = -800.
        # Closed at that close; no entry from then on, B's of the same close included.
        "ruin_closes_at_that_close_and_refuses_entries",
        [
            market(
                A,
                [100, 100, (100, 230, 100, 220), 220, 220],
                {0: short(200.0), 3: long(100.0)},
                volume=[1.0, 1.0, 0.0, 1.0, 1.0],
            ),
            market(B, [100, 100, 100, 100, 100], {2: long(50.0)}),
        ],
        account(sizer=WIDE),
        [trade(0, 1, 2, exit_price=220.0, exit_reason="ruin", gross_pnl=-10_800.0, quantity=90.0, mae=1.3, mfe=0.0)],
        refusals=[refusal(2, "ruin", symbol=B), refusal(3, "ruin", side="long", price=220.0)],
        final_cash=-800.0,
        equity=[(1, 10_000.0), (2, -800.0), (3, -800.0), (4, -800.0)],
    ),
    Scenario(
        # 10,000 - 45 * 400 + 45 * 100 = -3,500 at hour 2. The ruin closes B's position too, so B's signal of that close
        # finds none open and is refused.
        "a_symbol_closed_by_the_ruin_may_signal_at_that_close",
        [
            market(A, [100, 100, (100, 400, 100, 400), 400], {0: short(200.0)}, volume=[1.0, 1.0, 0.0, 1.0]),
            market(B, [100, 100, 100, 100], {0: long(50.0), 2: long(50.0)}),
        ],
        account(sizer=WIDE | {"max_position_pct_equity": 45.0}),
        [trade(0, 1, 2, exit_reason="ruin"), trade(0, 1, 2, symbol=B, exit_reason="ruin")],
        refusals=[refusal(2, "ruin", symbol=B)],
    ),
    Scenario(
        # A short 45, C long 45 (marked at 101 since hour 1), an entry of B waits for hour 3.
        # At hour 2: 10,000 - 45 * 400 + 45 * 101 = -3,455. C has no bar then and leaves at its last close.
        "ruin_closes_every_symbol_and_refuses_waiting_entries",
        [
            market(
                A,
                [100, 100, (100, 400, 100, 400), 400, 400],
                {0: short(200.0)},
                volume=[1.0, 1.0, 0.0, 1.0, 1.0],
            ),
            market(B, [100, 100, 100, 100], {1: long(50.0)}, times=[0, 1, 3, 4]),
            market(C, [100, (100, 101, 100, 101), 101, 101], {0: long(50.0)}, times=[0, 1, 3, 4]),
        ],
        account(sizer=WIDE | {"max_position_pct_equity": 45.0}),
        [
            trade(0, 1, 2, exit_price=400.0, exit_reason="ruin", gross_pnl=-13_500.0),
            trade(0, 1, 2, symbol=C, exit_price=101.0, exit_reason="ruin", gross_pnl=45.0),
        ],
        refusals=[refusal(1, "ruin", symbol=B, price=100.0)],
        final_cash=-3_455.0,
    ),
]

ONE_A_DAY = [("max-daily-trades", {"limit": 1})]

DAYS = [
    Scenario(
        # The bar of 22:00 decides at 23:00, the bar of 23:00 at 00:00: another day, whose one entry it takes from B.
        "d055_a_decision_belongs_to_the_day_of_its_close",
        [
            market(A, [100, STOPPED, 100, 100], {0: long(), 1: long()}, times=[22, 23, 24, 25]),
            market(B, [100, 100, 100, 100], {2: long()}, times=[22, 23, 24, 25]),
        ],
        account(rules=ONE_A_DAY),
        [trade(22, 23, 23, exit_reason="stop"), trade(23, 24, 25)],
        refusals=[refusal(24, "max-daily-trades", symbol=B)],
    ),
    Scenario(
        # In New York both decisions fall on the evening of one day.
        "the_trading_day_follows_the_named_zone",
        [market(A, [100, STOPPED, 100, 100], {0: long(), 1: long()}, times=[22, 23, 24, 25])],
        account(rules=ONE_A_DAY, zone="America/New_York"),
        [trade(22, 23, 23, exit_reason="stop")],
        refusals=[refusal(23, "max-daily-trades", limit=1, value=1)],
    ),
    Scenario(
        # The entry of bar 0 gapped below its stop at bar 1, so the day's one entry is free again.
        "a_refused_fill_gives_its_daily_count_back",
        [market(A, [100, (94, 100, 94, 100), 100, STOPPED, 100, 100], {0: long(), 1: long(), 3: long()})],
        account(rules=ONE_A_DAY),
        [trade(1, 2, 3, exit_reason="stop")],
        refusals=[refusal(0, "gapped"), refusal(3, "max-daily-trades", limit=1, value=1)],
    ),
    Scenario(
        # Decided on one day, refused on the next: the count goes back to the day of the decision, so the
        # entry of hour 24 (which was accepted on day two, as was that of hour 25) uses up day two alone.
        "the_count_goes_back_to_the_day_of_the_decision",
        [
            market(A, [100, 94, 100, 100, 100], {0: long()}, times=[22, 24, 25, 26, 27]),
            market(B, [100, 100, 100, 100, 100], {1: long()}, times=[22, 24, 25, 26, 27]),
            market(C, [100, 100, 100, 100, 100], {2: long()}, times=[22, 24, 25, 26, 27]),
        ],
        account(rules=ONE_A_DAY),
        [trade(24, 25, 27, symbol=B)],
        refusals=[refusal(22, "gapped"), refusal(25, "max-daily-trades", symbol=C, limit=1, value=1)],
    ),
    Scenario(
        # Losses of 20, 19.96 and 19.92 on three simulated days: none reaches 50.
        "d108_losses_of_different_days_do_not_add_up",
        [
            market(
                A,
                [100, BRUSHED, 100, BRUSHED, 100, BRUSHED, 100, 100, 100],
                {i: long(98.0) for i in (0, 2, 4, 6)},
                times=[0, 1, 24, 25, 48, 49, 72, 73, 74],
            )
        ],
        account(rules=[("max-daily-loss", {"limit": 50.0})]),
        [
            trade(0, 1, 1, net_pnl=-20.0),
            trade(24, 25, 25, net_pnl=-19.96),
            trade(48, 49, 49, net_pnl=-19.920_08),
            trade(72, 73, 74),
        ],
    ),
    Scenario(
        # -50 in the bar of 23:00 belongs to day one, whose decisions are over: the close of 00:00 may enter.
        # -49.75 in the bar of 00:00 belongs to day two and reaches 49: refused until 00:00 of day three,
        # the close of the bar of hour 47.
        "d109_a_loss_after_midnight_belongs_to_the_new_day",
        [
            market(
                A,
                [100, STOPPED, STOPPED, 100, 100, 100, 100],
                {i: long() for i in (0, 1, 2, 3, 4)},
                times=[22, 23, 24, 46, 47, 48, 49],
            )
        ],
        account(rules=[("max-daily-loss", {"limit": 49.0})]),
        [trade(22, 23, 23, net_pnl=-50.0), trade(23, 24, 24, net_pnl=-49.75), trade(47, 48, 49)],
        refusals=[refusal(24, "max-daily-loss"), refusal(46, "max-daily-loss")],
    ),
]

SCENARIOS = UNTRADABLE + CALENDARS + ENDS + RUIN + DAYS
