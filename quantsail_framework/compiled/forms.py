"""Whether a pipeline can be simulated by the compiled loop, and the forms of its components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from quantsail_framework.engine.feed import is_bar_strategy
from quantsail_framework.errors import ComponentError
from quantsail_framework.ports.compiled import CompiledCosts, CompiledRule, CompiledSizer
from quantsail_framework.ports.runner import Pipeline

_Form = TypeVar("_Form", CompiledCosts, CompiledSizer, CompiledRule)


class Forms(NamedTuple):
    """The compiled forms of a pipeline's cost model, sizer and rules, and the rules' names."""

    costs: CompiledCosts
    sizer: CompiledSizer
    rules: Sequence[CompiledRule]
    names: Sequence[str]

    @property
    def functions(self) -> list[tuple[str, Any]]:
        """Each function, after how it is called: costs, size, check or trip."""
        found = [("costs", self.costs.function), ("size", self.sizer.function)]
        found += [("check", rule.function) for rule in self.rules]
        return found + [("trip", rule.trip) for rule in self.rules if rule.trip is not None]


def forms_of(pipeline: Pipeline) -> Forms | None:
    """The forms, or None where a component has none.

    Its strategy decides over columns: it needs no form. Raises ComponentError for a ``compiled`` that breaks its port.
    """
    if is_bar_strategy(pipeline.strategy):
        return None
    costs = form_of(pipeline.costs, "costs", CompiledCosts)
    sizer = form_of(pipeline.sizer, "size", CompiledSizer)
    rules = [rule_form(named.rule) for named in pipeline.risk]
    known = [rule for rule in rules if rule is not None]
    if costs is None or sizer is None or len(known) < len(rules):
        return None
    return Forms(costs, sizer, known, [named.name for named in pipeline.risk])


def rule_form(rule: Any) -> CompiledRule | None:
    """``form_of`` a risk rule; a breaker's has ``trip``, and watches trades alone."""
    form = form_of(rule, "check", CompiledRule)
    if form is None:
        return None
    watches = tuple(getattr(rule, "watches", ()))
    if watches != (() if form.trip is None else ("trades",)) or (form.lasts != "day" and form.lasts <= 0):
        raise ComponentError(
            f"{type(rule).__name__}.compiled() does not fit: a rule that watches trades has a trip that lasts, "
            "any other has none, and one that watches more has no compiled form"
        )
    return form


def form_of(component: Any, method: str, kind: type[_Form]) -> _Form | None:
    """The compiled form of ``component``, whose plain form is ``method``; None where it has none.

    A class that inherits ``compiled`` and changes anything has none: the form is of another.
    """
    compiled = getattr(component, "compiled", None)
    if compiled is None or not _is_of_its_class(type(component), method):
        return None
    form = compiled()
    if form is not None and not isinstance(form, kind):
        raise ComponentError(
            f"{type(component).__name__}.compiled() returned {type(form).__name__}; "
            f"it must return {kind.__name__}, or None"
        )
    return form


def _is_of_its_class(owner: type, method: str) -> bool:
    """Whether the class that states ``compiled`` has ``method``, and those derived from it state nothing themselves."""
    lineage = owner.__mro__
    stated = next((k for k, cls in enumerate(lineage) if "compiled" in vars(cls)), None)
    if stated is None or not hasattr(lineage[stated], method):
        return False
    own = {name for cls in lineage[:stated] for name in vars(cls)}
    return all(name.startswith("__") for name in own)
