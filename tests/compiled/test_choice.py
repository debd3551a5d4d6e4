"""When the compiled loop runs: where all components have a form, and there is enough to be decided."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import attrs
import pytest

from quantsail_framework import CompiledRule, Instrument, Market, Portfolio, Request, Signal, Sizing
from quantsail_framework.backtest import backtest, get_ready
from quantsail_framework.compiled import choice
from quantsail_framework.compiled.choice import LOAD_FROM, MAKE_FROM, SWITCH
from quantsail_framework.compiled.forms import forms_of
from quantsail_framework.engine import MarketData, simulate
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.runner import NamedRule, Pipeline
from quantsail_sizing.fixed_fractional import FixedFractional
from tests.engine.pipelines import prepared
from tests.engine.test_reference import assert_identical
from tests.reference.markets import seeded
from tests.reference.worked import account


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
    assert chooser.machine(LOAD_FROM - 1) is None
    machine = chooser.machine(1)
    assert machine is not None
    assert not machine.makes
    assert chooser.machine(MAKE_FROM - LOAD_FROM - 1) is machine
    assert not machine.makes
    assert chooser.machine(1) is machine
    assert machine.makes


def test_the_switch_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "off")
    assert choice._Chooser().machine(MAKE_FROM) is None
    monkeypatch.setenv(SWITCH, "make")
    machine = choice._Chooser().machine(1)
    assert machine is not None
    assert machine.makes


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


def test_a_class_with_a_method_of_its_own_has_not_the_form_of_its_parent(case: tuple[Pipeline, MarketData]) -> None:
    @attrs.frozen
    class Half(FixedFractional):
        def size(self, signal: Signal, instrument: Instrument, portfolio: Portfolio, market: Market) -> Sizing:
            whole = super().size(signal, instrument, portfolio, market)
            return whole._replace(quantity=whole.quantity / 2.0)

    @attrs.frozen
    class Renamed(FixedFractional):
        pass

    pipeline, _ = case
    assert forms_of(attrs.evolve(pipeline, sizer=Half())) is None
    assert forms_of(attrs.evolve(pipeline, sizer=Renamed())) is not None


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
        run = backtest(pipeline, case[1])
    assert_identical(run, simulate(pipeline, case[1]))
    assert "the plain engine runs: <built-in function print> cannot be compiled" in caplog.text


def test_a_form_of_another_kind_is_an_error(case: tuple[Pipeline, MarketData]) -> None:
    pipeline = attrs.evolve(case[0], risk=(NamedRule("anything", Anything("a text")),))
    with pytest.raises(ComponentError, match=r"Anything\.compiled\(\) returned str; it must return CompiledRule"):
        backtest(pipeline, case[1])
