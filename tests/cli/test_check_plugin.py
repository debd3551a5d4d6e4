"""plugins check: what it says of honest and of broken plugins, and what plugins list keeps of it."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from platformdirs import user_state_dir

from quantsail_framework.cli.last_checks import state_folder
from tests.plugins_.site import FakeSite, offering

PARTS = '''
import asyncio
import attrs
import pytest
from quantsail_framework import Costs

@attrs.frozen
class Honest:
    """A tenth of a percent."""

    def costs(self, side, quantity, price, liquidity, market):
        print("somebody left this here")
        return Costs(quantity * price * 0.001)

@attrs.frozen
class Earns(Honest):
    """Pays those who sell."""

    def costs(self, side, quantity, price, liquidity, market):
        return Costs(-1.0 if side < 0 else 1.0)

@attrs.frozen
class Cancels(Honest):
    """Raises what is no Exception."""

    def costs(self, side, quantity, price, liquidity, market):
        raise asyncio.CancelledError("given up")

@attrs.frozen
class Fails(Honest):
    """Fails as a test does."""

    def costs(self, side, quantity, price, liquidity, market):
        pytest.fail("not like this")
'''
FLAT = offering("flat", hook="quantsail_cost_models", target="parts:Honest")
EARNS = """
@hookimpl
def quantsail_cost_models():
    yield Component("fair", "parts:Honest", "Costs a tenth of a percent.")
    yield Component("generous", "parts:Earns", "Earns with every sale.", contract={waive})
    yield Component("absent", "parts:Nothing", "Is not there.")
