"""What every contract suite shares: numbered cases, waivers, the guard against overriding, cases of all kinds."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import json
import math
import pickle
import typing
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, ClassVar, TypeVar

import attrs
import pytest

from quantsail_framework import hookspecs
from quantsail_framework.component import Component
from quantsail_framework.config import build
from quantsail_framework.config.options import option_fields, parts_of
from quantsail_framework.config.plain import plain
from quantsail_framework.config.revive import revived, without_none
from quantsail_framework.errors import InputError
from quantsail_framework.testing import stranger
from quantsail_framework.testing.imports import MODULE, imported
from quantsail_framework.testing.parts import with_parts
from quantsail_framework.testing.pytest_plugin import WAIVED

COMMON = "CO-"  # how the cases of every kind are numbered
SUMMARY_LENGTH = 100
EDGES: Mapping[type, tuple[float, ...]] = {int: (-1, 0, 1, 2), float: (-1.0, 0.0, 1e-9, 1e9)}

Suite = TypeVar("Suite", bound="Contract")


class ContractError(AssertionError):
    """What a case found wrong with a component."""


def expect(condition: object, text: str) -> None:
    """Raise ContractError with ``text`` unless ``condition`` holds."""
    if not condition:
        raise ContractError(text)


def values_of(instance: Any) -> dict[str, Any]:
    """The fields of an attrs instance by name, not copied."""
    return {field.name: getattr(instance, field.name) for field in attrs.fields(type(instance))}


def case(number: str) -> Callable[[Callable[[Suite], None]], Callable[[Suite], None]]:
    """Make a method a numbered case of its suite.

    A waived case is skipped with its reason. A ContractError fails with the number, the component and the
    method's docstring, which says what to look at; any other exception gets these as a note.
    """

    def decorate(method: Callable[[Suite], None]) -> Callable[[Suite], None]:
        @functools.wraps(method)
        def run(self: Suite) -> None:
            if reason := self.left_out(number):
                pytest.skip(reason)
            about = f"{number} of the {self.kind} contract, component {self.component!r}"
            try:
                method(self)
            except ContractError as violation:
                problem = f"{about}: {violation}\n\n{inspect.getdoc(method)}"
            except Exception as error:
                error.add_note(f"{about}\n{inspect.getdoc(method)}")
                raise
            else:
                return
            pytest.fail(problem, pytrace=False)

        run.__dict__["number"] = number
        return run

    return decorate


class Contract:
    """The root of every suite. A subclass in a plugin's tests gives:

    ``plugin``: the module of hookimpls that the entry point names. ``component``: the component's name.
    ``options``: what the pipeline file would say, to build it with (default: the descriptor's ``example``);
    an autouse fixture may set it on ``self`` where it needs a temporary path. ``waive``: case number to
    the reason why it cannot hold, the only way to switch a case off; waived cases are listed below the
    test results.

    ``lacks`` is for `quantsail plugins check`, which has no server and no candles to hand: why the component cannot
    be used there. Then only the cases of all kinds are asked.
    """

    kind: ClassVar[str] = ""
    methods: ClassVar[Mapping[str, int]] = {}
    cases: ClassVar[Mapping[str, str]] = {}
    plugin: str = ""
    component: str = ""
    options: Mapping[str, Any] | None = None
    waive: Mapping[str, str] = {}
    lacks: str = ""

    def __init_subclass__(cls, *, suite: bool = False, **rest: Any) -> None:
        """With ``suite=True`` a class of the kit is a suite itself; every other subclass must leave the cases alone."""
        super().__init_subclass__(**rest)
        if suite and cls.__module__.startswith(f"{__package__}."):
            cls.cases = _cases(cls)
        else:
            _refuse_override(cls)

    def left_out(self, number: str) -> str:
        """Why the case is not asked: waived, or there is nothing to ask it with. Empty when it is asked."""
        if number in self.waive:
            return f"{WAIVED}{number} waived by {type(self).__name__}: {self.waive[number]}"
        return "" if number.startswith(COMMON) else self.lacks

    def descriptor(self) -> Component:
        """What the plugin registers under ``component`` for this kind."""
        return _registered(self.plugin, hookspecs.KINDS[self.kind], self.component)

    def load(self) -> type[Any]:
        """The component's class."""
        return self.descriptor().load()

    def values(self) -> dict[str, Any]:
        """The options to build with, as a pipeline file would give them; components in them are made."""
        return with_parts(self.load(), self.descriptor().example if self.options is None else self.options)

    def build(self, **changes: Any) -> Any:
        """A fresh component from ``values`` and ``changes``, structured as a pipeline's table would be."""
        return build(self.load(), self.values() | changes, f"[{self.kind}]")

    def try_out(self, component: Any) -> None:
        """Use a component once as a run would, for CO-10; suites of kinds that can do so override it."""

    def questions(self) -> Any:
        """What CO-13 asks about, so that it can be sent to another process; suites of kinds that answer override it."""

    @staticmethod
    def replies(_component: Any, _questions: Any) -> Mapping[str, Any]:
        """What a component says to the questions: arrays, or values whose repr tells all of them, by a label."""
        return {}

    @case("CO-01")
    def test_co01_plugin_module_is_light(self) -> None:
        """Every command imports the module of hookimpls of every plugin: keep numpy, pandas, pyarrow, talib and
        network libraries in the modules that descriptors name, and leave no print, log or warning at import."""
        found = imported(self.plugin)
        expect(not found.problem, f"importing {self.plugin} in a fresh process fails:\n{found.problem}")
        expect(not found.heavy, f"importing {self.plugin} and calling its hooks imports {', '.join(found.heavy)}")
        output = found.stages[MODULE].output
        expect(not output, f"importing {self.plugin} and calling its hooks prints {output!r}")

    @case("CO-02")
    def test_co02_descriptor_is_registered(self) -> None:
        """The hook of the kind must yield the Component with this name, once; its summary is one sentence for a
        table, with a full stop. A hookimpl whose name is no hook is never called: compare with hookspecs.py."""
        module = importlib.import_module(self.plugin)
        misspelt = [name for name in _hookimpls(module) if name not in hookspecs.KINDS.values()]
        expect(not misspelt, f"{self.plugin} implements {', '.join(misspelt)}, which is no hook of Quantsail")
        summary = self.descriptor().summary
        one_line = summary.endswith(".") and "\n" not in summary and len(summary) <= SUMMARY_LENGTH
        expect(one_line, f"the summary {summary!r} is not one sentence of at most {SUMMARY_LENGTH} characters")

    @case("CO-03")
    def test_co03_distribution_declares_the_plugin(self) -> None:
        """The distribution's pyproject needs [project.entry-points.quantsail] with this module as its value, and
        quantsail-framework among its dependencies; install it (again) after changing either."""
        found = [entry for entry in entry_points(group="quantsail") if entry.value == self.plugin]
        expect(found, f"no installed distribution names {self.plugin} in the entry-point group 'quantsail'")
        distribution = found[0].dist
        needs = (distribution.requires or []) if distribution else []
        declared = any(need.replace("_", "-").startswith("quantsail-framework") for need in needs)
        expect(declared, f"the distribution of {self.plugin} does not depend on quantsail-framework")

    @case("CO-04")
    def test_co04_class_is_frozen_attrs(self) -> None:
        """Decorate the class with attrs.frozen: its fields are its options, and what cannot change is safe in a
        sweep, in another process and after a restart. Give it the methods of its port (quantsail_framework.ports)."""
        cls = self.load()
        expect(attrs.has(cls), f"{cls.__name__} is not an attrs class")
        expect(_is_frozen(self.build()), f"{cls.__name__} can be changed after it was built")
        self.check_methods(cls)

    def check_methods(self, cls: type[Any]) -> None:
        """The class has the methods of its port, callable with as many arguments as the framework gives."""
        for name, count in self.methods.items():
            method = getattr(cls, name, None)
            expect(callable(method), f"{cls.__name__} has no method {name}")
            try:
                inspect.signature(typing.cast("Callable[..., Any]", method)).bind(*range(count + 1))
            except TypeError as error:
                raise ContractError(f"{cls.__name__}.{name} cannot be called with {count} arguments: {error}") from None

    @case("CO-05")
    def test_co05_options_are_documented(self) -> None:
        """Each field needs a type and metadata={"doc": "..."}: the pipeline file, `components show`, the docs table
        and the JSON Schema all come from it. State the unit. A field that is no option has init=False."""
        for field in _option_fields(self.load()):
            expect(field.type is not None, f"option {field.name!r} has no type")
            doc = field.metadata.get("doc")
            expect(isinstance(doc, str) and doc.strip(), f'option {field.name!r} has no metadata["doc"]')

    @case("CO-06")
    def test_co06_builds_from_its_example(self) -> None:
        """The example of the descriptor (or the suite's options) must build: give every required option in it."""
        cls = self.load()
        names = {_option_name(field) for field in _option_fields(cls)}
        unknown = sorted(set(self.values()) - names)
        expect(not unknown, f"{cls.__name__} has no option {', '.join(unknown)}; it has {', '.join(sorted(names))}")
        expect(isinstance(self.build(), cls), f"building {cls.__name__} gave another class")

    @case("CO-07")
    def test_co07_bad_options_are_refused(self) -> None:
        """An unknown key, text for a number, nan and inf must fail when the pipeline loads, not in mid-run: annotate
        fields with plain types (int, float, bool, str) and use no converter that turns one into the other."""
        expect(self.refuses(no_such_option=1), "an unknown option 'no_such_option' is accepted")
        for name, kind in _number_fields(self.load()):
            for value in ("14", math.nan, math.inf) if kind is float else ("14", 1.5):
                expect(self.refuses(**{name: value}), f"option {name!r} accepts {value!r}")

    def refuses(self, **changes: Any) -> bool:
        """Whether building with ``changes`` fails as bad input."""
        try:
            self.build(**changes)
        except InputError:
            return True
        return False

    @case("CO-08")
    def test_co08_same_options_same_component(self) -> None:
        """Two components built from the same options must hold the same values: no clock, no random number and no
        counter in a default or a factory."""
        first, second = self.build(), self.build()
        for field in attrs.fields(type(first)):
            same = not field.eq or getattr(first, field.name) == getattr(second, field.name)
            expect(same, f"{field.name!r} differs between two components built from the same options")

    @case("CO-09")
    def test_co09_can_be_copied_and_sent(self) -> None:
        """Sweeps send components to other processes, so they must pickle and deepcopy: no lambda, lock, socket or
        open file in a field (open resources in open()), and the class at the top level of its module."""
        component = self.build()
        sent = pickle.loads(pickle.dumps(component))  # noqa: S301 our own bytes
        for way, twin in (("pickle", sent), ("deepcopy", copy.deepcopy(component))):
            for field in _option_fields(type(component)):
                same = not field.eq or getattr(twin, field.name) == getattr(component, field.name)
                expect(same, f"option {field.name!r} is lost on the way through {way}")

    @case("CO-10")
    def test_co10_accepted_options_run(self) -> None:
        """What loads must run: an option that the computation cannot bear (a period of zero, a negative share) is
        refused by a validator on its field (attrs.validators.ge(2)), or by __attrs_post_init__ for two together."""
        for name, kind in _number_fields(self.load()):
            for value in EDGES[kind]:
                if self.refuses(**{name: value}):
                    continue
                try:
                    self.try_out(self.build(**{name: value}))
                except Exception as error:
                    raise ContractError(f"option {name} = {value} is accepted and then fails: {error!r}") from error

    @case("CO-11")
    def test_co11_imports_do_nothing_else(self) -> None:
        """Importing the plugin or the class writes no file, connects to nothing and prints nothing: whoever lists or
        checks a pipeline imports it too. Open in open(), write where the port says, log instead of printing."""
        target = self.descriptor().target
        found = imported(self.plugin)
        for stage, name in ((MODULE, self.plugin), (target, target.partition(":")[0])):
            seen = found.stages.get(stage)
            expect(not (seen and seen.acts), f"importing {name} {'; it '.join(seen.acts if seen else ())}")
            expect(not (seen and seen.output), f"importing {name} prints {seen.output if seen else ''!r}")

    @case("CO-12")
    def test_co12_options_come_back_from_a_manifest(self) -> None:
        """A manifest keeps all options as JSON, and `quantsail reproduce` builds from them: given again as they came
        out, they must mean the same. A converter that turns 50 into 0.5 does so twice: convert where it is used."""
        cls, first = self.load(), self.build()
        fields = option_fields(cls)
        given = {name: value for name, value in self.values().items() if _only_python(value, fields[name].type)}
        told = {name: value for name, value in plain(first).items() if not parts_of(fields[name].type)}
        kept = without_none(json.loads(json.dumps(told, allow_nan=False)))
        try:
            again = build(cls, revived(cls, kept) | given, f"[{self.kind}]")
        except InputError as error:
            raise ContractError(f"the options {kept} are not taken back: {error}") from error
        for name, field in fields.items():
            before, after = getattr(first, field.name), getattr(again, field.name)
            expect(not field.eq or before == after, f"option {name!r} was {before!r} and comes back as {after!r}")

    @case("CO-13")
    def test_co13_same_answers_elsewhere(self) -> None:
        """Another time zone, locale, hash seed and wall clock change nothing, with the defaults of options too: take
        time from what is handed to you, in UTC, sort sets before their order counts, and give open() an encoding."""
        home = next(cls for cls in type(self).__mro__ if "cases" in vars(cls))
        asked = home, self.load(), self.values(), None if self.lacks else self.questions()
        here = _said(*asked)
        try:
            there = stranger.ask(_said, *asked)
        except stranger.StrangerError as error:
            raise ContractError(f"it fails in {stranger.WORDS}: {error}") from error
        expect(list(here) == list(there), f"it says {list(here)}, and {list(there)} in {stranger.WORDS}")
        for label, texts in here.items():
            expect(len(texts) == len(there[label]), f"{label} has another length in {stranger.WORDS}")
            for index, (text, other) in enumerate(zip(texts, there[label], strict=True)):
                place = f"{label}[{index}]" if len(texts) > 1 else label
                expect(text == other, f"{place} is {text}, and {other} in {stranger.WORDS}")


def _said(suite: type[Contract], cls: type[Any], options: Mapping[str, Any], questions: Any) -> dict[str, list[str]]:
    """The options of a component that is built here, and what it says to ``questions``, as text."""
    component = build(cls, options, f"[{suite.kind}]")
    said = {f"option {name!r}": value for name, value in plain(component).items()}
    if questions is not None:
        said |= suite.replies(component, questions)
    return {label: _texts(value) for label, value in said.items()}


def _only_python(value: Any, annotation: Any) -> bool:
    """Whether a pipeline file could not hold the value as it is: a component, or a None inside of a table."""
    return parts_of(annotation) is not None or (value is not None and without_none(value) != value)


def _texts(value: Any) -> list[str]:
    return [repr(item) for item in (value.tolist() if hasattr(value, "tolist") else [value])]


def _cases(suite: type[Contract]) -> dict[str, str]:
    """Number to method name of every case of ``suite``: first those of all kinds."""
    numbers = {name: getattr(getattr(suite, name), "number", None) for name in dir(suite)}
    named = {number: name for name, number in numbers.items() if number is not None}
    return {number: named[number] for number in sorted(named, key=lambda each: (not each.startswith(COMMON), each))}


def _refuse_override(cls: type[Contract]) -> None:
    for name in ("cases", "lacks"):
        if name in vars(cls):
            raise TypeError(f"{cls.__name__} sets {name}, which belongs to the kit")
    for number, name in cls.cases.items():
        if getattr(getattr(cls, name, None), "number", None) != number:
            remedy = f'a contract case is switched off only by waive = {{"{number}": "why"}}'
            raise TypeError(f"{cls.__name__} overrides {name}; {remedy}")
    for number, reason in cls.waive.items():
        if number not in cls.cases:
            known = ", ".join(cls.cases)
            raise TypeError(f"{cls.__name__} waives {number!r}, which is no case of its suite; it has {known}")
        if not reason.strip():
            raise TypeError(f"{cls.__name__} waives {number} without a reason")


def _registered(plugin: str, hook: str, name: str) -> Component:
    module = importlib.import_module(plugin)
    expect(hook in _hookimpls(module), f"{plugin} has no function {hook} marked with hookimpl")
    yielded: list[Any] = list(getattr(module, hook)())
    strangers = [type(each).__name__ for each in yielded if not isinstance(each, Component)]
    expect(not strangers, f"{plugin}.{hook} yields {', '.join(strangers)}, not Component")
    found: list[Component] = [each for each in yielded if each.name == name]
    names = ", ".join(each.name for each in yielded) or "nothing"
    expect(len(found) == 1, f"{plugin}.{hook} yields {len(found)} components named {name!r}; it yields {names}")
    return found[0]


def _hookimpls(module: Any) -> list[str]:
    marker = f"{hookspecs.PROJECT}_impl"
    return [name for name in dir(module) if callable(getattr(module, name)) and hasattr(getattr(module, name), marker)]


def _is_frozen(component: object) -> bool:
    try:
        component.__setattr__("no_such_field", None)
    except attrs.exceptions.FrozenInstanceError:
        return True
    except AttributeError:
        return False
    return False


def _option_fields(cls: type[Any]) -> Iterator[attrs.Attribute[Any]]:
    return (field for field in attrs.fields(cls) if field.init)


def _option_name(field: attrs.Attribute[Any]) -> str:
    return field.alias or field.name


def _number_fields(cls: type[Any]) -> Iterator[tuple[str, type[Any]]]:
    """Options that are plain numbers, and whether int or float."""
    hints = typing.get_type_hints(cls)
    for field in _option_fields(cls):
        if hints.get(field.name) in (int, float):
            yield _option_name(field), hints[field.name]
