"""When the compiled loop runs: where all components have a form, and there is enough to be decided."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from quantsail_framework import (
    LONG,
    Bars,
    CompiledRule,
    CompiledSizer,
    Instrument,
    Market,
    Portfolio,
    Reference,
    Request,
    Signal,
    Signals,
    Sizing,
    Trip,
    load_pipeline,
    run,
)
from quantsail_framework.backtest import backtest, get_ready
from quantsail_framework.compiled import choice
from quantsail_framework.compiled.choice import LOAD_FROM, MAKE_FROM, SWITCH
from quantsail_framework.compiled.forms import forms_of
from quantsail_framework.domain.timeframe import NS_PER_DAY
from quantsail_framework.engine import MarketData, simulate
from quantsail_framework.errors import ComponentError, InputError
from quantsail_framework.ports.runner import NamedRule, Pipeline, Session
from quantsail_framework.search.journal import Journal, run_trials
from quantsail_framework.search.study import Study
from quantsail_risk.daily_loss import MaxDailyLoss
from quantsail_sizing.fixed_fractional import FixedFractional
from tests.engine.pipelines import prepared
from tests.engine.test_reference import assert_identical
from tests.reference.markets import seeded
from tests.reference.worked import account

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.toml"


@pytest.fixture(autouse=True)
def _nothing_decided_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a new process of a user whose cache is empty."""
    monkeypatch.setattr(choice, "_chooser", choice._Chooser())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(SWITCH, raising=False)


@pytest.fixture
def case() -> tuple[Pipeline, MarketData]:
    """Some thirty entries, of which most are refused."""
    return prepared(seeded(27).markets, account())


def test_machine_code_is_loaded_and_made_when_there_is_enough_to_decide() -> None:
    chooser = choice._Chooser()
    assert chooser.machine(LOAD_FROM - 1) == (None, False)
    machine, makes = chooser.machine(1)
    assert machine is not None
    assert not makes
    assert chooser.machine(MAKE_FROM - LOAD_FROM - 1) == (machine, False)
    assert chooser.machine(1) == (machine, True)


def test_runs_to_come_are_not_counted_before_they_come() -> None:
    chooser = choice._Chooser()
    machine, makes = chooser.machine(MAKE_FROM, later=True)
    assert machine is not None
    assert makes
    assert chooser.machine(1) == (machine, False)


def test_the_switch_is_heeded(monkeypatch: pytest.MonkeyPatch, case: tuple[Pipeline, MarketData]) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the loop was looked for")

    monkeypatch.setenv(SWITCH, "off")
    monkeypatch.setattr(choice, "forms_of", never)
    assert_identical(backtest(*case), simulate(*case))
    monkeypatch.setenv(SWITCH, "make")
    machine, makes = choice._Chooser().machine(1)
    assert machine is not None
    assert makes


def test_an_unknown_wish_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "of")
    with pytest.raises(InputError, match="QUANTSAIL_COMPILED is 'of'; it must be one of auto, off, make"):
        run(load_pipeline(QUICKSTART))
    monkeypatch.setenv(SWITCH, "")
    assert run(load_pipeline(QUICKSTART)).metrics["total_trades"] > 0


