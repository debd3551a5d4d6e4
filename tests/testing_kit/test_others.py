"""The contracts of runners, reporters, alert sinks and observers: honest ones pass, broken ones are told why."""

from __future__ import annotations

import itertools
import logging
import math
import threading
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import Position, RunResult, Secret, Trade, redacted
from quantsail_framework.domain.alert import Alert
from quantsail_framework.ports.runner import Pipeline, Session
from quantsail_framework.testing import (
    AlertSinkContract,
    ObjectiveContract,
    ObserverContract,
    ReporterContract,
    RunnerContract,
)
from quantsail_framework.testing.examples import example_result
from quantsail_framework.testing.fakes import FakeStrategy, trade
from quantsail_framework.testing.markets import START_NS
from tests.testing_kit.kit import failure, run_all, suite

CALLS = itertools.count(1)


# Runners.


@attrs.frozen
class CountsEntries:
    """Honest: a result of the right shape for every strategy, worked out from the signals alone."""

    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        session.progress(0.0, "starts")
        some = isinstance(pipeline.strategy, FakeStrategy) and pipeline.strategy.every > 0
        result = example_result(4 if some else 0, kind="it", name=pipeline.name)
        session.progress(1.0, "done")
        return result


def changed(**changes: Any) -> type[Any]:
    """CountsEntries whose result has ``changes``, made of the result."""

    @attrs.frozen
    class Changed(CountsEntries):
        def run(self, pipeline: Pipeline, session: Session) -> RunResult:
            result = CountsEntries().run(pipeline, session)
            return attrs.evolve(result, **{name: make(result) for name, make in changes.items()})

    globals()["Changed"] = Changed
    return Changed


def test_an_honest_runner_passes() -> None:
    run_all(suite(RunnerContract, CountsEntries))


def longer(result: RunResult) -> Any:
    return {"trades": {"symbol": np.array(["A"], object), "quantity": np.zeros(2)}}


def seconds(result: RunResult) -> Any:
    return {"equity": {"time": np.zeros(3), "equity": np.ones(3)}}


def only_when_full(result: RunResult) -> Any:
    return result.tables if len(result.trades["symbol"]) else {}


def some_metrics_when_full(result: RunResult) -> Any:
    return {"sharpe": 1.0} if len(result.trades["symbol"]) else {}


@pytest.mark.parametrize(
    "changes, case, problem",
    [
        ({"kind": lambda result: "backtest"}, "test_rn01_result_has_its_shape", "kind is 'backtest'; it must be 'it'"),
        ({"name": lambda result: ""}, "test_rn01_result_has_its_shape", "name is ''; it must be 'example'"),
        ({"tables": longer}, "test_rn01_result_has_its_shape", "the columns of table 'trades' have different lengths"),
        (
            {"tables": seconds},
            "test_rn01_result_has_its_shape",
            "column equity.time holds float64; times are int64 nanoseconds",
        ),
        ({"metrics": lambda result: {"profit_factor": math.inf}}, "test_rn02_metrics_are_plain", "profit_factor"),
        ({"metrics": lambda result: {"trades": np.int64(3)}}, "test_rn02_metrics_are_plain", "not plain finite values"),
        (
            {"metrics": lambda result: {"sharpe": None}},
            "test_rn02_metrics_are_plain",
            "no reason is given why sharpe is undefined",
        ),
        ({"tables": only_when_full}, "test_rn03_no_trade_is_a_result", "without trades there is no table 'trades'"),
        (
            {"metrics": some_metrics_when_full},
            "test_rn03_no_trade_is_a_result",
            "without trades the metrics lack sharpe",
        ),
        (
            {"metrics": lambda result: {"n": next(CALLS)}},
            "test_rn04_same_run_same_result",
            "the metrics differ between two runs",
        ),
        (
            {"tables": lambda result: {"x": {"n": np.array([next(CALLS)])}}},
            "test_rn04_same_run_same_result",
            "column x.n differs",
        ),
    ],
)
def test_results_of_another_shape_are_caught(changes: dict[str, Any], case: str, problem: str) -> None:
    assert problem in failure(getattr(suite(RunnerContract, changed(**changes)), case))


