"""Plugins that are broken in every way are listed with a reason, and take nothing else down."""

from __future__ import annotations

import pytest

from quantsail_framework import Component, hookimpl
from quantsail_framework.errors import PluginError
from quantsail_framework.plugins import PluginInfo, Registry, load_registry
from tests.plugins_.site import FakeSite, offering

GOOD = offering("good")


def _load_beside_a_good_one(site: FakeSite, source: str) -> tuple[Registry, PluginInfo]:
    """The broken plugin is tried first and last in turn: names sort it between two good ones."""
    site.install("aa_good", GOOD)
    site.install("bb_broken", source)
    site.install("cc_good", offering("also-good"))
    registry = load_registry(only=["aa-good", "bb-broken", "cc-good"])
    assert list(registry.components("strategy")) == ["also-good", "good"]
    return registry, next(plugin for plugin in registry.plugins if plugin.name == "bb-broken")


@pytest.mark.parametrize(
    "source, problem",
    [
        (
            "import no_such_module",
            "import of bb_broken failed: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("raise SystemExit('no licence')", "import of bb_broken failed: SystemExit: no licence"),
        ("raise BaseException('panicked')", "import of bb_broken failed: BaseException: panicked"),
        ("x = (", "import of bb_broken failed: SyntaxError: '(' was never closed (bb_broken.py, line 2)"),
        (
            "@hookimpl\ndef quantsail_stratgies():\n    yield Component('x', 'a:B', 'X.')",
            "unknown hook 'quantsail_stratgies'; did you mean 'quantsail_strategies'?",
        ),
        ("@hookimpl\ndef on_start():\n    return []", "unknown hook 'on_start'."),
        (
            GOOD.replace("'good'", "'lost'") + "@hookimpl\ndef quantsail_sizer():\n    return []",
            "unknown hook 'quantsail_sizer'; did you mean 'quantsail_sizers'?",
        ),
        (
            "@hookimpl\ndef quantsail_sizers():\n    raise KeyError('token')",
            "hook quantsail_sizers failed: KeyError: 'token'",
        ),
        (
            "@hookimpl\ndef quantsail_sizers():\n    raise SystemExit('no licence')",
            "hook quantsail_sizers failed: SystemExit: no licence",
        ),
        (
            "@hookimpl\ndef quantsail_sizers():\n    yield Component('x', 'a:B', 'X.')\n    1 / 0",
            "hook quantsail_sizers failed: ZeroDivisionError: division by zero",
        ),
        (
            "@hookimpl\ndef quantsail_sizers():\n    yield 'fixed'",
            "hook quantsail_sizers gave 'fixed' where a Component is expected",
        ),
        (
            "@hookimpl\ndef quantsail_sizers():\n    pass",
            "hook quantsail_sizers failed: TypeError: 'NoneType' object is not iterable",
        ),
        (
            "def quantsail_sizers():\n    return []",
            "bb_broken implements no hook; mark its functions with @hookimpl",
        ),
    ],
)
def test_a_broken_plugin_is_listed_with_its_reason_and_offers_nothing(
    site: FakeSite, source: str, problem: str
) -> None:
    registry, broken = _load_beside_a_good_one(site, source)
    assert (broken.status, broken.problem) == ("failed", problem)
    assert registry.problems == (f"plugin 'bb-broken' (quantsail-bb-broken 1.0): {problem}",)
    assert registry.components("sizer") == {}


def test_wrong_hook_arguments_are_a_problem_that_names_them(site: FakeSite) -> None:
    _, broken = _load_beside_a_good_one(site, "@hookimpl\ndef quantsail_sizers(config):\n    return []")
    assert broken.status == "failed"
    assert broken.problem is not None
    assert "\n" not in broken.problem
    assert "'config'" in broken.problem
    assert "quantsail_sizers" in broken.problem


def test_a_component_with_a_bad_name_is_a_problem_of_its_plugin(site: FakeSite) -> None:
    source = "@hookimpl\ndef quantsail_sizers():\n    yield Component('Fixed Fraction', 'a:B', 'X.')"
    _, broken = _load_beside_a_good_one(site, source)
    assert broken.problem is not None
    assert "component name 'Fixed Fraction' must be lower-case words joined by hyphens" in broken.problem


def test_a_class_that_cannot_be_imported_fails_on_use_with_the_culprit_and_the_remedy(site: FakeSite) -> None:
    site.install("late", offering("late", target="no_such_library.trend:Trend"), version="0.3")
    registry = load_registry(only=["late"])
    assert registry.problems == ()
    with pytest.raises(PluginError) as caught:
        registry.load("strategy", "late")
    assert str(caught.value) == (
        "strategy 'late' of quantsail-late 0.3 cannot be imported from no_such_library.trend:Trend: "
        "ModuleNotFoundError: No module named 'no_such_library'; "
        "reinstall quantsail-late with what it needs, or switch it off with --no-plugin late"
    )


def test_a_target_without_that_attribute_or_that_is_no_class_fails_on_use(site: FakeSite) -> None:
    site.install(
        "wrong",
        offering("gone", target="fractions:Gone") + offering("text", hook="quantsail_sizers", target="string:digits"),
    )
    registry = load_registry(only=["wrong"])
    with pytest.raises(PluginError) as caught:
        registry.load("strategy", "gone")
    assert str(caught.value) == (
        "strategy 'gone' of quantsail-wrong 1.0 cannot be imported from fractions:Gone: "
        "AttributeError: module 'fractions' has no attribute 'Gone'; "
        "that is a mistake in quantsail-wrong: update it or tell its author, or switch it off with --no-plugin wrong"
    )
    with pytest.raises(PluginError, match=r"sizer 'text' .* is '0123456789', not a class; tell the author"):
        registry.load("sizer", "text")


def test_an_error_in_the_module_of_a_class_is_told_with_its_line(site: FakeSite) -> None:
    module = site.folder / "slipped.py"
    module.write_text("import math\n\nHALF = math.sqrt(-1.0)\n")
    site.install("slip", offering("slip", target="slipped:Slip"))
    with pytest.raises(PluginError) as caught:
        load_registry(only=["slip"]).load("strategy", "slip")
    assert f"ValueError: math domain error ({module}:3); that is a mistake in quantsail-slip: " in str(caught.value)


def test_two_components_with_one_name_name_both_distributions_when_used_and_not_before(site: FakeSite) -> None:
    site.install("alpha", offering("trend", "x"), distribution="quantsail-alpha", version="1.2")
    site.install("beta", offering("trend"), distribution="their-beta", version="0.9")
    registry = load_registry(only=["alpha", "beta"])
    assert registry.get("strategy", "x").plugin.name == "alpha"
    text = (
        "strategy 'trend' is offered twice, by quantsail-alpha 1.2 and their-beta 0.9; "
        "uninstall one, or switch one off with --no-plugin alpha or --no-plugin beta"
    )
    assert registry.problems == (text,)
    with pytest.raises(PluginError) as caught:
        registry.load("strategy", "trend")
    assert str(caught.value) == text
    assert load_registry(only=["alpha", "beta"], block=["beta"]).get("strategy", "trend").plugin.name == "alpha"


def test_one_name_for_components_of_two_kinds_is_no_clash(site: FakeSite) -> None:
    site.install("both", offering("same") + offering("same", hook="quantsail_sizers"))
    registry = load_registry(only=["both"])
    assert registry.problems == ()
    assert registry.get("sizer", "same").kind == "sizer"


def test_two_distributions_with_one_plugin_name_both_load_and_are_reported(site: FakeSite) -> None:
    site.install("left", offering("left"), distribution="left-dist", name="twin")
    site.install("right", offering("right"), distribution="right-dist", name="twin", version="2.0")
    registry = load_registry(only=["twin"])
    assert list(registry.components("strategy")) == ["left", "right"]
    assert registry.problems == (
        "plugin name 'twin' is used by left-dist 1.0 and right-dist 2.0; --no-plugin twin switches off both",
    )


def test_two_entry_points_to_one_module_are_reported_and_the_first_works(site: FakeSite) -> None:
    site.install("shared", offering("shared"), distribution="first-dist", name="first")
    site.install("shared", offering("shared"), distribution="second-dist", name="second")
    registry = load_registry(only=["first", "second"])
    assert registry.get("strategy", "shared").plugin.distribution == "first-dist"
    assert registry.problems == ("plugin 'second' (second-dist 1.0): shared is loaded already, under another name",)


def test_two_given_plugins_of_one_class_both_count(monkeypatch: pytest.MonkeyPatch) -> None:
    class Given:
        def __init__(self, name: str) -> None:
            self.name = name

        @hookimpl
        def quantsail_sizers(self) -> list[Component]:
            return [Component(self.name, "fractions:Fraction", "Given.")]

    monkeypatch.setenv("QUANTSAIL_LOAD_PLUGINS", "")
    registry = load_registry(extra=[Given("one"), Given("two")])
    assert list(registry.components("sizer")) == ["one", "two"]