def test_a_search_makes_the_code_before_its_trials(
    case: tuple[Pipeline, MarketData], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(choice, "LOAD_FROM", 1)
    monkeypatch.setattr(choice, "MAKE_FROM", 2)
    told: list[tuple[float, str]] = []
    session = Session(wall_ns=lambda: 0, progress=lambda done, text: told.append((done, text)))
    trials = [{"sizer.max_position_pct_equity": 10.0 + number} for number in range(3)]
    study = Study(*case)
    done = run_trials(study, trials, session, Journal(None))
    assert told[:2] == [(0.0, "0 of 3 trials"), (0.0, "compiling, once on this machine")]
    assert list((tmp_path / "cache" / "quantsail" / "machine-code").glob("loop-*.o"))
    monkeypatch.setenv(SWITCH, "off")
    plain = run_trials(study, trials, session, Journal(None))
    assert [trial.metrics for trial in done] == [trial.metrics for trial in plain]


def test_many_runs_make_the_code_beforehand_once_and_say_so(case: tuple[Pipeline, MarketData], tmp_path: Path) -> None:
    told: list[str] = []
    get_ready(*case, 10, told.append)
    assert not told
    get_ready(*case, MAKE_FROM, told.append)
    assert told == ["compiling, once on this machine"]
    kept = sorted(file.name.partition("-")[0] for file in (tmp_path / "cache" / "quantsail" / "machine-code").iterdir())
    assert kept == ["costs", "loop", "size"]
    get_ready(*case, MAKE_FROM, told.append)
    assert len(told) == 1


@attrs.frozen
class Counted:
    """A strategy that notes how often it is asked."""

    real: Any
    asked: list[str]

    @property
    def warmup(self) -> int:
        return int(self.real.warmup)

    def signals(self, bars: Bars) -> Signals:
        self.asked.append(bars.symbol)
        signals: Signals = self.real.signals(bars)
        return signals


def test_a_strategy_is_asked_beforehand_only_where_code_may_be_made(case: tuple[Pipeline, MarketData]) -> None:
    """It may take minutes, and a search with few trials in a batch comes here for each."""
    strategy = Counted(case[0].strategy, [])
    pipeline = attrs.evolve(case[0], strategy=strategy)
    formless = attrs.evolve(pipeline, risk=(NamedRule("anything", Anything(None)),))
    get_ready(formless, case[1], MAKE_FROM, lambda text: None)
    assert not strategy.asked
    get_ready(pipeline, case[1], MAKE_FROM, lambda text: None)
    assert strategy.asked == list(case[1].bars)
    get_ready(pipeline, case[1], MAKE_FROM, lambda text: None)
    assert strategy.asked == list(case[1].bars)


@attrs.frozen
class Broken:
    """Says what no bar can hold."""

    warmup: int = 0

    def signals(self, bars: Bars) -> Signals:
        return Signals.at([len(bars)], len(bars), entry=LONG, stop=1.0)


def test_what_a_strategy_raises_is_no_reason_of_machine_code(
    case: tuple[Pipeline, MarketData], caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = attrs.evolve(case[0], strategy=Broken())
    with pytest.raises(ComponentError, match=r"Signals\.at has rows from"):
        get_ready(pipeline, case[1], MAKE_FROM, lambda text: None)
    assert "the plain engine runs" not in caplog.text


def test_a_class_with_a_method_of_its_own_has_not_the_form_of_its_parent(case: tuple[Pipeline, MarketData]) -> None:
    @attrs.frozen
    class Half(FixedFractional):
        def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
            whole = super().size(signal, instrument, portfolio, market)
            return whole._replace(quantity=whole.quantity / 2.0)

    @attrs.frozen
    class Renamed(FixedFractional):
        pass

    @attrs.frozen
    class NextWeek(MaxDailyLoss):
        def trip(self, portfolio: Portfolio, market: Market, reference: Reference) -> Trip | None:
            trip = super().trip(portfolio, market, reference)
            return trip and trip._replace(until_ns=trip.until_ns + 7 * NS_PER_DAY)

    pipeline, _ = case
    assert forms_of(attrs.evolve(pipeline, sizer=Half())) is None
    assert forms_of(attrs.evolve(pipeline, sizer=Renamed())) is not None
    assert forms_of(attrs.evolve(pipeline, risk=(NamedRule("daily", MaxDailyLoss(50.0)),))) is not None
    assert forms_of(attrs.evolve(pipeline, risk=(NamedRule("weekly", NextWeek(50.0)),))) is None


@attrs.frozen
class Anything:
    """Approves; its form is not one that can be compiled."""

    form: Any

    def check(self, request: Request, portfolio: Portfolio, market: Market) -> None:
        return None

    def compiled(self) -> Any:
        return self.form


def test_a_form_that_cannot_be_compiled_leaves_the_run_to_the_engine(
    case: tuple[Pipeline, MarketData], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(SWITCH, "make")
    form = CompiledRule(print, (), lambda limit, value: "never")
    pipeline = attrs.evolve(case[0], risk=(NamedRule("anything", Anything(form)),))
    with caplog.at_level(logging.WARNING):
        runs = [backtest(pipeline, case[1]) for _ in range(3)]
    for each in runs:
        assert_identical(each, simulate(pipeline, case[1]))
    assert caplog.text.count("the plain engine runs: <built-in function print> cannot be compiled") == 1


def test_a_form_of_another_kind_is_an_error(case: tuple[Pipeline, MarketData]) -> None:
    pipeline = attrs.evolve(case[0], risk=(NamedRule("anything", Anything("a text")),))
    with pytest.raises(ComponentError, match=r"Anything\.compiled\(\) returned str; it must return CompiledRule"):
        backtest(pipeline, case[1])


@attrs.frozen
class WatchesMore(Anything):
    """Watches equity too, at whose closes its form is never asked."""

    watches: tuple[str, ...] = ("trades", "equity")

    def compiled(self) -> Any:
        return self.form


def test_a_breaker_that_watches_more_than_trades_has_no_form(case: tuple[Pipeline, MarketData]) -> None:
    form = CompiledRule(_never, (), lambda limit, value: "never", trip=_never)
    pipeline = attrs.evolve(case[0], risk=(NamedRule("anything", WatchesMore(form)),))
    with pytest.raises(ComponentError, match="one that watches more has no compiled form"):
        backtest(pipeline, case[1])


def _never(*_: Any) -> Any:
    return False, 0.0, 0.0


def _unknown_word(_numbers: Any, request: Any, account: Any) -> Any:
    return account.available / request.price / 100.0, 3


@attrs.frozen
class ManyWords(FixedFractional):
    """Its form names a word that it does not have."""

    def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
        return Sizing(portfolio.available / signal.price / 100.0, "a hundredth")

    def compiled(self) -> CompiledSizer:
        return CompiledSizer(_unknown_word, (), ("a hundredth",))


def test_a_form_that_answers_what_it_may_not_leaves_the_run_to_the_engine(
    case: tuple[Pipeline, MarketData], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(SWITCH, "make")
    pipeline = attrs.evolve(case[0], sizer=ManyWords())
    with caplog.at_level(logging.WARNING):
        run = backtest(pipeline, case[1])
    assert_identical(run, simulate(pipeline, case[1]))
    assert "the compiled form of the sizer gave 3 to 3 as what decided its sizes; it has 1 words" in caplog.text


def test_a_compiler_that_does_not_come_up_leaves_the_run_to_the_engine(tmp_path: Path) -> None:
    broken = tmp_path / "numba"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('Numba needs another NumPy')\n", encoding="utf-8")
    surroundings = {"PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "empty"), SWITCH: "make"}
    quantsail = str(Path(sys.executable).parent / "quantsail")
    command = [quantsail, "run", str(QUICKSTART), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, env=os.environ | surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the plain engine runs: the loop cannot be compiled: ImportError: Numba needs another NumPy" in done.stderr
    assert (tmp_path / "run" / "trades.parquet").exists()