"""


@pytest.fixture
def shop(tmp_path: Path) -> FakeSite:
    site = FakeSite(tmp_path / "shop")
    (site.folder / "parts.py").write_text(dedent(PARTS))
    site.install("flat", FLAT)
    return site


def test_an_honest_plugin_passes_and_the_list_shows_when(shop: FakeSite) -> None:
    done = shop.quantsail("plugins", "check", "flat", load="flat")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["KIND", "CASE", "ABOUT", "RESULT"]
    assert "cost-model  CM-02  takers pay                         passed" in lines
    assert lines[-1] == "quantsail-flat 1.0: 21 passed, 0 failed, 0 waived, 1 not applicable"
    today = dt.datetime.now(dt.UTC).date()
    listed = shop.quantsail("plugins", "list", load="flat").stdout.splitlines()
    assert f"passed {today}" in next(line for line in listed if line.startswith("flat "))
    plain = json.loads(shop.quantsail("plugins", "list", "--json", load="flat").stdout)
    last = next(plugin["last_check"] for plugin in plain if plugin["name"] == "flat")
    assert (last["version"], last["passed"], last["failed"]) == ("1.0", 21, 0)
    assert dt.datetime.fromisoformat(last["at"]).date() == today


def test_a_broken_plugin_is_told_why(shop: FakeSite) -> None:
    shop.install("mixed", EARNS.format(waive="{'waive': {'CM-07': 'extremes are the same'}}"))
    done = shop.quantsail("plugins", "check", "quantsail-mixed", load="mixed")
    assert done.returncode == 1
    assert "cost-model  CM-01  costs are numbers                  2 passed\n" in done.stdout
    assert "cost-model  CM-02  takers pay                         1 passed, 1 failed\n" in done.stdout
    assert "cost-model  CM-07  extreme markets                    1 passed, 1 waived\n" in done.stdout
    assert "\nCM-07 of cost-model/generous is waived: extremes are the same\n" in done.stdout
    assert "\nCM-02 of cost-model/generous failed: a taker fill costs -1 for a taker sale of " in done.stdout
    assert "\n  Costs are positive when paid: a taker fill never earns money" in done.stdout
    assert (
        "\nCO-06 of cost-model/absent failed: cost model 'absent' of quantsail-mixed 1.0 cannot be imported"
        in done.stdout
    )
    assert done.stdout.endswith("quantsail-mixed 1.0: 40 passed, 2 failed, 1 waived, 2 not applicable\n")
    listed = shop.quantsail("plugins", "list", load="mixed").stdout
    assert " 2 failed 2" in next(line for line in listed.splitlines() if line.startswith("mixed "))


def test_json_holds_every_case(shop: FakeSite) -> None:
    done = shop.quantsail("plugins", "check", "flat", "--json", load="flat")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["plugin"], report["version"]) == (0, True, "flat", "1.0")
    others = {case["case"]: case["result"] for case in report["cases"] if case["result"] != "passed"}
    assert others == {"CM-09": "not applicable"}
    first = report["cases"][0]
    assert (first["kind"], first["component"], first["case"]) == ("cost-model", "flat", "CO-01")
    assert first["advice"].startswith("Every command imports the module of hookimpls")


def test_one_component_is_checked_alone_and_not_kept(shop: FakeSite) -> None:
    shop.install("mixed", EARNS.format(waive="{}"))
    done = shop.quantsail("plugins", "check", "cost-model/fair", load="mixed")
    assert done.returncode == 0
    assert done.stdout.endswith("quantsail-mixed 1.0: 21 passed, 0 failed, 0 waived, 1 not applicable\n")
    assert not shop.state.exists()


def test_what_needs_an_outside_world_says_so(shop: FakeSite) -> None:
    shop.install(
        "outside",
        """
        @hookimpl
        def quantsail_alert_sinks():
            yield Component("far", "quantsail_console.sink:ConsoleSink", "Is far away.", network=True)

        @hookimpl
        def quantsail_data_sources():
            yield Component("files", "quantsail_samples.samples:SamplesSource", "Reads files.")

        @hookimpl
        def quantsail_commands():
            yield Component("wave", "parts:Honest", "Waves.")
        """,
    )
    done = shop.quantsail("plugins", "check", "outside", load="outside")
    assert done.returncode == 0
    assert "alert-sink   AS-01  opens and closes                       not applicable\n" in done.stdout
    assert "\nalert-sink/far: it needs the network: its own tests give it a server\n" in done.stdout
    assert "\ndata-source/files: it has no candles here: its own tests give it some\n" in done.stdout
    assert "\ncommand/wave: commands have no contract\n" in done.stdout


def test_what_a_descriptor_sets_must_be_known_to_the_suite(shop: FakeSite) -> None:
    unknown = "the descriptor sets waiver in `contract`, which CostModelContract does not have"
    overrides = "overrides test_cm02_takers_pay; a contract case is switched off only by waive"
    for number, (contract, problem) in enumerate(
        [("{'waiver': {}}", unknown), ("{'test_cm02_takers_pay': None}", overrides)]
    ):
        shop.install(f"odd{number}", EARNS.format(waive=contract))
        done = shop.quantsail("plugins", "check", "cost-model/generous", load=f"odd{number}")
        assert done.returncode == 1
        assert problem in done.stdout


def test_a_plugin_that_cannot_be_imported_fails(shop: FakeSite) -> None:
    shop.install("burst", "raise RuntimeError('no')")
    done = shop.quantsail("plugins", "check", "burst", load="burst")
    assert done.returncode == 1
    assert "\nCO-02 of plugin/burst failed: import of burst failed: RuntimeError: no\n" in done.stdout


def test_a_component_that_another_plugin_offers_too_fails(shop: FakeSite) -> None:
    shop.install("twin", FLAT, version="2.0")
    done = shop.quantsail("plugins", "check", "twin", load="flat,twin")
    assert (done.returncode, done.stderr) == (1, "")
    assert (
        "\nCO-02 of cost-model/flat failed: cost model 'flat' is offered twice, by quantsail-flat 1.0 and "
        "quantsail-twin 2.0; uninstall one, or switch one off with --no-plugin flat or --no-plugin twin\n"
    ) in done.stdout
    assert done.stdout.endswith("quantsail-twin 2.0: 0 passed, 1 failed, 0 waived, 0 not applicable\n")
    listed = shop.quantsail("plugins", "list", load="flat,twin").stdout
    assert " 1 failed 2" in next(line for line in listed.splitlines() if line.startswith("twin "))
    about = json.loads(shop.quantsail("plugins", "info", "twin", "--json", load="flat,twin").stdout)
    assert [each["name"] for each in about["components"]] == ["flat"]


@pytest.mark.parametrize(
    ("hook", "said"), [("quantsail_commands", "\ncommand/wave: commands have no contract\n"), ("", "")]
)
def test_a_plugin_of_which_nothing_is_asked_has_not_passed(shop: FakeSite, hook: str, said: str) -> None:
    empty = "@hookimpl\ndef quantsail_commands():\n    return ()\n"
    shop.install("wave", offering("wave", hook=hook, target="parts:Honest") if hook else empty)
    done = shop.quantsail("plugins", "check", "wave", load="wave")
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout
    assert done.stdout.endswith("\nquantsail-wave 1.0: nothing to check\n")
    assert not shop.state.exists()


@pytest.mark.parametrize(("part", "said"), [("Cancels", "CancelledError: given up"), ("Fails", "not like this")])
def test_a_component_that_raises_what_is_no_exception_is_told_in_the_table(
    shop: FakeSite, part: str, said: str
) -> None:
    shop.install("odd", offering("odd", hook="quantsail_cost_models", target=f"parts:{part}"))
    done = shop.quantsail("plugins", "check", "odd", load="odd")
    assert (done.returncode, done.stderr) == (1, "")
    assert "cost-model  CM-02  takers pay                         failed\n" in done.stdout
    assert f"\nCM-02 of cost-model/odd failed: {said}\n" in done.stdout


def test_a_class_whose_import_raises_what_is_no_exception_fails(shop: FakeSite) -> None:
    (shop.folder / "panics.py").write_text("raise BaseException('panicked')")
    shop.install("odd", offering("odd", hook="quantsail_cost_models", target="panics:It"))
    done = shop.quantsail("plugins", "check", "odd", load="odd")
    assert (done.returncode, done.stderr) == (1, "")
    line = shop.folder / "panics.py"
    assert f"cannot be imported from panics:It: BaseException: panicked ({line}:1); that is a mistake in" in done.stdout


@pytest.mark.parametrize("name", ["Quantsail_Flat", "quantsail_flat", "quantsail.flat", "FLAT"])
def test_a_name_is_compared_as_package_indexes_do(shop: FakeSite, name: str) -> None:
    done = shop.quantsail("plugins", "check", name, "--json", load="flat")
    assert (done.returncode, json.loads(done.stdout)["plugin"]) == (0, "flat")


def test_an_unknown_name_is_bad_input(shop: FakeSite) -> None:
    for name, problem in (("flta", "no plugin named 'flta'; did you mean 'flat'?"), ("cost-model/x", "no cost model")):
        done = shop.quantsail("plugins", "check", name, load="flat")
        assert (done.returncode, done.stdout) == (2, "")
        assert problem in done.stderr
    done = shop.quantsail("plugins", "check", "flat", load="")
    assert (done.returncode, done.stderr) == (2, "error: plugin 'flat' is switched off by QUANTSAIL_LOAD_PLUGINS\n")


def test_without_pytest_it_says_what_to_install(shop: FakeSite) -> None:
    code = "import sys; sys.modules['pytest'] = None; from quantsail_framework.cli import main; main()"
    done = shop.quantsail("plugins", "check", "flat", load="flat", code=code)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the conformance kit needs pytest, which is not installed: pip install pytest\n"


def test_a_result_of_another_version_says_of_which(shop: FakeSite) -> None:
    shop.quantsail("plugins", "check", "flat", load="flat")
    (file,) = shop.state.rglob("*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": "0.9", "failed": 3}))
    assert " (0.9)\n" in shop.quantsail("plugins", "list", load="flat").stdout
    for damage in ("", "[]", "{}", "null", "\x00"):
        file.write_text(damage)
        line = next(x for x in shop.quantsail("plugins", "list", load="flat").stdout.splitlines() if x[:5] == "flat ")
        assert line.split()[-1] == "-"


def test_a_result_of_code_from_elsewhere_says_so(shop: FakeSite) -> None:
    shop.quantsail("plugins", "check", "flat", load="flat")
    (file,) = shop.state.rglob("*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"origin": "editable /another/folder"}))
    assert " (before a change)\n" in shop.quantsail("plugins", "list", load="flat").stdout


def test_each_environment_has_a_result_of_its_own(shop: FakeSite) -> None:
    shop.quantsail("plugins", "check", "flat", load="flat")
    elsewhere = "import sys; sys.prefix = '/elsewhere'; from quantsail_framework.cli import main; main()"
    listed = shop.quantsail("plugins", "list", "--json", load="flat", code=elsewhere).stdout
    assert [each["last_check"] for each in json.loads(listed) if each["name"] == "flat"] == [None]


def test_a_result_from_before_a_change_says_so(shop: FakeSite) -> None:
    shop.quantsail("plugins", "check", "flat", load="flat")
    today = dt.datetime.now(dt.UTC).date()
    assert f"passed {today}\n" in shop.quantsail("plugins", "list", load="flat").stdout
    file = shop.folder / "flat.py"
    file.write_text(file.read_text() + "\n# changed\n")
    assert f"passed {today} (before a change)\n" in shop.quantsail("plugins", "list", load="flat").stdout
    shop.record("flat")  # the module becomes a package: all of its files count
    (shop.folder / "flat" / "other.py").write_text("")
    assert f"passed {today} (before a change)\n" in shop.quantsail("plugins", "list", load="flat").stdout
    shop.quantsail("plugins", "check", "flat", load="flat")
    assert f"passed {today}\n" in shop.quantsail("plugins", "list", load="flat").stdout


def test_a_result_that_cannot_be_kept_is_a_warning(shop: FakeSite) -> None:
    shop.state.write_text("a file where the folder should be")
    done = shop.quantsail("plugins", "check", "flat", load="flat")
    assert done.returncode == 0
    assert done.stderr.startswith("warning: `plugins list` will not show this result, it could not be kept: ")


@pytest.mark.skipif(sys.platform != "linux", reason="platformdirs itself is asked")
@pytest.mark.parametrize("home", [None, "", "/somewhere/else", "  /padded ", "not/absolute"])
def test_results_are_kept_where_platformdirs_says(home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("XDG_STATE_HOME", home)
    assert state_folder() == user_state_dir("quantsail", appauthor=False)
