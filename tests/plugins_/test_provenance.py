"""Where a plugin came from, what it is pinned to, which core it needs: all known before it is imported."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

import quantsail_framework
from quantsail_framework import load_pipeline
from quantsail_framework.distributions import core_needed, digest, is_met, origin
from quantsail_framework.errors import PipelineError, PluginError
from quantsail_framework.plugins import installed_plugins, load_registry
from tests.plugins_.site import FakeSite, offering

EXPLODES = "raise RuntimeError('imported')"


# -- where it came from ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direct_url", "told"),
    [
        (None, "index"),
        ({"url": "file:///src/mine", "dir_info": {"editable": True}}, "editable /src/mine"),
        ({"url": "file:///src/mine", "dir_info": {}}, "folder /src/mine"),
        ({"url": "file:///wheels/mine-1.0.whl", "archive_info": {}}, "file /wheels/mine-1.0.whl"),
        ({"url": "https://example.org/mine-1.0.whl", "archive_info": {}}, "file https://example.org/mine-1.0.whl"),
        ({"url": "https://h.org/a%20b.whl?token=SECRET#x=SECRET", "archive_info": {}}, "file https://h.org/a%20b.whl"),
        ({"url": "file:///my%20wheels/mine%231.whl", "archive_info": {}}, "file /my wheels/mine#1.whl"),
        ({"url": "file:///my%20work/mine", "dir_info": {"editable": True}}, "editable /my work/mine"),
        ({"url": "https://me:secret@[::1/mine.whl", "archive_info": {}}, "file an address that cannot be read"),
        ({"url": "file:///src/mine", "dir_info": "x"}, "index"),
        (
            {
                "url": "https://me:secret@example.org/mine.git",
                "vcs_info": {"vcs": "git", "commit_id": "0123456789abcdef0123456789abcdef01234567"},
            },
            "git https://example.org/mine.git @ 0123456789ab",
        ),
    ],
)
def test_the_origin_is_told_without_credentials(
    site: FakeSite, direct_url: dict[str, object] | None, told: str
) -> None:
    site.install("came", EXPLODES, direct_url=direct_url)
    assert origin("quantsail-came") == told


def test_a_broken_note_of_the_origin_is_as_none(site: FakeSite) -> None:
    site.install("odd", EXPLODES, direct_url={})
    (next(site.folder.glob("quantsail_odd-*")) / "direct_url.json").write_text("{")
    assert origin("quantsail-odd") == "index"


def test_the_list_shows_origin_and_why_a_plugin_is_not_used_and_imports_none(tmp_path: Path) -> None:
    site = FakeSite(tmp_path / "site")
    site.install("used", EXPLODES, direct_url={"url": "file:///src/used", "dir_info": {"editable": True}})
    site.install("unused", EXPLODES)
    site.install("newer", EXPLODES, requires="quantsail-framework~=9.1")
    done = site.quantsail("plugins", "list", load="used,newer")
    assert done.returncode == 0
    rows = {line.split()[0]: re.split(r"  +", line) for line in done.stdout.splitlines()}
    assert rows["used"] == ["used", "quantsail-used", "1.0", "editable /src/used", "yes", "-"]
    assert rows["unused"][3:] == ["index", "no: left out by QUANTSAIL_LOAD_PLUGINS", "-"]
    assert rows["newer"][4].startswith("no: needs quantsail-framework ~=9.1, installed is ")
    shown = json.loads(site.quantsail("plugins", "list", "--json", load="used,newer").stdout)
    listed = {plugin["name"]: plugin for plugin in shown}
    keys = ("origin", "enabled", "status", "left_out_by")
    assert [listed["used"][key] for key in keys] == ["editable /src/used", True, "installed", None]
    assert [listed["unused"][key] for key in keys] == ["index", False, "blocked", "QUANTSAIL_LOAD_PLUGINS"]
    assert [listed["newer"][key] for key in keys] == ["index", False, "failed", None]


@pytest.mark.parametrize(
    ("arguments", "who"),
    [({"block": ["asleep"]}, "--no-plugin"), ({"only": []}, "[plugins] only")],
)
def test_a_plugin_that_is_left_out_says_by_what(site: FakeSite, arguments: dict[str, list[str]], who: str) -> None:
    site.install("asleep", EXPLODES)
    plugins = {plugin.name: plugin for plugin in load_registry(**{"only": ["asleep"], **arguments}).plugins}
    assert (plugins["asleep"].status, plugins["asleep"].left_out_by) == ("blocked", who)


# -- pins -----------------------------------------------------------------------------------------


def test_a_pin_of_another_version_keeps_the_plugin_from_being_imported(site: FakeSite) -> None:
    site.install("pinned", EXPLODES)
    registry = load_registry(only=["pinned"], pins={"pinned": "1.1"})
    assert "pinned" not in sys.modules
    assert registry.problems == (
        "plugin 'pinned' (quantsail-pinned 1.0): [plugins.pins] asks for quantsail-pinned 1.1, installed is 1.0",
    )


def test_the_printed_pin_holds_until_a_file_changes(tmp_path: Path) -> None:
    site = FakeSite(tmp_path / "site")
    site.install("held", offering("held"))
    site.record("held")
    printed = site.quantsail("plugins", "pin", "held").stdout
    assert re.fullmatch(r'\[plugins\.pins\]\nheld = "1\.0 sha256:[0-9a-f]{64}"\n', printed)
    (tmp_path / "p.toml").write_text(f'[plugins]\nonly = ["held"]\n{printed}')
    sound = site.quantsail("check", "p.toml", cwd=tmp_path).stderr
    assert "plugins.pins" not in sound

    (site.folder / "held" / "__init__.py").write_text("print('I run')")
    changed = site.quantsail("check", "p.toml", cwd=tmp_path)
    assert changed.returncode == 2
    assert (
        "p.toml:4: plugins.pins.held: quantsail-held is not as it was installed: held/__init__.py was changed; "
        "reinstall it"
    ) in changed.stderr
    assert "I run" not in changed.stdout
    refused = site.quantsail("plugins", "pin", "held")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "held/__init__.py was changed" in refused.stderr


def test_another_build_of_the_same_version_is_refused_with_both_hashes(site: FakeSite) -> None:
    site.install("built", EXPLODES)
    site.record("built")
    found, other = digest("quantsail-built"), f"sha256:{'0' * 64}"
    (problem,) = load_registry(only=["built"], pins={"quantsail-built": f"1.0 {other}"}).problems
    assert problem.endswith(
        f"[plugins.pins] asks for quantsail-built 1.0 with {other}, installed is another one of that version with "
        f"{found}; find out why, then install the pinned one, or pin this one: quantsail plugins pin built"
    )


def test_the_hash_is_of_what_the_wheel_brought_and_of_nothing_that_an_installer_writes(site: FakeSite) -> None:
    site.install("same", EXPLODES)
    site.record("same")
    before = digest("quantsail-same")
    (info,) = site.folder.glob("quantsail_same-*")
    lines = (info / "RECORD").read_text().splitlines()
    (info / "INSTALLER").write_text("another")
    more = [f"{info.name}/uv_cache.json,sha256=x,1", "../../bin/same,sha256=y,1"]
    (info / "RECORD").write_text("\n".join([*reversed(lines), *more]))
    assert digest("quantsail-same") == before


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("extra.py", "taken/extra.py is not part of it"),
        ("__init__.abi3.so", "taken/__init__.abi3.so is not part of it"),
        ("sub/deep.pyc", "taken/sub/deep.pyc is not part of it"),
    ],
)
def test_a_file_that_could_be_imported_beside_the_listed_ones_is_found(site: FakeSite, name: str, told: str) -> None:
    site.install("taken", EXPLODES)
    site.record("taken")
    stranger = site.folder / "taken" / name
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_bytes(b"")
    with pytest.raises(PluginError, match=re.escape(told)):
        digest("quantsail-taken")


def test_a_package_of_that_name_that_is_found_first_is_told(
    site: FakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("shadowed", EXPLODES)
    site.record("shadowed")
    (tmp_path / "first" / "shadowed").mkdir(parents=True)
    other = tmp_path / "first" / "shadowed" / "__init__.py"
    other.write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "first"))
    with pytest.raises(PluginError, match=re.escape(f"shadowed is imported from {other}; reinstall it")):
        digest("quantsail-shadowed")


def test_a_missing_file_is_found(site: FakeSite) -> None:
    site.install("lost", EXPLODES)
    site.record("lost")
    (site.folder / "lost" / "__init__.py").unlink()
    with pytest.raises(PluginError, match=r"lost/__init__\.py is missing; reinstall it"):
        digest("quantsail-lost")


@pytest.mark.parametrize("unknown", ["sha257", "", "shake_128"])
def test_a_hash_that_is_unknown_here_is_told(site: FakeSite, unknown: str) -> None:
    site.install("hashed", EXPLODES)
    site.record("hashed")
    (info,) = site.folder.glob("quantsail_hashed-*")
    record = info / "RECORD"
    record.write_text(record.read_text().replace("hashed/__init__.py,sha256=", f"hashed/__init__.py,{unknown}="))
    told = f"hashed/__init__.py is listed with a hash that is unknown here ({unknown!r}); reinstall it"
    with pytest.raises(PluginError, match=re.escape(told)):
        digest("quantsail-hashed")


def test_no_hash_covers_an_editable_plugin_and_the_version_alone_is_pinned(tmp_path: Path) -> None:
    site = FakeSite(tmp_path / "site")
    site.install("edited", EXPLODES, direct_url={"url": "file:///src", "dir_info": {"editable": True}})
    site.record("edited")
    printed = site.quantsail("plugins", "pin", "edited").stdout
    assert printed == '[plugins.pins]\nedited = "1.0"  # editable: its files are not covered\n'
    (tmp_path / "p.toml").write_text(f'[plugins.pins]\nedited = "1.0 sha256:{"0" * 64}"\n')
    text = "quantsail-edited is installed editable, so no hash covers its files; pin its version, or install it"
    assert text in site.quantsail("check", "p.toml", cwd=tmp_path).stderr


def test_a_distribution_without_record_has_no_hash(site: FakeSite) -> None:
    site.install("bare", EXPLODES)
    with pytest.raises(PluginError, match="quantsail-bare has no RECORD of its files, so no hash covers them"):
        digest("quantsail-bare")
    with pytest.raises(PluginError, match="no-such-thing is not an installed distribution"):
        digest("no-such-thing")


@pytest.mark.parametrize("name", ["seven-days", "quantsail-seven-days", "Quantsail_Seven.Days"])
def test_a_plugin_is_called_by_its_name_or_by_its_distribution(name: str, tmp_path: Path) -> None:
    site = FakeSite(tmp_path / "site")
    site.install("seven_days", offering("weekly"))
    site.install("other", EXPLODES)
    assert site.quantsail("plugins", "info", name, load=name).stdout.startswith("name: seven-days\n")
    site.record("seven_days")
    assert '\nseven-days = "1.0 sha256:' in site.quantsail("plugins", "pin", name, "seven-days").stdout
    listed = site.quantsail("components", "list", "strategy", load=name).stdout
    assert [line.split()[1] for line in listed.splitlines()[1:]] == ["weekly"]


def test_switching_off_and_only_take_distributions_too(site: FakeSite) -> None:
    site.install("seven", offering("weekly"))
    assert "weekly" not in load_registry(block=["quantsail-seven"]).components("strategy")
    registry = load_registry(only=["quantsail-seven"])
    assert (list(registry.components("strategy")), registry.problems) == (["weekly"], ())
    (problem,) = [each.problem for each in load_registry(pins={"Quantsail_Seven": "2"}).plugins if each.name == "seven"]
    assert problem == "[plugins.pins] asks for quantsail-seven 2, installed is 1.0"


def test_pin_names_an_unknown_plugin(tmp_path: Path) -> None:
    site = FakeSite(tmp_path / "site")
    site.install("seven", EXPLODES)
    done = site.quantsail("plugins", "pin", "sevn")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no plugin named 'sevn'; did you mean 'seven'?")


def test_what_is_no_pin_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('[plugins.pins]\ntrend = "0.1.0 md5:12"\n')
    with pytest.raises(PipelineError) as caught:
        load_pipeline(tmp_path / "p.toml")
    text = 'plugins.pins: trend has "0.1.0 md5:12"; a pin is "VERSION" or "VERSION sha256:HASH": quantsail plugins pin'
    assert any(problem.endswith(text) for problem in caught.value.problems), caught.value.problems


# -- which release of the core it needs -----------------------------------------------------------


def test_a_plugin_for_another_release_is_listed_as_failed_and_not_imported(site: FakeSite) -> None:
    site.install("early", EXPLODES, requires="quantsail-framework~=2.3")
    site.install("fitting", offering("fits"), requires="quantsail-framework (~=0.1)")
    registry = load_registry(only=["early", "fitting"])
    have = quantsail_framework.__version__
    (problem,) = registry.problems
    assert problem == (
        f"plugin 'early' (quantsail-early 1.0): needs quantsail-framework ~=2.3, installed is {have}; install that "
        f"(quantsail-framework~=2.3), or a release of quantsail-early that goes with {have}"
    )
    assert list(registry.components("strategy")) == ["fits"]
    assert "early" not in sys.modules
    listed = {plugin.name: plugin for plugin in installed_plugins()}
    assert (listed["early"].status, listed["early"].needs) == ("failed", "~=2.3")
    assert (listed["fitting"].status, listed["fitting"].needs) == ("installed", "~=0.1")


def test_doctor_says_which_release_a_plugin_needs_and_a_run_without_it_goes_on(tmp_path: Path) -> None:
    site = FakeSite(tmp_path / "site")
    site.install("early", offering("early"), requires="quantsail-framework>=7,<8")
    done = site.quantsail("plugins", "doctor", load="early,trend")
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith("problem: plugin 'early' (quantsail-early 1.0): needs quantsail-framework >=7,<8, installed")
    assert site.quantsail("components", "show", "strategy", "trend", load="early,trend").returncode == 0


def test_every_first_party_plugin_goes_with_this_core() -> None:
    found = installed_plugins()
    assert [plugin.name for plugin in found if plugin.needs != "~=0.1" or plugin.status == "failed"] == []


@pytest.mark.parametrize(
    ("requirement", "needs"),
    [
        ("quantsail-framework~=0.1", "~=0.1"),
        ("quantsail_framework (>=0.1, <0.3)", ">=0.1,<0.3"),
        ("Quantsail.Framework[frames]>=0.2; python_version >= '3.11'", ">=0.2"),
        ("quantsail-framework", None),
        ("quantsail-framework>=9; python_version < '3.11'", None),
        ('quantsail-framework>=9; python_version >= "3.11" and sys_platform == "none"', None),
        ("quantsail-framework>=9; sys_platform == 'none' or python_version >= '3.11'", ">=9"),
        ("quantsail-framework>=9; (python_version < '3.11')", ">=9"),  # more than is looked at
        ("quantsail-framework>=3; extra == 'next'", None),
        ("quantsail-framework-extras~=5.0", None),
    ],
)
def test_the_needed_release_is_read_from_metadata(requirement: str, needs: str | None) -> None:
    assert core_needed(["numpy>=1.26", requirement]) == needs


VERSIONED = st.tuples(
    st.sampled_from(["python_version", "python_full_version"]),
    st.sampled_from(["==", "!=", "<=", ">=", "<", ">"]),
    st.sampled_from(["'3.9'", '"3.10"', "'3.11'", "'3.12'", "'3.13'", "'3.99'"]),
)
NAMED = st.tuples(
    st.sampled_from(["sys_platform", "os_name", "platform_system"]),
    st.sampled_from(["==", "!="]),
    st.sampled_from(["'linux'", "'Linux'", "'win32'", "'darwin'", '"posix"', "'nt'"]),
)


@given(
    comparisons=st.lists((VERSIONED | NAMED).map(" ".join), min_size=1, max_size=4),
    words=st.lists(st.sampled_from([" and ", " or "]), min_size=3, max_size=3),
)
def test_markers_are_judged_as_installers_do(comparisons: list[str], words: list[str]) -> None:
    marker = comparisons[0] + "".join(map("".join, zip(words, comparisons[1:], strict=False)))
    needs = core_needed([f"quantsail-framework>=9; {marker}"])
    assert (needs == ">=9") is Marker(marker).evaluate()


RELEASES = st.tuples(*[st.integers(0, 3)] * 3).flatmap(
    lambda numbers: st.sampled_from([".".join(map(str, numbers[:length])) for length in (2, 3)])
)
CLAUSES = st.tuples(st.sampled_from(["~=", "==", "!=", "<=", ">=", "<", ">"]), RELEASES).map("".join)
STARRED = st.tuples(st.sampled_from(["==", "!="]), RELEASES, st.just(".*")).map("".join)


@given(needed=st.lists(CLAUSES | STARRED, min_size=1, max_size=3).map(",".join), version=RELEASES)
def test_releases_are_compared_as_installers_do(needed: str, version: str) -> None:
    assert is_met(needed, version) is SpecifierSet(needed).contains(version)


def test_what_is_more_than_numbers_is_left_to_the_installer() -> None:
    assert is_met("===weird", "0.1.0")
    assert is_met("~=9.0", "unknown")
