"""Worked by hand: what a bar strategy's Enter, Exit and Adjust do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .values import Market, follow_plans
from .worked import A, Scenario, account, long, market, refusal, short, trade

LOW = (100.0, 100.0, 94.0, 100.0)  # touches a stop of 95, opens and closes at 100


def planned(name: str, one: Market, **expected: Any) -> Scenario:
    """A scenario whose bar strategy follows the market's plan."""
    return Scenario(name, [one], account(on_bar=follow_plans([one])), **expected)


def enter(**more: Any) -> dict[str, Any]:
    """Go long with a stop of 95 when flat."""
    return {"flat": ("enter", long(95.0, **more))}


SCENARIOS = [
    planned(
        "bar_strategy_enters_and_leaves",
        market(A, [100, 100, 100, 103, 103], plan={0: enter(), 2: {"long": ("exit",)}}),
        trades=[trade(0, 1, 3, exit_price=103.0, exit_reason="signal")],
    ),
    planned(
        # Enter with a position, and Exit without one, do nothing.
        "bar_strategy_out_of_turn_is_ignored",
        market(
            A,
            [100, 100, 100, 101],
            plan={0: {"flat": ("exit",)}, 1: enter(), 2: {"long": ("enter", long(90.0))}},
        ),
        trades=[trade(1, 2, 3, exit_reason="end_of_data", stop=95.0)],
    ),
    planned(
        # Raised to 99 at the close of bar 1, whose low of 98 came before. The list keeps the initial stop.
        "adjusted_stop_counts_from_the_next_bar",
        market(
            A,
            [100, (100, 100, 98, 100), (100, 100, 98, 100), 100],
            plan={0: enter(), 1: {"long": ("adjust", 99.0, None)}},
        ),
        trades=[trade(0, 1, 2, exit_price=99.0, exit_reason="stop", stop=95.0)],
    ),
    planned(
        "a_stop_is_never_loosened",
        market(A, [100, 100, LOW, 100], plan={0: enter(), 1: {"long": ("adjust", 90.0, None)}}),
        trades=[trade(0, 1, 2, exit_price=95.0, exit_reason="stop")],
    ),
    planned(
        "a_stop_on_the_wrong_side_of_the_close_is_refused",
        market(A, [100, 100, LOW, 100], plan={0: enter(), 1: {"long": ("adjust", 101.0, None)}}),
        trades=[trade(0, 1, 2, exit_price=95.0)],
        refusals=[refusal(1, "invalid_levels", side="long", price=100.0)],
    ),
    planned(
        # The good half of an Adjust is taken: target 105 although the stop of 100 is refused.
        "adjusted_target_is_judged_alone",
        market(
            A,
            [100, 100, (100, 106, 100, 105), 105],
            plan={0: enter(target=110.0), 1: {"long": ("adjust", 100.0, 105.0)}},
        ),
        trades=[trade(0, 1, 2, exit_price=105.0, exit_reason="target")],
        refusals=[refusal(1, "invalid_levels")],
    ),
    planned(
        "a_target_on_the_wrong_side_of_the_close_is_refused",
        market(
            A,
            [100, 100, (100, 111, 100, 110), 110],
            plan={0: enter(target=110.0), 1: {"long": ("adjust", None, 99.0)}},
        ),
        trades=[trade(0, 1, 2, exit_price=110.0, exit_reason="target", target=110.0)],
        refusals=[refusal(1, "invalid_levels", price=100.0)],
    ),
    planned(
        # A stop below zero is looser than 95, so nothing moves; a target that is no price is refused.
        "adjusted_levels_that_are_no_prices_change_nothing",
        market(
            A,
            [100, 100, (100, 111, 100, 110), 110],
            plan={0: enter(target=110.0), 1: {"long": ("adjust", -5.0, float("inf"))}},
        ),
        trades=[trade(0, 1, 2, exit_price=110.0, exit_reason="target", target=110.0)],
        refusals=[refusal(1, "invalid_levels", price=100.0)],
    ),
    planned(
        # The trail makes it 101 at the close of 104, the Adjust 102: the last to move it was not the trail.
        "a_stop_adjusted_beyond_the_trail_is_a_stop",
        market(
            A,
            [100, (100, 104, 100, 104), (104, 104, 101.5, 102), 102],
            plan={0: enter(trail=3.0), 1: {"long": ("adjust", 102.0, None)}},
        ),
        trades=[trade(0, 1, 2, exit_price=102.0, exit_reason="stop")],
    ),
    planned(
        # 103 - 3 = 100 moves beyond the adjusted 99.
        "a_trail_that_moves_beyond_an_adjusted_stop_is_a_trailing_stop",
        market(
            A,
            [100, 100, (100, 103, 100, 103), (103, 103, 99.5, 101), 101],
            plan={0: enter(trail=3.0), 1: {"long": ("adjust", 99.0, None)}},
        ),
        trades=[trade(0, 1, 3, exit_price=100.0, exit_reason="trailing_stop")],
    ),
    planned(
        "a_short_stop_comes_down",
        market(
            A,
            [100, 100, (100, 102, 100, 101), 101],
            plan={0: {"flat": ("enter", short(105.0))}, 1: {"short": ("adjust", 101.0, None)}},
        ),
        trades=[trade(0, 1, 2, side="short", exit_price=101.0, exit_reason="stop", stop=105.0)],
    ),
    planned(
        # 98.97 is 98.9 on the tick.
        "adjusted_levels_round_to_the_tick",
        market(
            A,
            [100, 100, (100, 100, 98, 100), 100],
            plan={0: enter(), 1: {"long": ("adjust", 98.97, None)}},
            tick=Decimal("0.1"),
        ),
        trades=[trade(0, 1, 2, exit_price=98.9)],
    ),
    planned(
        "bar_strategy_decides_nothing_during_the_warm_up",
        market(A, [100, 100, 101, 101], plan={0: enter(), 1: enter()}, first=1),
        trades=[trade(1, 2, 3, entry_price=101.0)],
    ),
]