@attrs.frozen
class Percents(CountsEntries):
    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        session.progress(50.0, "half")
        return CountsEntries().run(pipeline, session)


@attrs.frozen
class Backwards(CountsEntries):
    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        session.progress(0.5, "half")
        return CountsEntries().run(pipeline, session)


@attrs.frozen
class LateNews(CountsEntries):
    def run(self, pipeline: Pipeline, session: Session) -> RunResult:
        if session.events is not None:
            session.events.equity_updated(START_NS + 60_000_000_000, 10_000.0)
            session.events.trade_closed(trade(exit_time=START_NS))
        return CountsEntries().run(pipeline, session)


@attrs.frozen
class ReturnsMetrics(CountsEntries):
    def run(self, pipeline: Pipeline, session: Session) -> Any:
        return {"total_trades": 0}


def test_a_runner_returns_a_result_and_moves_on() -> None:
    assert "progress is told [50.0, " in failure(suite(RunnerContract, Percents).test_rn05_progress_moves_on)
    assert "progress falls: [0.5, 0.0, 1.0]" in failure(suite(RunnerContract, Backwards).test_rn05_progress_moves_on)
    assert "run returned dict, not RunResult" in failure(
        suite(RunnerContract, ReturnsMetrics).test_rn01_result_has_its_shape
    )


def test_events_out_of_order_are_caught() -> None:
    text = failure(suite(RunnerContract, LateNews).test_rn06_events_come_in_time_order)
    assert "equity_updated of 2023-01-02 00:01 UTC is told before trade_closed of 2023-01-02 00:00 UTC" in text


# Reporters.


@attrs.frozen
class Lines:
    """Honest: one line per metric in its folder, or nothing without one."""

    def write(self, result: RunResult, folder: Path | None) -> None:
        if folder is not None:
            (folder / "lines.txt").write_text("\n".join(f"{name}: {value}" for name, value in result.metrics.items()))


@attrs.frozen
class Beside(Lines):
    def write(self, result: RunResult, folder: Path | None) -> None:
        if folder is not None:
            (folder.parent / "latest.txt").write_text(result.name)


@attrs.frozen
class WorkingDirectory(Lines):
    def write(self, result: RunResult, folder: Path | None) -> None:
        Path("report.txt").write_text(result.name)


@attrs.frozen
class Numbered(Lines):
    def write(self, result: RunResult, folder: Path | None) -> None:
        if folder is not None:
            (folder / "report.txt").write_text(str(next(CALLS)))


@attrs.frozen
class Averages(Lines):
    def write(self, result: RunResult, folder: Path | None) -> None:
        sum(result.trades["net_pnl"].tolist()) / len(result.trades["net_pnl"])


@attrs.frozen
class Sorts(Lines):
    def write(self, result: RunResult, folder: Path | None) -> None:
        result.trades["net_pnl"].sort()


def test_an_honest_reporter_passes() -> None:
    run_all(suite(ReporterContract, Lines))


@pytest.mark.parametrize(
    "wrong, case, problem",
    [
        (
            WorkingDirectory,
            "test_rp02_works_without_folder",
            "without a folder the reporter writes report.txt (0 trades)",
        ),
        (WorkingDirectory, "test_rp03_stays_in_its_folder", "report.txt outside the run folder"),
        (Beside, "test_rp03_stays_in_its_folder", "latest.txt outside the run folder"),
        (Numbered, "test_rp04_same_bytes_twice", "two reports of one result differ in report.txt"),
        (Sorts, "test_rp05_result_is_left_alone", "the reporter changed column trades.net_pnl (8 trades)"),
    ],
)
def test_reporters_that_leave_their_place_are_caught(wrong: type[Any], case: str, problem: str) -> None:
    assert problem in failure(getattr(suite(ReporterContract, wrong), case))


def test_d059_a_reporter_that_fails_without_trades_is_caught() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        suite(ReporterContract, Averages).test_rp01_reports_any_result()
    assert "A run without trades" in caught.value.__notes__[0]


# Objectives.


@attrs.frozen
class Growth:
    """Honest."""

    def score(self, result: RunResult) -> float | None:
        return result.metrics["total_return"]


@attrs.frozen
class Endless:
    def score(self, result: RunResult) -> float:
        return math.inf if result.metrics["profit_factor"] is None else 1.0


