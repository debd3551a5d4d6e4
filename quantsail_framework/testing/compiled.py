"""Whether a compiled form answers as its component does, to the last bit: the engine takes either."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from quantsail_framework.compiled.forms import form_of
from quantsail_framework.compiled.machine import Machine, depends_on, installed
from quantsail_framework.domain.order import Breach, Trip
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.compiled import ACCOUNT, CompiledCosts, CompiledRule, CompiledSizer
from quantsail_framework.ports.market import Market
from quantsail_framework.testing.accounts import Situation
from quantsail_framework.testing.contract import expect

_Form = TypeVar("_Form", CompiledCosts, CompiledSizer, CompiledRule)


def check_costs(model: Any, market: Market, questions: Iterable[tuple[int, float, float, Any]]) -> None:
    """Raise ContractError where the form of a cost model costs anything else than the model."""
    form = _form_or_skip(model, "costs", CompiledCosts)
    _expect_compilable("costs", form.function)
    for side, quantity, price, liquidity in questions:
        plain = tuple(model.costs(side, quantity, price, liquidity, market))
        compiled = tuple(form.function(_floats(form), float(side), quantity, price, liquidity == "maker"))
        where = f"for a {liquidity} fill of {quantity:.6g} at {price:.6g}"
        expect(compiled == plain, f"costs are {plain}, and {compiled} by the compiled form, {where}")


def check_sizes(sizer: Any, situations: Iterable[Situation]) -> None:
    """Raise ContractError where the form of a sizer gives another quantity, or another word for what bound it."""
    form = _form_or_skip(sizer, "size", CompiledSizer)
    _expect_compilable("size", form.function)
    least = float(getattr(sizer, "min_notional", 0.0))
    expect(form.min_notional == least, f"min_notional is {least}, and {form.min_notional} of the compiled form")
    for asked in situations:
        plain = sizer.size(asked.signal, asked.instrument, asked.portfolio, asked.market)
        quantity, word = form.function(_floats(form), _signal(asked), _account(asked))
        compiled = quantity, form.bound_by[word]
        expect(compiled == tuple(plain), f"size is {tuple(plain)}, and {compiled} by the compiled form")


def check_verdicts(rule: Any, situations: Iterable[Situation], trip_of: Any) -> None:
    """Raise ContractError where the form of a rule answers, or trips, in another way than the rule."""
    form = _form_or_skip(rule, "check", CompiledRule)
    _expect_compilable("check", form.function)
    expect(hasattr(rule, "trip") == (form.trip is not None), "a breaker's compiled form has trip, and no other has")
    if form.trip is not None:
        _expect_compilable("trip", form.trip)
    for asked in situations:
        plain = rule.check(asked.request, asked.portfolio, asked.market)
        expect(plain is None or isinstance(plain, Breach), "a rule with a compiled form answers with a Breach, or None")
        compiled = form.function(_floats(form), _request(asked), _account(asked))
        _expect_verdict("check", plain and (plain.text, plain.limit, plain.value), compiled, form)
        if form.trip is not None:
            _check_trip(form, trip_of(rule, asked), asked)


def _form_or_skip(component: Any, method: str, kind: type[_Form]) -> _Form:
    form = form_of(component, method, kind)
    if form is None:
        pytest.skip(f"{type(component).__name__} has no compiled form")
    return form


def _check_trip(form: CompiledRule, plain: Trip | None, asked: Situation) -> None:
    compiled = form.trip and form.trip(_floats(form), _account(asked))
    _expect_verdict("trip", plain and (plain.reason, plain.limit, plain.value), compiled, form)
    if plain is not None:
        until = asked.portfolio.day_end_ns if form.lasts == "day" else asked.market.now_ns + form.lasts
        expect(plain.until_ns == until, f"trip ends at {plain.until_ns}, and at {until} by the compiled form")
        expect(plain.action == "refuse", "a breaker that flattens has no compiled form")


def _expect_verdict(method: str, plain: Any, compiled: Any, form: CompiledRule) -> None:
    refused, limit, value = compiled
    answer = None
    if refused:
        limits = [None if math.isnan(number) else number for number in (limit, value)]
        answer = (form.text(limit, value), *limits)
    expect(answer == plain, f"{method} answers {plain}, and {answer} by the compiled form")


def _expect_compilable(kind: str, function: Any) -> None:
    try:
        depends_on(function)
        if installed():
            _machine().function(kind, function)
    except ComponentError as error:
        expect(False, str(error))


@functools.cache
def _machine() -> Machine:
    return Machine(makes=True)


def _floats(form: CompiledCosts | CompiledSizer | CompiledRule) -> list[float]:
    return [float(number) for number in form.numbers]


def _account(asked: Situation) -> Any:
    return SimpleNamespace(**{name: float(getattr(asked.portfolio, name)) for name in ACCOUNT.names or ()})


def _signal(asked: Situation) -> Any:
    signal = asked.signal
    levels = {
        "price": signal.price,
        "stop": signal.stop,
        "target": math.nan if signal.target is None else signal.target,
    }
    nothing = dict.fromkeys(("quantity", "notional", "risk", "entry_costs", "target_costs"), 0.0)
    return SimpleNamespace(side=float(signal.side), confidence=signal.confidence, **levels, **nothing)


def _request(asked: Situation) -> Any:
    wanted = asked.request
    leaving = math.nan if wanted.target is None else wanted.exit_costs(wanted.target, "maker").total
    return SimpleNamespace(
        side=float(wanted.side),
        price=wanted.price,
        stop=wanted.stop,
        target=math.nan if wanted.target is None else wanted.target,
        confidence=asked.signal.confidence,
        quantity=wanted.quantity,
        notional=wanted.notional,
        risk=wanted.risk,
        entry_costs=wanted.entry_costs().total,
        target_costs=leaving,
    )
