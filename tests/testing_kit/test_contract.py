"""The cases that all kinds share, the guard against overriding, waivers, and what pytest shows of them."""

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from quantsail_framework import Component, Costs, Market
from quantsail_framework.testing import Contract, CostModelContract, SizerContract, StrategyContract, case, expect
from quantsail_framework.testing.fakes import FakeCosts
from tests.testing_kit.kit import failure, register, suite

SUITES = [
    getattr(importlib.import_module("quantsail_framework.testing"), name)
    for name in importlib.import_module("quantsail_framework.testing").__all__
    if name.endswith("Contract") and name != "Contract"
]


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)


def registering(*lines: str) -> str:
    """The text of a plugin module that registers FakeCosts, and ``lines``."""
    return "\n".join(
        [
            "from quantsail_framework import Component, hookimpl",
            *lines,
            "@hookimpl",
            "def quantsail_cost_models():",
            "    yield Component('it', 'quantsail_framework.testing.fakes:FakeCosts', 'A share of the notional.')",
        ]
    )


def plugin_in(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> CostModelContract:
    """A suite for a plugin module ``name`` with ``text`` on the path."""
    write(folder, **{name: text})
    monkeypatch.syspath_prepend(folder)
    tested: CostModelContract = type("TestIt", (CostModelContract,), {"plugin": name, "component": "it"})()
    return tested


# CO-01: light and silent.


def test_a_light_plugin_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin_in(tmp_path, monkeypatch, "light_plugin", registering()).test_co01_plugin_module_is_light()


def test_d005_output_at_import_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = plugin_in(tmp_path, monkeypatch, "loud_plugin", registering("print('Binance costs: 0.1 %')"))
    text = failure(tested.test_co01_plugin_module_is_light)
    assert "importing loud_plugin and calling its hooks prints 'Binance costs: 0.1 %\\n'" in text


def test_d006_heavy_imports_are_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = plugin_in(tmp_path, monkeypatch, "heavy_plugin", registering("import numpy"))
    assert "calling its hooks imports numpy" in failure(tested.test_co01_plugin_module_is_light)


def test_heavy_imports_inside_the_hook_are_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = registering().replace("    yield", "    import numpy\n    yield")
    tested = plugin_in(tmp_path, monkeypatch, "late_plugin", text)
    assert "calling its hooks imports numpy" in failure(tested.test_co01_plugin_module_is_light)


def test_d001_a_module_that_cannot_be_imported_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = plugin_in(tmp_path, monkeypatch, "broken_plugin", "x: pd.DataFrame = None")
    text = failure(tested.test_co01_plugin_module_is_light)
    assert "importing broken_plugin in a fresh process fails" in text
    assert "name 'pd' is not defined" in text


@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        ("leaves_early", "import sys; sys.exit(0)", "SystemExit: 0"),
        ("leaves_at_once", "import os; os._exit(0)", "ended the process with exit code 0"),
        ("leaves_with_a_code", "import os; os._exit(3)", "the process ended with exit code 3"),
    ],
)
def test_an_import_that_ends_the_process_is_told_in_words(
    name: str, line: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = failure(plugin_in(tmp_path, monkeypatch, name, registering(line)).test_co01_plugin_module_is_light)
    assert f"importing {name} in a fresh process fails:\n" in text
    assert words in text


def test_an_import_that_asks_is_not_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"yes\n")
    before = os.dup(0)
    os.dup2(reader, 0)
    try:
        tested = plugin_in(tmp_path, monkeypatch, "asking_plugin", registering("input()"))
        assert "EOFError" in failure(tested.test_co01_plugin_module_is_light)
    finally:
        os.dup2(before, 0)
        for each in (reader, writer, before):
            os.close(each)


def test_a_class_whose_import_ends_the_process_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, leaves="raise SystemExit(0)")
    text = registering().replace("quantsail_framework.testing.fakes:FakeCosts", "leaves:It")
    tested = plugin_in(tmp_path, monkeypatch, "light_but_leaves", text)
    tested.test_co01_plugin_module_is_light()
    assert "importing leaves fails: SystemExit: 0" in failure(tested.test_co11_imports_do_nothing_else)


def test_an_import_that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quantsail_framework.testing.imports.TIMEOUT_S", 0.5)
    tested = plugin_in(tmp_path, monkeypatch, "sleepy_plugin", registering("import time; time.sleep(60)"))
    assert "it does not end within 0.5 s" in failure(tested.test_co01_plugin_module_is_light)