@attrs.frozen
class NeedsTrades:
    def score(self, result: RunResult) -> float:
        return result.metrics["win_rate"] * 2


@attrs.frozen
class Never:
    def score(self, result: RunResult) -> None:
        return None


@attrs.frozen
class Counts:
    def score(self, result: RunResult) -> float:
        return float(next(CALLS))


@attrs.frozen
class Ranks:
    def score(self, result: RunResult) -> float:
        result.trades["net_pnl"].sort()
        return 1.0


@attrs.frozen
class Words:
    def score(self, result: RunResult) -> Any:
        return "good"


def test_an_honest_objective_passes() -> None:
    run_all(suite(ObjectiveContract, Growth))


@pytest.mark.parametrize(
    "wrong, case, problem",
    [
        (Endless, "test_oj01_scores_are_finite", "score returned inf; what has none is None"),
        (Words, "test_oj01_scores_are_finite", "score returned str, not a number or None"),
        (Never, "test_oj02_some_result_has_a_score", "no result has a score"),
        (Counts, "test_oj03_same_result_same_score", "and then"),
        (Ranks, "test_oj04_result_is_left_alone", "the objective changed column trades.net_pnl (8 trades)"),
    ],
)
def test_objectives_that_mislead_a_search_are_caught(wrong: type[Any], case: str, problem: str) -> None:
    assert problem in failure(getattr(suite(ObjectiveContract, wrong), case))


def test_an_objective_that_fails_without_trades_is_caught() -> None:
    with pytest.raises(TypeError) as caught:
        suite(ObjectiveContract, NeedsTrades).test_oj01_scores_are_finite()
    assert "of the objective contract, component 'it'" in caught.value.__notes__[0]


# Alert sinks.


@attrs.frozen
class Keeps:
    """Honest."""

    lines: list[str] = attrs.field(init=False, factory=list)

    def open(self) -> None:
        self.lines.clear()

    def send(self, alert: Alert) -> None:
        self.lines.append(f"{alert.level}: {alert.text}")

    def close(self) -> None:
        return None


@attrs.frozen
class FewLevels(Keeps):
    def send(self, alert: Alert) -> None:
        {"info": "i", "error": "!"}[alert.level]


@attrs.frozen
class Ascii(Keeps):
    def send(self, alert: Alert) -> None:
        alert.text.encode("ascii")


@attrs.frozen
class NeedsAnAlert(Keeps):
    def close(self) -> None:
        self.lines.pop()


@attrs.frozen
class OneThread(Keeps):
    def open(self) -> None:
        self.lines.append(threading.current_thread().name)

    def send(self, alert: Alert) -> None:
        if threading.current_thread().name not in self.lines:
            raise RuntimeError("wrong thread")


def test_an_honest_sink_passes() -> None:
    run_all(suite(AlertSinkContract, Keeps))


@pytest.mark.parametrize(
    "wrong, case, error",
    [
        (NeedsAnAlert, "test_as01_opens_and_closes", IndexError),
        (FewLevels, "test_as02_sends_every_level", KeyError),
        (Ascii, "test_as03_sends_any_text", UnicodeEncodeError),
    ],
)
def test_sinks_that_lose_alerts_are_caught(wrong: type[Any], case: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        getattr(suite(AlertSinkContract, wrong), case)()
    assert "of the alert-sink contract, component 'it'" in caught.value.__notes__[0]


@attrs.frozen
class Leaks(Keeps):
    token: Secret = attrs.field(factory=lambda: Secret(env="LEAKED"))

    def send(self, alert: Alert) -> None:
        self.leak(f"sending to /bot{self.token.reveal()}/")

    def leak(self, text: str) -> None:
        raise OSError(text)


@attrs.frozen
class Logs(Leaks):
    def leak(self, text: str) -> None:
        logging.getLogger("client").debug("POST %s", text)


@attrs.frozen
class Prints(Leaks):
    def leak(self, text: str) -> None:
        print(text)


@attrs.frozen
class LogsTraceback(Leaks):
    def leak(self, text: str) -> None:
        try:
            raise OSError(text)
        except OSError:
            logging.getLogger("client").warning("it failed", exc_info=True)


@attrs.frozen
class Discreet(Leaks):
    def leak(self, text: str) -> None:
        print(redacted(text))


@pytest.mark.parametrize("wrong", [Leaks, Logs, LogsTraceback, Prints])
def test_a_sink_that_shows_a_secret_is_caught(wrong: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "canary-4711")
    text = failure(suite(AlertSinkContract, wrong).test_as06_shows_no_secret)
    assert "the secret of option 'token' is shown" in text
    assert "canary" not in text


def test_a_sink_that_masks_its_secret_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "canary-4711")
    suite(AlertSinkContract, Discreet).test_as06_shows_no_secret()


