"""Whether a compiled form answers as its component does, to the last bit: the engine takes either.

The form is asked as Python runs it and, where the extra ``fast`` is installed, as machine code.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import pytest

from quantsail_framework.compiled.forms import form_of, rule_form
from quantsail_framework.compiled.layout import ANSWER, FILL
from quantsail_framework.compiled.machine import Machine, depends_on, installed
from quantsail_framework.domain.order import Breach, Trip
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.compiled import ACCOUNT, REQUEST, CompiledCosts, CompiledRule, CompiledSizer
from quantsail_framework.ports.market import Market
from quantsail_framework.testing.accounts import Situation
from quantsail_framework.testing.contract import expect

_Form = TypeVar("_Form", CompiledCosts, CompiledSizer, CompiledRule)
_Way = tuple[str, Callable[..., Any]]  # how the form is run, in words, and the form run so


def check_costs(model: Any, market: Market, questions: Iterable[tuple[int, float, float, Any]]) -> None:
    """Raise ContractError where the form of a cost model costs anything else than the model."""
    form = _form_or_skip(model, lambda: form_of(model, "costs", CompiledCosts))
    ways = list(_ways("costs", form.function, form.numbers))
    for side, quantity, price, liquidity in questions:
        plain = tuple(model.costs(side, quantity, price, liquidity, market))
        for how, function in ways:
            found = tuple(function(float(side), quantity, price, liquidity == "maker"))
            where = f"for a {liquidity} fill of {quantity:.6g} at {price:.6g}"
            expect(found == plain, f"costs are {plain}, and {found} {how}, {where}")


def check_sizes(sizer: Any, situations: Iterable[Situation]) -> None:
    """Raise ContractError where the form of a sizer gives another quantity, or another word for what bound it."""
    form = _form_or_skip(sizer, lambda: form_of(sizer, "size", CompiledSizer))
    ways = list(_ways("size", form.function, form.numbers))
    least = float(getattr(sizer, "min_notional", 0.0))
    expect(form.min_notional == least, f"min_notional is {least}, and {form.min_notional} of the compiled form")
    for asked in situations:
        plain = tuple(sizer.size(asked.signal, asked.instrument, asked.portfolio, asked.market))
        for how, function in ways:
            quantity, word = function(_signal(asked), _account(asked))
            known = isinstance(word, int) and 0 <= word < len(form.bound_by)
            expect(known, f"the compiled form gives {word!r} as what bound it; it has {len(form.bound_by)} words")
            found = quantity, form.bound_by[word]
            expect(found == plain, f"size is {plain}, and {found} {how}")


def check_verdicts(rule: Any, situations: Iterable[Situation], trip_of: Any) -> None:
    """Raise ContractError where the form of a rule answers, or trips, in another way than the rule."""
    form = _form_or_skip(rule, lambda: rule_form(rule))
    ways = list(_ways("check", form.function, form.numbers))
    trips = [] if form.trip is None else list(_ways("trip", form.trip, form.numbers))
    for asked in situations:
        plain = rule.check(asked.request, asked.portfolio, asked.market)
        expect(plain is None or isinstance(plain, Breach), "a rule with a compiled form answers with a Breach, or None")
        answer = plain and (plain.text, plain.limit, plain.value)
        for how, function in ways:
            _expect_verdict("check", answer, function(_request(asked), _account(asked)), form, how)
        for how, function in trips:
            _check_trip(form, trip_of(rule, asked), function(_account(asked)), asked, how)


def _check_trip(form: CompiledRule, plain: Trip | None, found: Any, asked: Situation, how: str) -> None:
    _expect_verdict("trip", plain and (plain.reason, plain.limit, plain.value), found, form, how)
    if plain is not None:
        until = asked.portfolio.day_end_ns if form.lasts == "day" else asked.market.now_ns + form.lasts
        expect(plain.until_ns == until, f"trip ends at {plain.until_ns}, and at {until} by the compiled form")
        expect(plain.action == "refuse" and not plain.symbols, "a compiled form only refuses, and in all markets")


def _expect_verdict(method: str, plain: Any, found: Any, form: CompiledRule, how: str) -> None:
    refused, limit, value = found
    answer = None
    if refused:
        limits = [None if math.isnan(number) else number for number in (limit, value)]
        answer = (form.text(limit, value), *limits)
    expect(answer == plain, f"{method} answers {plain}, and {answer} {how}")


def _form_or_skip(component: Any, find: Callable[[], _Form | None]) -> _Form:
    try:
        form = find()
    except ComponentError as error:
        expect(False, str(error))
        raise
    if form is None:
        pytest.skip(f"{type(component).__name__} has no compiled form")
    return form


def _ways(kind: str, function: Any, numbers: Iterable[float]) -> Iterator[_Way]:
    """The form as Python runs it, and as machine code where there can be any."""
    options = np.array([float(number) for number in numbers])
    yield "by the compiled form", functools.partial(function, options.tolist())
    try:
        depends_on(function)
        if installed():
            yield "by its machine code", functools.partial(_KINDS[kind], _Call(kind, function, options))
    except ComponentError as error:
        expect(False, str(error))


class _Call:
    """Machine code, called with records as the loop does."""

    def __init__(self, kind: str, function: Any, numbers: Any) -> None:
        address = _machine().function(kind, function, make=True)
        self._function = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 4)(address or 0)
        self._numbers = numbers

    def __call__(self, *records: Any) -> int:
        code: int = self._function(*(record.ctypes.data for record in (self._numbers, *records)))
        return code


@functools.cache
def _machine() -> Machine:
    return Machine()


def _costs(call: _Call, side: float, quantity: float, price: float, maker: bool) -> Any:
    fill = np.zeros(1, FILL)
    fill[0] = (side, quantity, price, float(maker), 0.0, 0.0, 0.0)
    call(fill, fill, fill)
    return fill[0].tolist()[4:]


def _size(call: _Call, signal: Any, account: Any) -> Any:
    answer = np.zeros(1, ANSWER)
    word = call(_record(signal, REQUEST), _record(account, ACCOUNT), answer)
    return float(answer["first"][0]), word


def _check(call: _Call, request: Any, account: Any) -> Any:
    answer = np.zeros(1, ANSWER)
    refused = call(_record(request, REQUEST), _record(account, ACCOUNT), answer)
    return refused, *answer[0].tolist()


def _trip(call: _Call, account: Any) -> Any:
    answer, now = np.zeros(1, ANSWER), _record(account, ACCOUNT)
    return call(now, now, answer), *answer[0].tolist()


_KINDS: dict[str, Callable[..., Any]] = {"costs": _costs, "size": _size, "check": _check, "trip": _trip}


def _record(values: Any, kind: np.dtype[Any]) -> Any:
    record = np.zeros(1, kind)
    for name in kind.names or ():
        record[name] = getattr(values, name)
    return record


def _account(asked: Situation) -> Any:
    return SimpleNamespace(**{name: float(getattr(asked.portfolio, name)) for name in ACCOUNT.names or ()})


def _signal(asked: Situation) -> Any:
    signal = asked.signal
    target = math.nan if signal.target is None else signal.target
    levels = {"price": signal.price, "stop": signal.stop, "target": target}
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
