"""Whether a pipeline can be simulated by the compiled loop, and the forms of its components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import attrs

from quantsail_framework.engine.feed import is_bar_strategy
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.compiled import CompiledCosts, CompiledRule, CompiledSizer
from quantsail_framework.ports.runner import Pipeline

_Form = TypeVar("_Form", CompiledCosts, CompiledSizer, CompiledRule)


@attrs.frozen
class Forms:
    """The compiled forms of a pipeline's cost model, sizer and rules, and the rules' names."""

    costs: CompiledCosts
    sizer: CompiledSizer
    rules: Sequence[CompiledRule]
    names: Sequence[str]


def forms_of(pipeline: Pipeline) -> Forms | None:
    """The forms, or None where a component has none.

    Its strategy decides over columns: it needs no form. Raises ComponentError for a ``compiled`` that breaks its port.
    """
    if is_bar_strategy(pipeline.strategy):
        return None
    costs = form_of(pipeline.costs, "costs", CompiledCosts)
    sizer = form_of(pipeline.sizer, "size", CompiledSizer)
    rules = [form_of(named.rule, "check", CompiledRule) for named in pipeline.risk]
    known = [rule for rule in rules if rule is not None]
    if costs is None or sizer is None or len(known) < len(rules):
        return None
    return Forms(costs, sizer, known, [named.name for named in pipeline.risk])


def form_of(component: Any, method: str, kind: type[_Form]) -> _Form | None:
    """The compiled form of ``component``, whose plain form is ``method``; None where it has none.

    A class that inherits ``compiled`` and has a ``method`` of its own has none: the form is of another.
    """
    compiled = getattr(component, "compiled", None)
    if compiled is None or not _stated_with(type(component), method):
        return None
    form = compiled()
    if form is not None and not isinstance(form, kind):
        raise ComponentError(
            f"{type(component).__name__}.compiled() returned {type(form).__name__}; "
            f"it must return {kind.__name__}, or None"
        )
    return form


def _stated_with(owner: type, method: str) -> bool:
    """Whether ``compiled`` is stated in the class that states ``method``, or in one derived from it."""
    lineage = owner.__mro__
    stated = [next((k for k, cls in enumerate(lineage) if name in vars(cls)), -1) for name in ("compiled", method)]
    return 0 <= stated[0] <= stated[1]