def test_what_is_printed_at_the_exit_does_not_spoil_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "import atexit; atexit.register(print, 'bye')"
    plugin_in(tmp_path, monkeypatch, "says_bye", registering(line)).test_co01_plugin_module_is_light()


# CO-02 and CO-03: registered and declared.


def test_a_misspelt_hook_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = registering().replace("quantsail_cost_models", "quantsail_cost_model")
    tested = plugin_in(tmp_path, monkeypatch, "misspelt_plugin", text)
    problem = failure(tested.test_co02_descriptor_is_registered)
    assert "misspelt_plugin implements quantsail_cost_model, which is no hook of Quantsail" in problem


def test_a_hook_without_its_mark_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = plugin_in(tmp_path, monkeypatch, "unmarked_plugin", registering().replace("@hookimpl", ""))
    problem = failure(tested.test_co02_descriptor_is_registered)
    assert "unmarked_plugin has no function quantsail_cost_models marked with hookimpl" in problem


def described(*descriptors: Any, hook: str = "quantsail_cost_models") -> CostModelContract:
    plugin = register(hook, *descriptors)
    tested: CostModelContract = type("TestIt", (CostModelContract,), {"plugin": plugin, "component": "it"})()
    return tested


def fake(name: str, summary: str = "Costs a share of the notional.") -> Component:
    return Component(name, "quantsail_framework.testing.fakes:FakeCosts", summary)


@pytest.mark.parametrize(
    "descriptors, problem",
    [
        ((), "yields 0 components named 'it'; it yields nothing"),
        ((fake("flat"), fake("zero")), "yields 0 components named 'it'; it yields flat, zero"),
        ((fake("it"), fake("it")), "yields 2 components named 'it'"),
    ],
)
def test_the_component_must_be_yielded_once(descriptors: tuple[Component, ...], problem: str) -> None:
    assert problem in failure(described(*descriptors).test_co02_descriptor_is_registered)


@pytest.mark.parametrize("summary", ["Costs", "Costs.\nMany.", "Costs " * 30 + "."])
def test_the_summary_is_one_sentence(summary: str) -> None:
    text = failure(described(fake("it", summary)).test_co02_descriptor_is_registered)
    assert "is not one sentence of at most 100 characters" in text


def test_the_wrong_kind_of_hook_is_caught() -> None:
    text = failure(described(fake("it"), hook="quantsail_sizers").test_co02_descriptor_is_registered)
    assert "has no function quantsail_cost_models" in text


def test_a_plugin_that_no_distribution_declares_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = plugin_in(tmp_path, monkeypatch, "undeclared_plugin", registering())
    text = failure(tested.test_co03_distribution_declares_the_plugin)
    assert "no installed distribution names undeclared_plugin in the entry-point group 'quantsail'" in text


def test_a_distribution_without_its_dependency_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "lonely_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lonely-plugin\nVersion: 1.0\nRequires-Dist: attrs\n")
    (info / "entry_points.txt").write_text("[quantsail]\nlonely = lonely_plugin\n")
    tested = plugin_in(tmp_path, monkeypatch, "lonely_plugin", registering())
    text = failure(tested.test_co03_distribution_declares_the_plugin)
    assert "the distribution of lonely_plugin does not depend on quantsail-framework" in text
    with (info / "METADATA").open("a") as file:
        file.write("Requires-Dist: quantsail_framework~=0.1\n")
    tested.test_co03_distribution_declares_the_plugin()


# CO-04 to CO-10: the class.


class Plain:
    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        return Costs(0.0)


@attrs.define
class Thawed(Plain):
    bps: float = attrs.field(default=1.0, metadata={"doc": "basis points"})


@attrs.frozen
class FourArguments:
    def costs(self, side: int, quantity: float, price: float, liquidity: str) -> Costs:
        return Costs(0.0)


@attrs.frozen
class NoMethod:
    bps: float = attrs.field(default=1.0, metadata={"doc": "basis points"})


@pytest.mark.parametrize(
    "wrong, problem",
    [
        (Plain, "Plain is not an attrs class"),
        (Thawed, "Thawed can be changed after it was built"),
        (FourArguments, "FourArguments.costs cannot be called with 5 arguments"),
        (NoMethod, "NoMethod has no method costs"),
    ],
)
def test_classes_that_do_not_fit_are_caught(wrong: type[Any], problem: str) -> None:
    assert problem in failure(suite(CostModelContract, wrong).test_co04_class_is_frozen_attrs)


@attrs.frozen
class NoDoc(FakeCosts):
    vip_level: int = 0


