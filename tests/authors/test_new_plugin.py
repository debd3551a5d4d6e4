"""`quantsail new-plugin` writes a whole plugin or nothing, and says what to do next."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from quantsail_framework import __version__, hookspecs
from quantsail_framework.cli import VERBS
from quantsail_framework.errors import InputError
from quantsail_framework.scaffold import KINDS, new_plugin
from quantsail_framework.scaffold.write import LONGEST_NAME, class_name, distribution
from tests.plugins_.site import ROOT, FakeSite, offering

TOOLS = Path(sys.executable).parent


@pytest.fixture(scope="module", params=["x", "long-" * 7 + "named"], ids=["short", "long"])
def all_kinds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plugin of each kind, with the shortest and the longest of names."""
    folder = tmp_path_factory.mktemp("kinds")
    for kind in KINDS:
        (folder / kind).mkdir()
        new_plugin(kind, request.param, folder / kind)
    return folder


def test_there_is_a_template_for_every_kind_of_component() -> None:
    assert {kind.registers for kind in KINDS.values()} == set(hookspecs.KINDS)


def test_the_plugins_are_as_ruff_writes_them(all_kinds: Path) -> None:
    for arguments in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [TOOLS / "ruff", *arguments, "--no-cache", "."], cwd=all_kinds, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_plugins_are_typed_strictly(tmp_path: Path) -> None:
    """All kinds in one process, with what mypy knows of the core from before. Their tests get names that differ: mypy
    takes files of one name for one module."""
    folders = [new_plugin(kind, f"of-{kind}", tmp_path) for kind in KINDS]
    tests = tmp_path / "tests"
    tests.mkdir()
    for test in (path for folder in folders for path in folder.glob("tests/*.py")):
        shutil.copy(test, tests / f"{test.parents[1].name.replace('-', '_')}_{test.name}")
    command = [
        TOOLS / "mypy",
        "--strict",
        "--config-file",
        ROOT / "pyproject.toml",
        "--cache-dir",
        ROOT / ".mypy_cache",
        tests,
    ]
    done = subprocess.run(
        [*command, *(folder / "src" for folder in folders)],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_plugin_is_a_complete_distribution(tmp_path: Path) -> None:
    folder = new_plugin("cost-model", "flat-fee", tmp_path)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        ".github/workflows/tests.yml",
        ".gitignore",
        "README.md",
        "docs/flat-fee.md",
        "pyproject.toml",
        "src/quantsail_flat_fee/__init__.py",
        "src/quantsail_flat_fee/costs.py",
        "src/quantsail_flat_fee/py.typed",
        "tests/test_contract.py",
        "tests/test_flat_fee.py",
    ]
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "quantsail-flat-fee"
    assert project["dependencies"] == [f"quantsail-framework~={'.'.join(__version__.split('.')[:2])}"]
    assert project["entry-points"]["quantsail"] == {"flat-fee": "quantsail_flat_fee"}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_template_is_left(kind: str, tmp_path: Path) -> None:
    folder = new_plugin(kind, "wave", tmp_path)
    files = [path for path in folder.rglob("*") if path.is_file()]
    texts = {str(path): path.read_text(encoding="utf-8") for path in files}
    left = ("my-name", "my_name", "MyName", "my kind", "my-kind", "my_module", "my_hook", "MyContract", "# my", "X.Y")
    assert [(path, word) for path, text in texts.items() for word in left if word in path + text] == []
    assert "My summary" not in "".join(texts.values())


@pytest.mark.parametrize(
    ("name", "ending", "expected"),
    [
        ("dip", "Strategy", "DipStrategy"),
        ("equal-weight", "Sizer", "EqualWeightSizer"),
        ("flat-costs", "Costs", "FlatCosts"),
        ("none", "Rule", "NoneRule"),
    ],
)
def test_a_class_is_named_after_the_plugin_and_its_kind(name: str, ending: str, expected: str) -> None:
    assert class_name(name, ending) == expected


@pytest.mark.parametrize(
    "name", ["", "Dip", "dip_two", "-dip", "dip-", "a--b", "2dip", "../dip", "dip/x", "é", "d" * 41]
)
def test_a_bad_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no name of a plugin; it must be lower-case words joined by hyphens"):
        new_plugin("sizer", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["my_dip", "MyDip", "my dip", "My-Dip", "-my--dip-"])
def test_a_name_that_is_spelt_another_way_is_suggested(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"such as 'equal-weight'; did you mean 'my-dip'\?$"):
        new_plugin("sizer", name, tmp_path)


def test_a_folder_that_is_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "first.toml").write_text("")
    done = FakeSite(tmp_path / "site").quantsail("new-plugin", "sizer", "mine", "--dir", "first.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "Directory 'first.toml' is a file." in done.stderr


def test_the_longest_name_is_as_long_as_the_error_says(tmp_path: Path) -> None:
    assert new_plugin("sizer", "d" * LONGEST_NAME, tmp_path).is_dir()


def test_the_prefix_of_the_distribution_is_not_part_of_the_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the distribution of 'dip' is called 'quantsail-dip' by itself"):
        new_plugin("strategy", "quantsail-dip", tmp_path)


def test_an_unknown_kind_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no kind of plugin is named 'risk-rules'; did you mean 'risk-rule'\? Kinds: data-"
    ):
        new_plugin("risk-rules", "mine", tmp_path)


