"""The memory that Python and the compiled loop share: records, and tables of them.

A field ending in ``_at`` holds the address of something longer, or 0 where there is none. One process writes and reads
all of it; nothing is kept.
"""

from __future__ import annotations

import numpy as np


def _record(**fields: str) -> np.dtype:
    return np.dtype([(name, kind) for kind, names in fields.items() for name in names.split()], align=True)


# What is asked of a cost model, and its answer.
FILL = _record(f8="side quantity price maker fee spread slippage")
# What a sizer or a rule answers: a quantity; or a limit and a value.
ANSWER = _record(f8="first second")

# One run: its inputs, then its state.
RUN = _record(
    i8="n_lanes n_moments n_rules bar_ns target_first most moments_at day_ends_at held_at trades_at flow_times_at "
    "flow_cash_at costs_at cost_numbers_at sizer_at sizer_numbers_at equity_at "
    "day n_held n_pending n_shorts n_trades n_refusals n_flow failed n_exposed longest_ns",
    f8="sizer_min_notional capital rounding held_back short_gross deepest",
)

# One symbol: its columns, ``time`` to ``tradable`` and ``exit`` with a value for each bar, the others for each entry;
# one value for all where there is no column; what the venue says; then its state: whether it has a bar now
# (``awake``), the next of its entries, its waiting order or its position.
LANE = _record(
    i8="time_at open_at high_at low_at close_at tradable_at entry_at entry_rows_at exit_at stop_at target_at "
    "confidence_at trail_at max_bars_at n_entries first last one_max_bars "
    "entry_row i awake ordered positioned changing leaving trailed side signal_i entry_i max_bars bound_by",
    f8="one_target one_confidence one_trail tick tick_per lot lot_per min_notional "
    "quantity price stop target trail confidence equity risk level entry_price fee spread slippage paid",
)

# One risk rule: its functions (``trip_at`` may be 0), how long a trip lasts (0: until the trading day ends), and the
# trip in force.
RULE = _record(i8="check_at trip_at numbers_at lasts_ns until_ns", f8="limit value")

# The closed trades: a column for each of these, of ``most`` words of eight bytes, whole numbers first. ``reason`` is an
# index into EXIT_REASONS, ``bound_by`` one into the words of the sizer.
TRADE_WHOLE = ("lane", "side", "signal_i", "entry_i", "exit_i", "reason", "ambiguous", "at_close", "bound_by")
TRADE_REAL = (
    *("quantity", "stop", "target", "confidence", "equity", "risk", "entry_price", "exit_price", "net_pnl"),
    *("entry_fee", "entry_spread", "entry_slippage", "exit_fee", "exit_spread", "exit_slippage"),
)
SIDE, ENTRY_I, EXIT_I, QUANTITY = 1, 3, 4, len(TRADE_WHOLE)

# One refused entry. ``rule`` is that of the pipeline, from 0 on, or one of those below.
REFUSAL = _record(i8="lane signal_i side rule bound_by", f8="limit value price")
LEVELS, SIZER, MIN_NOTIONAL, GAPPED, CASH, END = range(-6, 0)

# Why a trade ended: indices into EXIT_REASONS of domain.trade.
STOPPED, TRAILED, WON, SIGNALLED, TIMED = range(5)
DATA_ENDED = 7
