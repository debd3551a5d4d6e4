"""Walks over forty days whose best hour is known: up in the morning for twenty days, then up in the evening."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
import pytest

from quantsail_framework import Bars, RunResult, Signals, Timeframe, indicators
from quantsail_framework.domain.order import Request
from quantsail_framework.domain.portfolio import Portfolio
from quantsail_framework.errors import DataError, PipelineError
from quantsail_framework.ports.market import Market
from quantsail_framework.ports.runner import DataSpec, NamedRule, Pipeline
from quantsail_framework.testing.examples import example_pipeline, example_session
from quantsail_framework.testing.fakes import FakeSizer, FakeSource, ListEvents
from quantsail_walk_forward.runner import WalkForwardRunner

HOUR = 3_600_000_000_000
DAY = 24 * HOUR


@attrs.frozen
class Clock:
    """Buys at the close of the bar of that hour and leaves after seven bars; shall never touch its stop."""

    hour: int = 5
    warmup: int = 0
    lookback: str = "none"

    def __attrs_post_init__(self) -> None:
        if self.lookback == "early" and self.hour > 12:
            raise ValueError(f"{self.hour} is not early")

    def signals(self, bars: Bars) -> Signals:
        entry = (bars.time // HOUR % 24 == self.hour).astype(np.int8)
        if self.lookback == "short":
            entry = entry[:-1]
        return Signals(entry, bars.close * 0.9, max_bars=7, reason=lambda _: "the hour")


@attrs.frozen
class Forgetful(Clock):
    """Asks for its hours once for all trials, whichever hour they want."""

    def signals(self, bars: Bars) -> Signals:
        rows = indicators.once(bars, "hours", lambda: np.flatnonzero(bars.time // HOUR % 24 == self.hour))
        return Signals.at(rows, len(bars), entry=1, stop=bars.close[rows] * 0.9, max_bars=7)


@attrs.frozen
class Breaking(Clock):
    """Breaks once it has answered so often."""

    left: ClassVar[int] = 0

    def signals(self, bars: Bars) -> Signals:
        Breaking.left -= 1
        if Breaking.left < 0:
            raise KeyboardInterrupt
        return super().signals(bars)


def candles(days: int = 40, turn: int = 20, silent: range = range(0), symbol: str = "TEST/USDT") -> Bars:
    """Hourly bars. Before day ``turn``: 100, up to 102 from 6 to 12, down again from 18 on; after it the mirror."""
    hour = np.arange(days * 24)
    of_day, day = hour % 24, hour // 24
    shape = np.where(of_day < 12, np.clip(of_day - 5, 0, 6), np.clip(23 - of_day, 0, 6)) / 3
    close = 100.0 + np.where(day < turn, shape, -shape)
    open_ = np.concatenate(([100.0], close[:-1]))
    volume = np.where(np.isin(day, silent), 0.0, 1.0)
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    return Bars(symbol, Timeframe("1h"), hour * HOUR, open_, high, low, close, volume)


def pipeline(*series: Bars, **parts: Any) -> Pipeline:
    given = series or (candles(),)
    spec = DataSpec(tuple(bars.symbol for bars in given), Timeframe("1h"))
    source = FakeSource({bars.symbol: bars for bars in given})
    return example_pipeline(**{"strategy": Clock(), "data": spec, "source": source} | parts)


def walk(of: Pipeline | None = None, session: Any = None, **options: Any) -> RunResult:
    """Train ten days, test five, over the hours 5 and 17."""
    usual = {"train_days": 10.0, "test_days": 5.0, "parameters": {"strategy.hour": [5, 17]}}
    return WalkForwardRunner(**(usual | options)).run(of or pipeline(), session or example_session())


def column(result: RunResult, name: str, table: str = "windows") -> list[Any]:
    return [None if value != value else value for value in result.tables[table][name].tolist()]


def test_the_whole_walk_worked_by_hand() -> None:
    result = walk()
    # Tested from day 10 on. The training of window 3 ends with day 20, where the hours turn round: it loses. That of
    # window 4 has five days of each, and both hours lose by their costs: flat. Then the evening is learnt.
    assert column(result, "strategy.hour") == [5, 5, 5, None, 17, 17]
    assert column(result, "status") == ["chosen", "chosen", "chosen", "flat", "chosen", "chosen"]
    assert column(result, "train_trades") == [10, 10, 10, 0, 10, 10]
    assert column(result, "test_trades") == [5, 5, 5, 0, 5, 5]
    signs = [int(math.copysign(1, value)) if value else 0 for value in column(result, "test_return")]
    assert signs == [1, 1, -1, 0, 1, 1]
    assert [value // DAY for value in column(result, "test_start_time")] == [10, 15, 20, 25, 30, 35]
    # The first trade: a tenth of 10,000 at 100, out at 102, costs of 10 basis points on 1,000 and on 1,020.
    assert result.trades["net_pnl"][0] == pytest.approx(20 - 1 - 1.02)
    assert result.metrics["windows"] == 6
    assert result.metrics["windows_traded"] == 5
    assert result.metrics["positive_windows"] == pytest.approx(4 / 6)
    assert result.verdict == "fail"
    positive, factor = result.facts["criteria"]
    assert positive == {"name": "positive_windows", "value": 4 / 6, "limit": 0.7, "passed": False}
    assert factor["name"] == "pooled_profit_factor"
    assert factor["passed"] is (result.metrics["profit_factor"] > 1.1)
    assert result.notes == (
        "window 4 stays flat: in training no combination had enough trades and a profit factor above 1",
    )


def test_the_limits_of_the_verdict_are_options() -> None:
    assert walk(min_positive_windows=0.6).verdict == "pass"
    assert walk(min_positive_windows=0.6, min_profit_factor=5.0).verdict == "fail"


def test_one_window_is_not_enough_for_a_verdict() -> None:
    result = walk(pipeline(candles(days=15)))
    assert column(result, "test_trades") == [5]
    assert result.verdict == "not_enough_data"


def test_d057_d063_without_a_candidate_every_window_stays_flat() -> None:
    losing = walk(pipeline(candles(turn=40)), parameters={"strategy.hour": [17]})
    assert set(column(losing, "status")) == {"flat"}
    assert all(factor < 1 for factor in column(losing, "profit_factor", "trials"))  # the least bad is not deployed
    assert set(column(losing, "score", "trials")) == {None}
    assert losing.verdict == "not_enough_data"
    assert losing.metrics["total_trades"] == 0
    assert losing.metrics["final_equity"] == 10_000.0
    assert losing.metrics["walk_forward_efficiency"] is None
    assert losing.undefined["walk_forward_efficiency"] == "no window chose parameters"
    assert losing.undefined["parameter_drift"] == "fewer than two windows have chosen parameters"
    assert set(column(losing, "reason", "trials")) == {"profit factor 0, needs more than 1"}
    few = walk(min_trades=11)
    assert column(few, "reason", "trials")[0] == "10 trades, needs 11"
    assert set(column(few, "status")) == {"flat"}


def test_d057_combinations_that_break_or_are_refused_are_rows_and_the_walk_goes_on() -> None:
    result = walk(parameters={"strategy.hour": [5, 17], "strategy.lookback": ["short", "early", "none"]})
    assert column(result, "strategy.lookback") == ["early", "early", "early", "", "none", "none"]
    assert column(result, "status", "trials")[:6] == ["error", "ok", "ok", "error", "refused", "ok"]
    reasons = column(result, "reason", "trials")[:6]
    assert "signals.entry has shape (239,); the bars have (240,)" in reasons[0]
    assert "17 is not early" in reasons[4]
    broken = walk(parameters={"strategy.hour": [5, 17], "strategy.lookback": ["short"]})
    assert set(column(broken, "status")) == {"flat"}


def test_d058_the_first_day_of_a_test_trades_although_the_strategy_needs_a_warm_up() -> None:
    result = walk(pipeline(strategy=Clock(warmup=100)))
    # The data begin with the first training: its warm-up takes four days, and six trades are too few.
    assert column(result, "status")[:3] == ["flat", "chosen", "chosen"]
    assert column(result, "test_trades")[1:3] == [5, 5]
    assert column(result, "total_trades", "trials")[:4] == [6, 6, 10, 10]
    assert result.trades["entry_time"][0] == 15 * DAY + 6 * HOUR


def test_d059_a_test_window_without_trades_is_a_row_of_zeros() -> None:
    result = walk(pipeline(candles(turn=40, silent=range(15, 20))), min_trades=5)
    assert column(result, "status")[1] == "chosen"
    zeros = ("test_trades", "test_net_pnl", "test_return")
    assert [column(result, name)[1] for name in zeros] == [0, 0.0, 0.0]
    assert column(result, "test_profit_factor")[1] is None
    assert result.metrics["windows_traded"] == 5
    assert result.metrics["positive_windows"] == pytest.approx(5 / 6)  # it counts as not positive


@pytest.mark.parametrize("reset", [False, True])
def test_a_window_without_candles_is_told_and_passed_over(reset: bool) -> None:
    whole = candles(turn=60, days=60)
    gone = (whole.time >= 20 * DAY) & (whole.time < 35 * DAY)  # a training range and three tests
    result = walk(pipeline(whole.where(~gone)), reset=reset)
    assert column(result, "test_trades")[2:5] == [0, 0, 0]
    missing = result.tables["trials"]["reason"] == "the markets have no bars in this range"
    assert set(result.tables["trials"]["window"][missing]) == {5, 6}
    assert column(result, "status")[4:6] == ["flat", "flat"]
    assert column(result, "status")[-1] == "chosen"


def test_d060_too_few_candles_are_an_error_that_says_so() -> None:
    with pytest.raises(DataError, match=r"the first window needs 12\.5 days .* has 12;"):
        walk(pipeline(candles(days=12)))


def test_d064_without_losers_the_score_is_capped_and_ties_go_to_grid_order() -> None:
    # The hours 4 and 5 both earn two of a hundred each morning, and neither ever loses.
    for hours in ([4, 5], [5, 4]):
        result = walk(pipeline(candles(turn=40)), parameters={"strategy.hour": hours})
        assert column(result, "strategy.hour") == [hours[0]] * 6
        assert column(result, "score") == pytest.approx([10 * math.log(10)] * 6)
        assert column(result, "train_profit_factor") == [None] * 6


def test_d065_the_profit_factor_is_that_of_all_trades_together() -> None:
    result = walk()
    net = result.trades["net_pnl"]
    pooled = net[net > 0].sum() / -net[net < 0].sum()
    assert column(result, "test_profit_factor") == [None, None, 0.0, None, None, None]  # no mean of these says it
    assert result.metrics["pooled_profit_factor"] == pytest.approx(pooled)
    assert result.facts["criteria"][1]["value"] == pytest.approx(pooled)


def test_d065_windows_that_never_lose_pass_without_an_infinite_number() -> None:
    result = walk(pipeline(candles(turn=40)))
    assert result.verdict == "pass"
    assert result.metrics["pooled_profit_factor"] is None
    assert result.undefined["pooled_profit_factor"] == "no losing trade"
    assert result.facts["criteria"][1] == {
        "name": "pooled_profit_factor", "value": None, "limit": 1.1, "passed": True
    }  # fmt: skip


def test_d066_one_account_goes_through_all_windows() -> None:
    result = walk()
    time, equity = result.equity["time"], result.equity["equity"]
    assert (time[0], time[-1]) == (10 * DAY, 40 * DAY - HOUR)
    assert (np.diff(time) == HOUR).all()
    total = math.prod(1 + change for change in column(result, "test_return")) - 1
    assert result.metrics["total_return"] == pytest.approx(total)
    assert equity[-1] == pytest.approx(10_000 + result.trades["net_pnl"].sum())
    peak = np.maximum.accumulate(np.append(10_000.0, equity))[1:]
    assert result.metrics["max_drawdown"] == pytest.approx((1 - equity / peak).max())
    assert result.trades["equity_at_entry"][5] > 10_050  # window 2 goes on with what window 1 has earned


def test_d066_with_reset_each_window_starts_with_the_capital() -> None:
    result = walk(reset=True)
    starts = [np.flatnonzero(result.trades["window"] == number)[0] for number in (1, 2, 3, 5, 6)]
    assert result.trades["equity_at_entry"][starts].tolist() == [10_000.0] * 5
    assert result.equity["equity"][-1] == pytest.approx(10_000 + result.trades["net_pnl"].sum())
    assert column(result, "strategy.hour") == [5, 5, 5, None, 17, 17]
    net = [result.trades["net_pnl"][result.trades["window"] == number].sum() for number in range(1, 7)]
    assert column(result, "test_net_pnl") == pytest.approx(net)
    assert column(result, "test_return") == pytest.approx([each / 10_000 for each in net])


def test_d067_a_position_crosses_the_edge_of_a_window() -> None:
    result = walk()
    # The evening of day 34 ends in the night of day 35, in the next window, as any other does.
    crossing = (result.trades["entry_time"] < 35 * DAY) & (result.trades["exit_time"] >= 35 * DAY)
    assert result.trades["exit_reason"][crossing].tolist() == ["time"]
    assert result.trades["window"][crossing].tolist() == [5]
    assert (result.trades["exit_reason"] == "end_of_data").sum() == 1  # the last evening alone
    apart = walk(reset=True)
    assert (apart.trades["exit_reason"] == "end_of_data").sum() == 2


@attrs.frozen
class NotAfter:
    """Refuses every entry from a moment on."""

    time_ns: int

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> str | None:
        return "too late" if market.now_ns >= self.time_ns else None


def test_d068_sizer_and_rules_are_those_of_the_pipeline() -> None:
    rule = NamedRule("not-after", NotAfter(17 * DAY))
    result = walk(pipeline(risk=(rule,), sizer=FakeSizer(share=0.5)), min_trades=5)
    assert result.trades["quantity"][0] == pytest.approx(50.0)
    assert column(result, "test_trades")[:2] == [5, 2]
    assert set(result.refusals["rule"]) == {"not-after"}


def test_d069_every_market_of_the_pipeline_is_traded() -> None:
    two = (candles(turn=40), candles(turn=40, symbol="ADA/USDT"))
    result = walk(pipeline(*two))
    assert column(result, "test_trades") == [10] * 6
    assert set(result.trades["symbol"]) == {"TEST/USDT", "ADA/USDT"}


def test_d070_every_trial_is_kept_with_what_it_promised() -> None:
    result = walk()
    assert column(result, "window", "trials") == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    assert column(result, "strategy.hour", "trials") == [5, 17] * 6
    assert result.metrics["trials"] == 12
    assert column(result, "status", "trials") == ["ok"] * 12
    for number, score in zip(column(result, "window"), column(result, "score"), strict=True):
        scores = [
            s for w, s in zip(*(column(result, c, "trials") for c in ("window", "score")), strict=True) if w == number
        ]
        assert max((s for s in scores if s is not None), default=None) == score
    # Four moves between five choices, one of them over the whole range of hours.
    assert result.metrics["parameter_drift"] == 0.25
    assert result.metrics["drift_by_parameter"] == {"strategy.hour": 0.25}


def test_d070_efficiency_is_what_the_tests_earned_of_what_training_promised() -> None:
    result = walk()
    chosen = [row for row, status in enumerate(column(result, "status")) if status == "chosen"]
    inside = math.prod(1 + column(result, "train_return")[row] for row in chosen) ** (365.25 / 50)
    outside = math.prod(1 + column(result, "test_return")[row] for row in chosen) ** (365.25 / 25)
    assert result.metrics["walk_forward_efficiency"] == pytest.approx((outside - 1) / (inside - 1))
    # Where every day earns the same, tests keep what training promised (up to compounding at the edges).
    steady = walk(pipeline(candles(turn=40)))
    assert steady.metrics["walk_forward_efficiency"] == pytest.approx(1.0, rel=0.02)


def test_d071_all_figures_are_plain() -> None:
    result = walk()
    json.dumps([result.metrics, result.facts["criteria"], result.facts["parameters"]], allow_nan=False)
    assert all(type(criterion["passed"]) is bool for criterion in result.facts["criteria"])
    assert type(result.verdict) is str


@attrs.frozen
class Bracket:
    """Buys when the sixth hour of a day has closed, with a stop and a target of ten percent; leaves after seven bars.

    The option ``unused`` gives a grid something to vary.
    """

    unused: int = 1
    warmup: int = 0

    def signals(self, bars: Bars) -> Signals:
        entry = (bars.time // HOUR % 24 == 5).astype(np.int8)
        return Signals(entry, bars.close * 0.9, bars.close * 1.1, max_bars=7, reason=lambda _: "the hour")


def torn(bars: Bars, day: int, hour: int) -> Bars:
    """With one bar that reaches from 80 to 120."""
    high, low = bars.high.copy(), bars.low.copy()
    high[day * 24 + hour], low[day * 24 + hour] = 120.0, 80.0
    return attrs.evolve(bars, high=high, low=low)


@pytest.mark.parametrize("reset", [False, True])
def test_d033_both_ends_of_an_ambiguous_bar_are_told(reset: bool) -> None:
    """The last trade of two windows meets a bar that touches its stop at 90 and its target at 110."""
    events = ListEvents()
    given = pipeline(torn(candles(days=20), 19, 8), strategy=Bracket())
    options: dict[str, Any] = {"parameters": {"strategy.unused": [1, 2]}, "reset": reset}
    result = walk(given, example_session(events=events), **options)
    assert result.metrics["ambiguous_trades"] == 1
    assert result.trades["exit_price"][-1] == pytest.approx(90.0)
    stop_first = result.metrics["total_return_stop_first"]
    assert stop_first == result.metrics["total_return"]
    # For each of its pieces twenty more, and the ten basis points of 90 that a taker has paid at the stop.
    more = float(result.trades["quantity"][-1]) * (20.0 + 0.09)
    assert result.metrics["total_return_target_first"] == pytest.approx(stop_first + more / 10_000.0)
    # The other end is a figure only: observers are not told of its trades.
    told = sum(name == "trade_closed" for name in events.names())
    assert told == (0 if reset else len(result.trades["symbol"]))

    other = walk(given, both_touched="target_first", **options)
    assert other.metrics["total_return"] == other.metrics["total_return_target_first"]
    assert other.metrics["total_return_stop_first"] == pytest.approx(stop_first)


def test_without_an_ambiguous_bar_both_ends_are_the_return() -> None:
    metrics = walk().metrics
    assert metrics["ambiguous_trades"] == 0
    assert metrics["total_return_stop_first"] == metrics["total_return_target_first"] == metrics["total_return"]


def test_events_are_those_of_the_one_account() -> None:
    events = ListEvents()
    result = walk(session=example_session(events=events))
    assert sum(name == "trade_closed" for name, _ in events.happened) == len(result.trades["symbol"])


def test_overlapping_tests_share_bars_only_where_that_is_asked_for() -> None:
    result = walk(pipeline(candles(turn=40)), step_days=2.5, overlap=True, reset=True)
    starts = column(result, "test_start_time")
    assert all(after - before == 2.5 * DAY for before, after in pairwise(starts))
    assert (np.diff(result.equity["time"]) > 0).all()
    assert result.equity["equity"][-1] == pytest.approx(10_000 + result.trades["net_pnl"].sum())


@attrs.frozen
class Fewest:
    """The fewer trades the better."""

    def score(self, result: RunResult) -> float | None:
        return -float(result.metrics["total_trades"])


def test_d061_windows_shorter_than_a_bar_are_refused() -> None:
    with pytest.raises(PipelineError, match=r"walk-forward\.step_days: 1e-09 days are less than one bar of 1h"):
        walk(test_days=1e-9)


def test_an_objective_of_ones_own_chooses_among_those_that_qualify() -> None:
    parameters = {"strategy.hour": [5], "strategy.warmup": [0, 24]}
    result = walk(pipeline(candles(turn=40)), parameters=parameters, objective=Fewest(), min_trades=9)
    assert column(result, "strategy.warmup")[0] == 24  # nine trades in the first training, which has no bars before it
    assert column(result, "score")[0] == -9.0
    assert result.facts["objective"] == "Fewest"


@pytest.mark.parametrize(
    ("parameters", "constraints", "text"),
    [
        ({}, (), "parameters: there are none"),
        ({"strategy.hours": [1]}, (), "walk-forward.parameters.strategy.hours: unknown option; did you mean hour?"),
        (
            {"strategy.hour": ["x"]},
            (),
            'walk-forward.parameters.strategy.hour: expects a whole number, got the text "x"',
        ),
        (
            {"strategy.hour": [5, "x"]},
            (),
            'walk-forward.parameters.strategy.hour: expects a whole number, got the text "x"',
        ),
        ({"data.symbols": [1]}, (), "cannot be varied"),
        (
            {"strategy.hour": [5]},
            ("strategy.hour > 9",),
            "no combination of the parameters keeps them: strategy.hour > 9",
        ),
        ({"costs.bps": [5.0, 10.0]}, (), "parameters.costs.bps: one account pays one market's costs; set reset = true"),
    ],
)
def test_parameters_that_cannot_be_varied_are_told_before_the_first_trial(
    parameters: dict[str, Any], constraints: tuple[str, ...], text: str
) -> None:
    with pytest.raises(PipelineError) as caught:
        walk(parameters=parameters, constraints=constraints)
    assert text in str(caught.value)


def test_costs_can_be_varied_where_windows_are_apart() -> None:
    result = walk(pipeline(candles(turn=40)), parameters={"costs.bps": [5.0, 10.0]}, reset=True)
    assert set(column(result, "costs.bps")) == {5.0}


def test_a_parameter_that_is_no_number_is_text_in_the_tables() -> None:
    parameters = {"strategy.hour": [5, 17], "strategy.lookback": ["none", "some"]}
    result = walk(parameters=parameters)
    assert column(result, "strategy.lookback") == ["none", "none", "none", "", "none", "none"]
    assert result.metrics["drift_by_parameter"] == {"strategy.hour": 0.25, "strategy.lookback": 0.0}


def test_a_key_that_lacks_an_option_is_found_out() -> None:
    """Both hours have the entries of the first, until the last trial runs again alone."""
    told = [note for note in walk(pipeline(strategy=Forgetful())).notes if note.startswith("No trial can be believed")]
    assert len(told) == 1
    assert "strategy.hour=17 from 1970-01-26 00:00 UTC to 1970-02-05 00:00 UTC has" in told[0]
    assert not [note for note in walk().notes if "believed" in note]


def test_ranges_without_bars_at_the_end_hide_no_key_that_lacks_an_option() -> None:
    bars = candles(60)
    kept = (bars.time < 30 * DAY) | (bars.time >= 58 * DAY)
    columns = (getattr(bars, name)[kept] for name in ("time", "open", "high", "low", "close", "volume"))
    walked = walk(pipeline(Bars(bars.symbol, bars.timeframe, *columns), strategy=Forgetful()))
    assert walked.tables["trials"]["reason"][-1] == "the markets have no bars in this range"
    assert [note for note in walked.notes if note.startswith("No trial can be believed")]


def test_a_walk_that_is_stopped_after_its_trials_keeps_them(tmp_path: Path) -> None:
    """Until its result is there: one trial runs again after all others."""
    session = example_session(folder=tmp_path / "runs" / "one")
    Breaking.left = 10_000
    walk(pipeline(strategy=Breaking()), session)
    answers = 10_000 - Breaking.left
    assert not (tmp_path / "runs" / ".trials").exists()
    Breaking.left = answers - 1
    with pytest.raises(KeyboardInterrupt):
        walk(pipeline(strategy=Breaking()), session)
    (kept,) = (tmp_path / "runs" / ".trials").iterdir()
    assert len(kept.read_bytes().splitlines()) == 12
