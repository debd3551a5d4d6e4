"""What belongs to which trading day is told by the bars, never by the clock of the machine that walks them."""

from __future__ import annotations

from tests.engine.pipelines import rows, run_every_way
from tests.reference.worked import A, account, at, long, market

DAY = 24


def test_d108_losses_of_simulated_days_do_not_add_up() -> None:
    """A loss of 20 on each of three days, walked in a moment: no day reaches the limit of 50."""
    hours = [day * DAY + hour for day in range(3) for hour in (9, 10)]
    bars = [(100.0, 100.0, low, 100.0) for low in (100.0, 97.0) * 3]
    lost = market(A, bars, {0: long(98.0), 2: long(98.0), 4: long(98.0)}, times=hours)
    for run in run_every_way([lost], account(rules=[("max-daily-loss", {"limit": 50.0})])):
        assert [round(net) for net in run.trades["net_pnl"].tolist()] == [-20, -20, -20]
        assert rows(run.refusals) == []


def test_d109_a_loss_just_after_midnight_ends_the_new_day() -> None:
    """-80 in the bar of 00:00: the whole new day is refused, and the decision at its end, 24:00, is free again."""
    hours = [22, 23, DAY, DAY + 12, 2 * DAY - 1, 2 * DAY, 2 * DAY + 1]
    bars = [100.0, 100.0, (100.0, 100.0, 91.0, 100.0), 100.0, 100.0, 100.0, 100.0]
    lost = market(A, bars, {place: long(92.0) for place in range(5)}, times=hours)
    for run in run_every_way([lost], account(rules=[("max-daily-loss", {"limit": 50.0})])):
        trades, refused = rows(run.trades), rows(run.refusals)
        assert (trades[0]["exit_time"], trades[0]["net_pnl"]) == (at(DAY), -80.0)
        assert [(row["time"], row["value"]) for row in refused] == [(at(DAY), 80.0), (at(DAY + 12), 80.0)]
        assert trades[1]["signal_time"] == at(2 * DAY - 1)
