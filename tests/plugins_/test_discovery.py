"""What is installed, what of it is loaded, and how a component is found by name."""

from __future__ import annotations

import importlib
import sys
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from quantsail_framework import Component, hookimpl
from quantsail_framework.errors import PluginError, UnknownComponentError
from quantsail_framework.plugins import PluginInfo, Registry, installed_plugins, load_registry
from tests.plugins_.site import FakeSite, offering


def test_installed_plugins_are_listed_from_metadata_without_importing_them(site: FakeSite) -> None:
    site.install("zz_listed", "raise RuntimeError('imported')", version="2.5")
    found = {plugin.name: plugin for plugin in installed_plugins()}
    assert found["zz-listed"] == PluginInfo("zz-listed", "quantsail-zz-listed", "2.5", "zz_listed", "installed", None)
    assert "zz_listed" not in sys.modules


def test_plugins_are_sorted_by_name(site: FakeSite) -> None:
    site.install("zz_last", offering("zz"))
    site.install("aa_first", offering("aa"))
    names = [plugin.name for plugin in installed_plugins()]
    assert names == sorted(names)
    assert {"aa-first", "zz-last"} <= set(names)


def test_a_component_is_found_with_its_plugin_and_its_class_is_imported_on_load(site: FakeSite) -> None:
    site.install("one", offering("my-trend"), version="3.1")
    registry = load_registry(only=["one"])
    registered = registry.get("strategy", "my-trend")
    assert (registered.kind, registered.component.name, registered.plugin.label) == (
        "strategy",
        "my-trend",
        "quantsail-one 3.1",
    )
    assert registry.load("strategy", "my-trend") is Fraction
    assert registry.problems == ()


def test_components_of_a_kind_are_sorted_by_name(site: FakeSite) -> None:
    site.install("many", offering("zebra") + offering("ant", hook="quantsail_sizers"))
    site.install("more", offering("bee"))
    registry = load_registry(only=["many", "more"])
    assert list(registry.components("strategy")) == ["bee", "zebra"]
    assert list(registry.components("sizer")) == ["ant"]
    assert registry.components("runner") == {}


def test_an_unknown_name_suggests_the_nearest_and_lists_the_installed(site: FakeSite) -> None:
    site.install("two", offering("trend"))
    site.install("three", offering("mean-reversion"))
    registry = Registry([], [*_offers(load_registry(only=["two", "three"]))])
    with pytest.raises(UnknownComponentError) as caught:
        registry.get("strategy", "trnd")
    assert str(caught.value) == "no strategy named 'trnd'; did you mean 'trend'? Installed: mean-reversion, trend."


def test_an_unknown_name_that_is_near_to_nothing_only_lists_the_installed(site: FakeSite) -> None:
    site.install("two_b", offering("trend"))
    registry = Registry([], _offers(load_registry(only=["two-b"])))
    with pytest.raises(UnknownComponentError, match=r"^no strategy named 'quux'\. Installed: trend\.$"):
        registry.load("strategy", "quux")


def test_with_nothing_of_that_kind_the_message_says_what_to_install() -> None:
    with pytest.raises(UnknownComponentError) as caught:
        Registry([], []).get("data-source", "parquet")
    assert str(caught.value) == (
        "no data source named 'parquet': no data source is installed; "
        "pip install 'quantsail-framework[standard]' brings the first-party ones."
    )


def test_an_unknown_kind_is_named_with_the_kinds_there_are() -> None:
    with pytest.raises(UnknownComponentError, match="no kind of component named 'strategi'; did you mean 'strategy'"):
        Registry([], []).components("strategi")


def test_the_message_for_an_unknown_name_tells_which_plugins_are_off_or_broken(site: FakeSite) -> None:
    site.install("off", offering("asleep"))
    site.install("broken", "import no_such_module")
    site.install("fine", offering("awake"))
    names = {"off", "broken", "fine"}
    registry = load_registry(block=[p.name for p in installed_plugins() if p.name not in names] + ["off"])
    with pytest.raises(UnknownComponentError) as caught:
        registry.get("strategy", "aslep")
    text = str(caught.value)
    assert "Failed, see `quantsail plugins doctor`: broken." in text
    assert "Switched off: " in text
    assert " more (`quantsail plugins list`)." in text.partition("Switched off: ")[2]  # and not two dozen names