@attrs.frozen
class EmptyDoc(FakeCosts):
    vip_level: int = attrs.field(default=0, metadata={"doc": " "})


@attrs.frozen(auto_attribs=False)
class NoType(Plain):
    vip_level = attrs.field(default=0, metadata={"doc": "0 to 9"})  # type: ignore[var-annotated]


@pytest.mark.parametrize(
    "wrong, problem",
    [
        (NoDoc, "option 'vip_level' has no metadata[\"doc\"]"),
        (EmptyDoc, "option 'vip_level' has no metadata[\"doc\"]"),
        (NoType, "option 'vip_level' has no type"),
    ],
)
def test_options_without_words_are_caught(wrong: type[Any], problem: str) -> None:
    assert problem in failure(suite(CostModelContract, wrong).test_co05_options_are_documented)


def test_an_example_with_an_unknown_option_is_caught() -> None:
    tested = suite(CostModelContract, FakeCosts, options={"bpss": 1.0})
    assert "FakeCosts has no option bpss; it has bps" in failure(tested.test_co06_builds_from_its_example)


def test_the_example_of_the_descriptor_is_used() -> None:
    descriptor = Component("it", "quantsail_framework.testing.fakes:FakeCosts", "Costs.", example={"bps": 3.0})
    assert described(descriptor).build() == FakeCosts(3.0)


def test_options_that_are_taken_as_they_come_are_caught() -> None:
    lax = suite(CostModelContract, FakeCosts, build=lambda self, **changes: FakeCosts())
    assert "an unknown option 'no_such_option' is accepted" in failure(lax.test_co07_bad_options_are_refused)

    def convert(self: Any, **changes: Any) -> FakeCosts:
        numbers = {name: float(value) for name, value in changes.items()}
        built: FakeCosts = CostModelContract.build(self, **numbers)
        return built

    text = failure(suite(CostModelContract, FakeCosts, build=convert).test_co07_bad_options_are_refused)
    assert "option 'bps' accepts '14'" in text


@attrs.frozen
class Numbered(Plain):
    serial: int = attrs.field(factory=itertools.count().__next__, metadata={"doc": "counts up"})


@attrs.frozen
class WithFunction(Plain):
    rate: Any = attrs.field(init=False, default=lambda notional: notional * 0.001)


def test_a_default_that_counts_is_caught() -> None:
    text = failure(suite(CostModelContract, Numbered).test_co08_same_options_same_component)
    assert "'serial' differs between two components built from the same options" in text


def test_components_that_cannot_be_sent_are_caught() -> None:
    with pytest.raises(Exception, match="pickle") as caught:
        suite(CostModelContract, WithFunction).test_co09_can_be_copied_and_sent()
    assert "Sweeps send components to other processes" in caught.value.__notes__[0]


@attrs.frozen
class Logarithm(FakeCosts):
    base: int = attrs.field(default=10, metadata={"doc": "of the logarithm"})

    def costs(self, side: int, quantity: float, price: float, liquidity: str, market: Market) -> Costs:
        return Costs(quantity / self.base)


def test_d080_options_that_fail_later_are_caught() -> None:
    text = failure(suite(CostModelContract, Logarithm).test_co10_accepted_options_run)
    assert "option base = 0 is accepted and then fails: ZeroDivisionError" in text


# The guard.


@pytest.mark.parametrize(
    "body",
    [
        {"test_cm04_sees_closed_bars_only": lambda self: None},
        {"test_cm04_sees_closed_bars_only": None},
        {"test_co01_plugin_module_is_light": property(lambda self: None)},
    ],
)
def test_a_case_cannot_be_overridden(body: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"TestIt overrides test_\w+; a contract case is switched off only by waive"):
        type("TestIt", (CostModelContract,), body)


def test_a_case_cannot_be_overridden_by_a_mixin() -> None:
    class Mixin:
        def test_cm03_deterministic(self) -> None:
            return None

    with pytest.raises(TypeError, match=r'waive = \{"CM-03": "why"\}'):
        type("TestIt", (Mixin, CostModelContract), {})


def test_a_case_cannot_take_the_place_of_another() -> None:
    @case("CM-01")
    def test_cm03_deterministic(self: CostModelContract) -> None:
        return None

    with pytest.raises(TypeError, match="overrides test_cm03_deterministic"):
        type("TestIt", (CostModelContract,), {"test_cm03_deterministic": test_cm03_deterministic})