def test_the_name_of_an_installed_plugin_is_taken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'trend' is taken by quantsail-trend .*, which is installed"):
        new_plugin("strategy", "trend", tmp_path)
    with pytest.raises(InputError, match="'framework' is taken by the core itself"):
        new_plugin("strategy", "framework", tmp_path)


@pytest.mark.parametrize(
    ("kind", "name", "problem"),
    [
        (
            "strategy",
            "contract",
            "two files would be tests/test_contract.py; choose another name, such as 'my-contract'",
        ),
        (
            "executor",
            "thread-pool",
            "its class would be ThreadPoolExecutor, which src/quantsail_thread_pool/executor.py uses",
        ),
        ("risk-rule", "cooldown", r"there is a risk rule 'cooldown' of quantsail-risk .* already, which is installed"),
        (
            "runner",
            "executor",
            r"its options would stand in \[executor\], which is another table of a pipeline; choose",
        ),
    ],
)
def test_a_name_that_would_make_a_broken_plugin_is_refused(kind: str, name: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=problem):
        new_plugin(kind, name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("hook", "kind", "title"),
    [
        ("quantsail_strategies", "bar-strategy", "strategy 'walk'"),
        ("quantsail_runners", "command", "runner 'walk'"),
        ("quantsail_commands", "runner", "command 'walk'"),
    ],
)
def test_a_component_that_is_called_so_already_is_named(hook: str, kind: str, title: str, tmp_path: Path) -> None:
    site = FakeSite(tmp_path / "site")
    site.install("pack", offering("walk", hook=hook))
    done = site.quantsail("new-plugin", kind, "walk", "--dir", tmp_path, load="pack")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: there is a {title} of quantsail-pack 1.0 already, which is installed; "
        "choose another name, such as 'my-walk'\n"
    )


def test_a_class_that_the_template_imports_is_not_defined_anew() -> None:
    with pytest.raises(
        InputError, match=r"its class would be Costs, which src/quantsail_costs/costs.py uses for somet"
    ):
        distribution("cost-model", KINDS["cost-model"], "costs")


def test_every_name_gives_files_that_hold_together_or_is_refused(tmp_path: Path) -> None:
    """Tried with the names in the templates themselves, as far as they could become a class, and words of Python."""
    for kind, about in KINDS.items():
        plain = distribution(kind, about, "plain")
        found = {name for path, text in plain.items() if path.endswith(".py") for name in re.findall("[A-Z]\\w+", text)}
        camel = found | {name.removesuffix(about.ending) for name in found}
        names = {re.sub("(?<=[a-z])(?=[A-Z])", "-", name).lower().replace("_", "-") for name in camel if name}
        for name in (names | {about.module, "contract", "class", "import", "none", "nan", "init", "conftest"}) - {""}:
            with contextlib.suppress(InputError):
                for path, text in distribution(kind, about, name).items():
                    file = tmp_path / f"{kind}-{name}" / path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(text, encoding="utf-8")
                    if path.endswith(".py"):
                        compile(text, path, "exec")
                    if path == "README.md":
                        tomllib.loads(text.partition("```toml")[2].partition("```")[0])
    command = [TOOLS / "ruff", "check", "--no-cache", "--isolated", "--select", "F", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert len(list(tmp_path.iterdir())) > 100


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "quantsail-dip").mkdir()
    (tmp_path / "quantsail-gone").symlink_to(tmp_path / "nowhere")
    for name in ("dip", "gone"):
        with pytest.raises(InputError, match=f"quantsail-{name} exists and stays as it is; choose another name"):
            new_plugin("strategy", name, tmp_path)
    assert list((tmp_path / "quantsail-dip").iterdir()) == []


def test_a_folder_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no folder .*no where; make it first \(mkdir -p '.*no where'\)"):
        new_plugin("strategy", "dip", tmp_path / "no where")


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *_arguments: object, **_options: object) -> int:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="quantsail-dip cannot be written: No space left on device"):
        new_plugin("strategy", "dip", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_to_do_next(tmp_path: Path) -> None:
    site = FakeSite(tmp_path / "site")
    done = site.quantsail("new-plugin", "sizer", "equal-weight", "--dir", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    folder = tmp_path / "quantsail-equal-weight"
    assert done.stdout.splitlines() == [
        f"wrote {folder}; next:",
        f"  cd {folder}",
        '  pip install -e ".[test]"',
        "  pytest",
    ]
    again = site.quantsail("new-plugin", "sizer", "equal-weight", "--dir", tmp_path)
    assert again.returncode == 2
    assert again.stderr.startswith(f"error: {folder} exists and stays as it is")


@pytest.mark.parametrize("kind", ["runner", "command"])
def test_a_plugin_that_another_command_would_hide_is_refused(kind: str, tmp_path: Path) -> None:
    site = FakeSite(tmp_path / "site")
    done = site.quantsail("new-plugin", kind, "compare", "--dir", tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: `quantsail compare` is a command of Quantsail; choose another name\n"
    assert "compare" in VERBS