@pytest.mark.parametrize(
    ("arguments", "load", "told"),
    [
        ({"only": ["other"]}, None, "sizer 'asleep' is switched off by `[plugins] only`; add \"off\" there"),
        ({"block": ["off"]}, None, "sizer 'asleep' is switched off by `--no-plugin`; leave out --no-plugin off"),
        ({}, "other", "sizer 'asleep' is switched off by `QUANTSAIL_LOAD_PLUGINS`; add off there"),
        (
            {"pins": {"off": "9.9"}},
            None,
            (
                "sizer 'asleep' is of plugin 'off' (quantsail-off 1.0), which cannot be used: "
                "[plugins.pins] asks for quantsail-off 9.9, installed is 1.0"
            ),
        ),
    ],
    ids=["only", "block", "environment", "pin"],
)
def test_a_component_of_a_plugin_that_is_not_used_says_why_and_imports_nothing(
    arguments: dict[str, Any], load: str | None, told: str, site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("off", "raise RuntimeError('imported')\n" + offering("asleep", hook="quantsail_sizers"))
    site.install("other", offering("awake"))
    if load is not None:
        monkeypatch.setenv("QUANTSAIL_LOAD_PLUGINS", load)
    with pytest.raises(UnknownComponentError) as caught:
        load_registry(**arguments).get("sizer", "asleep")
    assert str(caught.value) == told


def test_a_component_of_a_plugin_that_cannot_be_imported_says_why(site: FakeSite) -> None:
    site.install("burst", offering("asleep") + "raise RuntimeError('no')\n")
    with pytest.raises(UnknownComponentError) as caught:
        load_registry().get("strategy", "asleep")
    assert str(caught.value) == (
        "strategy 'asleep' is of plugin 'burst' (quantsail-burst 1.0), which cannot be used: "
        "import of burst failed: RuntimeError: no"
    )


def test_block_leaves_a_plugin_out_and_lists_it_as_blocked(site: FakeSite) -> None:
    site.install("out", "raise RuntimeError('imported')")
    assert next(p for p in installed_plugins(block=["out"]) if p.name == "out").status == "blocked"
    registry = load_registry(block=["out"])
    assert next(p for p in registry.plugins if p.name == "out").status == "blocked"
    assert not [problem for problem in registry.problems if "'out'" in problem]


def test_a_name_to_switch_off_that_is_not_installed_is_refused(site: FakeSite) -> None:
    site.install("seven", offering("a"))
    with pytest.raises(PluginError, match=r"^no plugin named 'sevn'; did you mean 'seven'\? Installed: .*seven"):
        load_registry(block=["sevn"])


def test_a_name_to_load_that_is_not_installed_is_a_listed_problem(site: FakeSite) -> None:
    site.install("eight", offering("a"))
    (problem,) = load_registry(only=["eigt"]).problems
    assert problem.startswith("only names 'eigt', which is not installed; did you mean 'eight'? Installed: ")


def test_the_environment_variable_names_the_only_plugins_to_load(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("wanted", offering("wanted"))
    site.install("unwanted", "raise RuntimeError('imported')")
    monkeypatch.setenv("QUANTSAIL_LOAD_PLUGINS", " wanted ,")
    registry = load_registry()
    assert list(registry.components("strategy")) == ["wanted"]
    assert {p.name for p in registry.plugins if p.status == "ok"} == {"wanted"}


def test_an_empty_environment_variable_loads_nothing(site: FakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("any", offering("any"))
    monkeypatch.setenv("QUANTSAIL_LOAD_PLUGINS", "")
    registry = load_registry()
    assert registry.components("strategy") == {}
    assert {plugin.status for plugin in registry.plugins} == {"blocked"}


def test_a_name_in_the_environment_variable_that_is_not_installed_is_a_problem(
    site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("present", offering("present"))
    monkeypatch.setenv("QUANTSAIL_LOAD_PLUGINS", "present,absnt")
    (problem,) = load_registry().problems
    assert problem.startswith("QUANTSAIL_LOAD_PLUGINS names 'absnt', which is not installed")


def test_a_plugin_can_be_given_without_being_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Inline:
        @hookimpl
        def quantsail_sizers(self) -> list[Component]:
            return [Component("inline", "fractions:Fraction", "Inline.")]

    monkeypatch.setenv("QUANTSAIL_LOAD_PLUGINS", "")
    registry = load_registry(extra=[Inline()])
    assert registry.load("sizer", "inline") is Fraction
    assert registry.get("sizer", "inline").plugin.name == "Inline"


def test_a_plugin_that_is_installed_and_given_counts_once(site: FakeSite) -> None:
    site.install("twice_given", offering("twice-given"))
    import twice_given  # type: ignore[import-not-found]

    registry = load_registry(only=["twice-given"], extra=[twice_given])
    assert registry.load("strategy", "twice-given") is Fraction
    assert registry.problems == ()


def test_a_registry_is_made_anew_each_time(site: FakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTSAIL_LOAD_PLUGINS", "")
    given = SimpleNamespace(__name__="given", quantsail_sizers=hookimpl(lambda: [Component("x", "a:B", "X.")]))
    assert list(load_registry(extra=[given]).components("sizer")) == ["x"]
    assert list(load_registry().components("sizer")) == []


def _offers(registry: Registry) -> list[object]:
    return list(registry.components("strategy").values())


def test_the_offer_of_an_object_is_found_by_its_class_where_the_target_is_a_re_export() -> None:
    """`statistics` has the Fraction of `fractions`; of two offers of one class the one that was named."""

    class Given:
        @hookimpl
        def quantsail_strategies(self) -> list[Component]:
            return [
                Component("first", "statistics:Fraction", "One."),
                Component("second", "fractions:Fraction", "Two."),
            ]

    importlib.import_module("statistics")
    registry = load_registry(only=[], extra=[Given()])
    found = [registry.offer_of("strategy", Fraction(1), use) for use in ("", "second", "third")]
    assert [offer and offer.component.name for offer in found] == ["first", "second", "first"]
    assert registry.offer_of("strategy", 1, "first") is None


def test_a_hook_may_have_any_name_that_it_says_for_itself(site: FakeSite) -> None:
    text = offering("hidden").replace("@hookimpl\n", '@hookimpl(specname="quantsail_strategies")\n')
    site.install("own_name", text.replace("def quantsail_strategies", "def _strategies"))
    registry = load_registry(only=["own-name"])
    assert registry.problems == ()
    assert list(registry.components("strategy")) == ["hidden"]