@attrs.frozen
class Few(Keeps):
    def send(self, alert: Alert) -> None:
        {"run_finished": 1, "error": 2}[alert.kind]


@attrs.frozen
class Grabs(Keeps):
    only: str = "me"


def test_sinks_that_know_few_kinds_or_take_keys_of_the_pipeline_are_caught() -> None:
    with pytest.raises(KeyError):
        suite(AlertSinkContract, Few).test_as05_sends_every_kind()
    text = failure(suite(AlertSinkContract, Grabs).test_as07_leaves_the_keys_of_the_pipeline_alone)
    assert "Grabs has the option only, which belongs to the pipeline" in text


def test_a_sink_bound_to_its_thread_is_caught() -> None:
    text = failure(suite(AlertSinkContract, OneThread).test_as04_sends_from_another_thread)
    assert "send on another thread raised [RuntimeError('wrong thread')]" in text


# Observers.


@attrs.frozen
class Listens:
    """Honest: hears of two events."""

    heard: list[str] = attrs.field(init=False, factory=list)

    def open(self) -> None:
        self.heard.clear()

    def close(self) -> None:
        return None

    def order_filled(self, position: Position) -> None:
        self.heard.append(position.symbol)

    def trade_closed(self, trade: Trade) -> None:
        self.heard.append(f"{trade.symbol} {trade.net_pnl:.2f}")


@attrs.frozen
class Deaf:
    def open(self) -> None:
        return None

    def close(self) -> None:
        return None

    def trade_close(self, trade: Trade) -> None:
        return None


@attrs.frozen
class TakesNothing(Listens):
    def trade_closed(self) -> None:  # type: ignore[override]
        return None


@attrs.frozen
class SeedsMetrics(Listens):
    def trade_closed(self, trade: Any) -> None:
        self.heard.append(trade.realized_pnl_usd)


@attrs.frozen
class MovesStops(Listens):
    def order_filled(self, position: Position) -> None:
        position.stop = position.entry_price


@attrs.frozen
class LastOfAll(Listens):
    def close(self) -> None:
        self.heard.pop()


REGISTERED: set[str] = set()


@attrs.frozen
class RegistersOnce(Listens):
    def open(self) -> None:
        if "pnl" in REGISTERED:
            raise ValueError("duplicated time series: pnl")
        REGISTERED.add("pnl")


def test_an_honest_observer_passes() -> None:
    run_all(suite(ObserverContract, Listens))


@pytest.mark.parametrize(
    "wrong, case, problem",
    [
        (Deaf, "test_ob01_listens_to_something", "Deaf has none of the events run_prepared, run_started"),
        (TakesNothing, "test_ob01_listens_to_something", "TakesNothing.trade_closed must take 1 arguments beside self"),
        (MovesStops, "test_ob04_changes_nothing", "order_filled changed stop of what it was told"),
    ],
)
def test_observers_that_do_not_fit_are_caught(wrong: type[Any], case: str, problem: str) -> None:
    assert problem in failure(getattr(suite(ObserverContract, wrong), case))


@pytest.mark.parametrize(
    "wrong, case, error",
    [
        (SeedsMetrics, "test_ob02_takes_a_whole_run", AttributeError),
        (RegistersOnce, "test_ob02_takes_a_whole_run", ValueError),
        (LastOfAll, "test_ob03_a_run_without_events", IndexError),
    ],
)
def test_d128_d130_observers_that_fail_in_a_run_are_caught(wrong: type[Any], case: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        getattr(suite(ObserverContract, wrong), case)()
    assert "of the observer contract, component 'it'" in caught.value.__notes__[0]
