"""Classes from a file beside the pipeline."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from quantsail_framework.config import load_pipeline, options_of
from quantsail_framework.hookspecs import KINDS
from quantsail_framework.plugins import PluginInfo, Registry
from quantsail_framework.results import pipeline_digest
from tests.config.conftest import MINIMAL, Desk, changed
from tests.config.parts import Level, Wrapper

STRATEGY = """\
from __future__ import annotations

import attrs


@attrs.frozen
class MyStrategy:
    period: int = attrs.field(default=5, validator=attrs.validators.ge(2), metadata={"doc": "Bars."})
    warmup = 0

    def signals(self, bars):
        return None


class Helper:
    pass
"""
PARTS = """\
import attrs


@attrs.frozen
class MyData:
    seed: int = 1

    def instruments(self, symbols):
        return {}

    def bars(self, requests):
        return iter(())


@attrs.frozen
class MyCosts:
    def costs(self, side, quantity, price, liquidity, market):
        return None


@attrs.frozen
class MySizer:
    def size(self, signal, instrument, portfolio, market):
        return None


@attrs.frozen
class MyRule:
    limit: float = 3.0

    def check(self, request, portfolio, market):
        return None
"""


def options(component: Any) -> dict[str, Any]:
    return attrs.asdict(component)


LOCAL = changed('use = "trend"', 'use = "my.py:MyStrategy"\nperiod = 7')


def test_a_local_strategy_takes_options_like_any_other(desk: Desk) -> None:
    desk.write(STRATEGY, "my.py")
    pipeline = desk.load(LOCAL, sets={"strategy.period": "8"})
    assert options(pipeline.strategy) == {"period": 8}
    assert pipeline.resolved["strategy"] == {"use": "my.py:MyStrategy", "period": 8}
    assert desk.problems(LOCAL, sets={"strategy.period": "1", "strategy.perod": 1}) == [
        "--set: strategy.perod: unknown option; did you mean period?",
        "--set: strategy.period: must be >= 2, got 1",
    ]


def test_the_pipeline_knows_the_code_of_its_local_files(desk: Desk) -> None:
    desk.write(STRATEGY, "my.py")
    first = desk.load(LOCAL)
    assert list(first.code) == ["my.py"]
    assert first.code == desk.load(LOCAL).code
    desk.write(STRATEGY.replace("default=5", "default=6"), "my.py")
    changed_file = desk.load(LOCAL)
    assert first.code["my.py"] != changed_file.code["my.py"]
    assert first.resolved == changed_file.resolved
    assert pipeline_digest(first, "backtest") != pipeline_digest(changed_file, "backtest")
    assert desk.load().code == {}


def test_every_kind_may_be_local(desk: Desk) -> None:
    desk.write(PARTS, "parts/mine.py")
    text = MINIMAL.replace('"folder"', '"parts/mine.py:MyData"').replace('"flat"', '"parts/mine.py:MyCosts"')
    text = text.replace('"fixed"', '"parts/mine.py:MySizer"')
    rules = '[[risk]]\nuse = "parts/mine.py:MyRule"\n' * 2
    pipeline = desk.load(text + rules, sets={"risk.MyRule-2.limit": 4, "data.seed": 2})
    assert [type(part).__name__ for part in (pipeline.source, pipeline.costs, pipeline.sizer)] == [
        "MyData",
        "MyCosts",
        "MySizer",
    ]
    assert [(named.name, options(named.rule)) for named in pipeline.risk] == [
        ("MyRule", {"limit": 3.0}),
        ("MyRule-2", {"limit": 4.0}),
    ]
    assert desk.load(text + rules, env={"QUANTSAIL__RISK__MYRULE__LIMIT": "5"}).risk[0].rule.limit == 5.0  # type: ignore[attr-defined]


def test_the_file_is_not_importable_by_accident(desk: Desk) -> None:
    desk.write(STRATEGY, "my.py")
    path, modules = list(sys.path), set(sys.modules)
    desk.load(LOCAL)
    assert sys.path == path
    [private] = set(sys.modules) - modules
    assert private.startswith("_quantsail_local_my_")
    with pytest.raises(ModuleNotFoundError):
        __import__("my")
    assert not (desk.folder / "__pycache__").exists()


def test_an_edited_file_counts_at_the_next_load(desk: Desk) -> None:
    desk.write(STRATEGY, "my.py")
    first, same = desk.load(LOCAL), desk.load(LOCAL)
    assert type(first.strategy) is type(same.strategy)
    desk.write(STRATEGY.replace("period: int", "bars: int"), "my.py")
    assert desk.problems(LOCAL) == ["p.toml:9: strategy.period: unknown option; MyStrategy has bars"]


def test_two_files_of_one_name_do_not_meet(desk: Desk) -> None:
    desk.write(STRATEGY, "a/my.py")
    desk.write(STRATEGY.replace("MyStrategy", "Other"), "b/my.py")
    desk.write(LOCAL, "a/p.toml")
    desk.write(LOCAL.replace("MyStrategy", "Other"), "b/p.toml")
    found = [load_pipeline(f"{name}/p.toml", registry=desk.registry, environ={}).strategy for name in "ab"]
    assert [type(strategy).__name__ for strategy in found] == ["MyStrategy", "Other"]


def test_a_base_in_another_folder_names_classes_beside_itself(desk: Desk) -> None:
    desk.write(STRATEGY, "common/my.py")
    desk.write('[strategy]\nuse = "my.py:MyStrategy"\n', "common/base.toml")
    text = 'extends = "common/base.toml"\n' + MINIMAL.replace('[strategy]\nuse = "trend"\n', "")
    assert type(desk.load(text).strategy).__name__ == "MyStrategy"


BOTH = STRATEGY.replace(
    "        return None\n", "        return None\n\n    def on_bar(self, view, position):\n        pass\n"
)


@pytest.mark.parametrize(
    "source, use, problem",
    [
        (STRATEGY, "my.py:MyStratgy", "my.py has no class MyStratgy; did you mean MyStrategy?"),
        (STRATEGY, "my.py:Zebra", "my.py has no class Zebra; it has MyStrategy, Helper"),
        ("x = 1\n", "my.py:x", "my.py has no class x; it has none"),
        (STRATEGY, "my.py", "'my.py' must look like 'my.py:MyStrategy'"),
        (STRATEGY, "gone.py:X", "there is no file gone.py beside the pipeline; its folder is {folder}"),
        ("def broken(:\n", "my.py:X", "my.py:1: invalid syntax"),
        ("import attrs\n\nx = y\n", "my.py:X", "my.py:3: NameError: name 'y' is not defined"),
        ("raise SystemExit('bye')\n", "my.py:X", "my.py:1: SystemExit: bye"),
        ("import zebra_tools\n", "my.py:X", "my.py:1: ModuleNotFoundError: No module named 'zebra_tools'"),
        (
            "import beside\n",
            "my.py:X",
            (
                "my.py:1: ModuleNotFoundError: No module named 'beside'; "
                "a local file can import installed packages, not files beside it"
            ),
        ),
        (
            STRATEGY,
            "my.py:Helper",
            (
                "Helper is not a strategy: it has neither signals() (decides over arrays) "
                "nor on_bar() (decides bar by bar)"
            ),
        ),
        (
            BOTH,
            "my.py:MyStrategy",
            "MyStrategy has both signals() and on_bar(); a strategy decides over arrays or bar by bar: remove one",
        ),
        (
            STRATEGY.replace("signals", "on_bar"),
            "my.py:MyStrategy",
            "MyStrategy has on_bar() but no prepare(); add it, returning the arrays it needs or {}",
        ),
        (
            STRATEGY.replace("    warmup = 0\n", ""),
            "my.py:MyStrategy",
            "MyStrategy has no `warmup`; add the number of bars that it needs before it may decide",
        ),
        (
            STRATEGY.replace("@attrs.frozen\n", ""),
            "my.py:MyStrategy",
            "MyStrategy is not an attrs class; put @attrs.frozen on it, its fields are its options",
        ),
        (
            STRATEGY.replace("period: int", "period: Unknown"),
            "my.py:MyStrategy",
            (
                "MyStrategy: the types of its options cannot be read: name 'Unknown' is not defined; "
                "import what they name at run time, not under TYPE_CHECKING"
            ),
        ),
    ],
)
def test_errors_name_the_line_of_the_pipeline_and_that_of_the_file(
    desk: Desk, source: str, use: str, problem: str
) -> None:
    desk.write(source, "my.py")
    desk.write("", "beside.py")
    text = changed('use = "trend"', f'use = "{use}"')
    assert desk.problems(text) == [f"p.toml:8: strategy.use: {problem.replace('{folder}', str(desk.folder))}"]


@pytest.mark.parametrize("use", ["../out.py:MyStrategy", "a/../../out.py:MyStrategy", "{out}:MyStrategy"])
def test_a_path_that_leaves_the_folder_is_refused(desk: Desk, tmp_path: Path, use: str) -> None:
    out = tmp_path.parent / "out.py"
    out.write_text(STRATEGY)
    use = use.replace("{out}", str(out))
    outside = use.partition(":")[0]
    assert desk.problems(changed('use = "trend"', f"use = '{use}'")) == [
        (
            f"p.toml:8: strategy.use: {outside} is outside the pipeline's folder; "
            "a local class must be in it or in a folder below"
        )
    ]


def test_a_link_out_of_the_folder_is_refused(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path.parent / "linked.py"
    out.write_text(STRATEGY)
    (desk.folder / "my.py").symlink_to(out)
    assert "is outside the pipeline's folder" in desk.problems(LOCAL)[0]


@pytest.mark.parametrize(
    "table, use, problem",
    [
        ("sizer", "my.py:MyRule", "MyRule is not a sizer: it has no method size()"),
        ("data", "my.py:MyRule", "MyRule is not a data source: it has no method instruments(), bars()"),
        ("alerts", "my.py:MyRule", "MyRule is not an alert sink: it has no method open(), send(), close()"),
        ("risk", "my.py:Watcher", "Watcher has `watches` but no method trip(), so it could never trip; add it"),
    ],
)
def test_a_class_of_another_kind_names_the_missing_method(desk: Desk, table: str, use: str, problem: str) -> None:
    watcher = PARTS.replace("MyRule", "Watcher").replace("limit: float = 3.0", 'watches: tuple[str, ...] = ("bars",)')
    desk.write(PARTS + watcher, "my.py")
    if table in ("risk", "alerts"):
        text, key = MINIMAL + f'[[{table}]]\nuse = "{use}"\n', f"{table}.{use.partition(':')[2]}.use"
    else:
        old = {"sizer": "fixed", "data": "folder"}[table]
        text, key = changed(f'use = "{old}"', f'use = "{use}"'), f"{table}.use"
    [found] = desk.problems(text)
    assert found.partition(": ")[2] == f"{key}: {problem}"


def test_abstract_classes_say_what_they_lack(desk: Desk) -> None:
    abstract = "import abc\n" + STRATEGY.partition("\n\n")[2]
    abstract = abstract.replace("class MyStrategy:", "class MyStrategy(abc.ABC):")
    abstract = abstract.replace("    def signals", "    @abc.abstractmethod\n    def signals")
    desk.write(abstract, "my.py")
    [found] = desk.problems(LOCAL)
    assert found.startswith("p.toml:7: strategy: Can't instantiate abstract class MyStrategy")


def test_a_bug_inside_a_component_is_not_hidden_but_noted(desk: Desk) -> None:
    broken = STRATEGY.replace(
        "    warmup = 0\n", "    warmup = 0\n\n    def __attrs_post_init__(self):\n        {}['x']\n"
    )
    desk.write(broken, "my.py")
    with pytest.raises(KeyError) as caught:
        desk.load(LOCAL)
    assert caught.value.__notes__ == ["while making MyStrategy from its options"]


# Options that name a class.

WRAPPED = changed('use = "trend"', 'use = "wrapper"\ninner = "my.py:Helper"')


def test_an_option_names_a_class_beside_the_file_it_is_written_in(desk: Desk) -> None:
    desk.write(STRATEGY, "common/my.py")
    desk.write('[strategy]\nuse = "wrapper"\ninner = "my.py:Helper"\n', "common/base.toml")
    text = 'extends = "common/base.toml"\n' + MINIMAL.replace('[strategy]\nuse = "trend"\n', "")
    pipeline = desk.load(text)
    reference = pipeline.strategy.inner  # type: ignore[union-attr]
    assert reference.load().__name__ == "Helper"
    assert pickle.loads(pickle.dumps(reference)) == reference
    assert pipeline.resolved["strategy"] == {"use": "wrapper", "inner": "my.py:Helper"}


def test_an_option_names_a_class_of_what_is_installed(desk: Desk) -> None:
    pipeline = desk.load(WRAPPED, sets={"strategy.inner": "tests.config.parts:Level"})
    assert pipeline.strategy.inner.load() is Level  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "inner, problem",
    [
        ("my.py:Helpr", "my.py has no class Helpr; did you mean Helper?"),
        ("../out.py:X", "../out.py is outside the pipeline's folder; a local class must be in it or in a folder below"),
        ("tests.config.parts:Levl", "tests.config.parts has no class Levl; did you mean Level?"),
        ("zebra_tools:X", "zebra_tools cannot be imported: ModuleNotFoundError: No module named 'zebra_tools'"),
        ("Helper", "must look like 'my.py:MyClass' or 'package.module:MyClass', got 'Helper'"),
    ],
)
def test_an_option_that_names_no_class_is_told_with_its_line(desk: Desk, inner: str, problem: str) -> None:
    desk.write(STRATEGY, "my.py")
    assert desk.problems(WRAPPED.replace("my.py:Helper", inner)) == [f"p.toml:9: strategy.inner: {problem}"]
    assert desk.problems(WRAPPED.replace('"my.py:Helper"', "3"))[0].startswith(
        "p.toml:9: strategy.inner: expects a class"
    )


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed modules."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def test_a_module_or_class_that_would_end_the_program_is_a_problem_with_its_line(desk: Desk, importable: Path) -> None:
    (importable / "quitting_module.py").write_text("import sys\nsys.exit(7)\n")
    assert desk.problems(WRAPPED.replace("my.py:Helper", "quitting_module:X")) == [
        "p.toml:9: strategy.inner: quitting_module cannot be imported: SystemExit: 7"
    ]
    quits = "    warmup = 0\n\n    def __attrs_post_init__(self): exit(7)\n"
    desk.write(STRATEGY.replace("    warmup = 0\n", quits), "my.py")
    [found] = desk.problems(LOCAL)
    assert found.endswith("MyStrategy ended the program with sys.exit(7)")


def test_where_only_some_plugins_may_load_an_option_imports_no_other_module(desk: Desk, importable: Path) -> None:
    (importable / "stranger.py").write_text("from pathlib import Path\nPath('ran').touch()\nclass X: pass\n")
    (importable / "allowed_plugin").mkdir()
    (importable / "allowed_plugin" / "__init__.py").touch()
    (importable / "allowed_plugin" / "parts.py").write_text("class X: pass\n")
    desk.write(STRATEGY, "my.py")
    own = desk.registry.plugins[0]
    plugins = [own, PluginInfo("mine", "mine", "1", "allowed_plugin"), PluginInfo("other", "other", "1", "stranger")]
    offers = [offer for kind in KINDS for offer in desk.registry.components(kind).values()]
    strict = attrs.evolve(desk, registry=Registry(plugins, offers))
    only = f'[plugins]\nonly = ["{own.name}", "mine"]\n'
    remedy = "name a class of those, or of a file in the pipeline's folder, or remove [plugins] only"
    for module in ("stranger", "stranger.parts", "allowed_plugins"):
        [problem] = strict.problems(WRAPPED.replace("my.py:Helper", f"{module}:X") + only)
        told = f"{module} is of no plugin that [plugins] only names ({own.name}, mine)"
        assert problem == f"p.toml:9: strategy.inner: {told}; {remedy}"
    assert not Path("ran").exists()
    for inner in ("my.py:Helper", "allowed_plugin.parts:X"):
        strict.load(WRAPPED.replace("my.py:Helper", inner) + only)
    strict.load(WRAPPED.replace("my.py:Helper", "stranger:X"))


def test_a_table_of_options_calls_it_a_class() -> None:
    [inner] = options_of(Wrapper)
    assert (inner.type_text, inner.required) == ("class", True)