def test_waivers_need_a_known_number_and_a_reason() -> None:
    with pytest.raises(TypeError, match=r"waives 'CM-99', which is no case of its suite; it has CO-01, CO-02, .*CM-08"):
        type("TestIt", (CostModelContract,), {"waive": {"CM-99": "why not"}})
    with pytest.raises(TypeError, match="TestIt waives CM-03 without a reason"):
        type("TestIt", (CostModelContract,), {"waive": {"CM-03": "  "}})


def test_a_waived_case_is_skipped_with_its_reason() -> None:
    tested = suite(CostModelContract, FakeCosts, waive={"CM-03": "asks the venue"})
    with pytest.raises(pytest.skip.Exception, match="CM-03 waived by TestIt: asks the venue"):
        tested.test_cm03_deterministic()


@pytest.mark.parametrize("name", ["cases", "lacks"])
def test_what_belongs_to_the_kit_is_not_set(name: str) -> None:
    with pytest.raises(TypeError, match=f"TestIt sets {name}, which belongs to the kit"):
        type("TestIt", (CostModelContract,), {name: {}})


def test_a_class_outside_the_kit_is_no_suite() -> None:
    with pytest.raises(TypeError, match="TestIt overrides test_cm03_deterministic"):

        class TestIt(CostModelContract, suite=True):
            test_cm03_deterministic = None  # type: ignore[assignment]


def test_other_tests_and_helpers_may_be_added() -> None:
    class TestIt(SizerContract):
        def test_numbers_worked_by_hand(self) -> None:
            expect(True, "never")

    assert "SZ-01" in TestIt.cases


# The suites themselves.


@pytest.mark.parametrize("contract", SUITES)
def test_every_case_says_what_to_look_at(contract: type[Contract]) -> None:
    for number, name in contract.cases.items():
        assert name.startswith(f"test_{number.lower().replace('-', '')}_")
        assert len((getattr(contract, name).__doc__ or "").split()) >= 10, f"{name} explains nothing"


@pytest.mark.parametrize("contract", SUITES)
def test_numbers_run_without_a_hole(contract: type[Contract]) -> None:
    for prefix in {number[:3] for number in contract.cases}:
        own = sorted(number for number in contract.cases if number.startswith(prefix))
        assert own == [f"{prefix}{count:02}" for count in range(1, len(own) + 1)]


# What pytest shows.

PLUGIN_TEST = """
from quantsail_framework.testing import CostModelContract

class TestFlat(CostModelContract):
    plugin = "flat_plugin"
    component = "it"
    waive = {"CO-03": "this plugin is not installed"}
"""


def run_pytest(folder: Path, only: str = "") -> str:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        str(folder),
        "-k",
        only,
        ".",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def test_waivers_are_listed_below_the_results(tmp_path: Path) -> None:
    write(tmp_path, flat_plugin=registering(), test_contract=PLUGIN_TEST)
    shown = run_pytest(tmp_path, "co02 or co03 or cm01")
    assert "quantsail contract cases waived" in shown
    assert "\nCO-03 waived by TestFlat: this plugin is not installed\n" in shown
    assert "2 passed, 1 skipped" in shown


def test_a_failure_shows_its_message_without_the_kit(tmp_path: Path) -> None:
    write(tmp_path, flat_plugin=registering("print('hello')"), test_contract=PLUGIN_TEST)
    shown = run_pytest(tmp_path, "co01")
    assert "\nCO-01 of the cost-model contract, component 'it': importing flat_plugin" in shown
    assert "leave no print, log or warning at import" in shown
    assert "testing/contract.py" not in shown
    assert "traceback" not in shown.lower()


def test_other_projects_see_nothing(tmp_path: Path) -> None:
    write(tmp_path, test_other="import pytest\ndef test_it(): pytest.skip('waived by nobody')\n")
    assert "quantsail" not in run_pytest(tmp_path)


def test_the_entry_point_of_pytest_is_cheap() -> None:
    code = "import sys, quantsail_framework.testing.pytest_plugin as p; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pluggy", "pytest", "attrs", "quantsail_framework.testing.contract"} & set(loaded)


def test_the_core_does_not_need_pytest() -> None:
    code = "import sys, quantsail_framework, quantsail_framework.testing.fakes, quantsail_framework.testing.markets"
    check = f"{code}; assert 'pytest' not in sys.modules and 'hypothesis' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_a_missing_name_is_told() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'BrokerContrat'"):
        importlib.import_module("quantsail_framework.testing").BrokerContrat  # noqa: B018


def test_suites_are_what_other_suites_are_made_of() -> None:
    assert StrategyContract.cases["CO-01"] == "test_co01_plugin_module_is_light"
