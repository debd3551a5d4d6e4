"""What an editor makes of pipeline files: the schema takes what `check` takes, and refuses what it refuses."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from quantsail_framework import load_pipeline
from quantsail_framework.errors import PipelineError
from tests.docs.blocks import PAGES as DOCUMENTATION
from tests.docs.blocks import installs_a_plugin
from tests.docs.reference.components import MISSING

ROOT = Path(__file__).parents[2]
QUANTSAIL = str(Path(sys.executable).parent / "quantsail")
PAGES = [page for page in DOCUMENTATION if not installs_a_plugin(page)] + sorted(ROOT.glob("plugins/*/README.md"))
EDITOR = ROOT / "docs" / "editor.md"
QUICKSTART = (ROOT / "examples" / "quickstart.toml").read_text(encoding="utf-8")
FIRST_LINE = "#:schema ./pipeline.schema.json\n"
_BLOCK = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the schema, written by the command that the page shows."""
    place = tmp_path_factory.mktemp("edited")
    (command,) = re.findall(r"^ *\$ quantsail (schema) > pipeline\.schema\.json$", EDITOR.read_text(), re.MULTILINE)
    done = subprocess.run([QUANTSAIL, command], capture_output=True, text=True, check=True)
    (place / "pipeline.schema.json").write_text(done.stdout, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def schema(folder: Path) -> Draft202012Validator:
    written = json.loads((folder / "pipeline.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(written)
    return Draft202012Validator(written)


def _as_editors_read(value: Any) -> Any:
    """Editors hand dates to the schema as text."""
    if isinstance(value, dict):
        return {name: _as_editors_read(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_editors_read(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def _refused(schema: Draft202012Validator, text: str) -> list[str]:
    errors = schema.iter_errors(_as_editors_read(tomllib.loads(text)))
    return sorted(f"{error.json_path}: {error.message}" for error in errors)


def _shown() -> list[tuple[Path, str]]:
    """Every block of TOML that is a pipeline, or a part of one, which a file that extends another may be."""
    tables = {"pipeline", "data", "strategy", "costs", "sizer", "risk", "alerts", "observers", "reporters", "executor"}
    tables |= {"backtest", "replay", "sweep", "optuna", "walk-forward", "monte-carlo", "plugins"}
    found = []
    for page in PAGES:
        for text in _BLOCK.findall(page.read_text(encoding="utf-8")):
            values = tomllib.loads(text)
            if values and set(values) <= {*tables, "profiles", "extends"}:
                is_whole = {"pipeline", "data", "strategy", "costs", "sizer"} <= set(values)
                found.append((page, text if is_whole else f'extends = "base.toml"\n{text}'))
    return found


@pytest.mark.skipif(bool(MISSING), reason=f"plugins are not installed: {', '.join(MISSING)}")
@pytest.mark.parametrize(("page", "text"), _shown(), ids=lambda value: getattr(value, "name", ""))
def test_every_pipeline_of_the_documentation_fits_the_schema(
    schema: Draft202012Validator, page: Path, text: str
) -> None:
    assert _refused(schema, text) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*.toml")), ids=lambda path: path.name)
def test_every_example_fits_the_schema(schema: Draft202012Validator, path: Path) -> None:
    assert _refused(schema, path.read_text(encoding="utf-8")) == []


WRONG = [
    ("lookback = 20", "lookbak = 20", "$.strategy"),
    ("lookback = 20", 'lookback = "20"', "$.strategy.lookback"),
    ("lookback = 20", "lookback = 20.5", "$.strategy.lookback"),
    ("lookback = 20", "lookback = 0", "$.strategy.lookback"),
    ("allow_short = true", "allow_short = 1", "$.strategy.allow_short"),
    ('use = "trend"', 'use = "trnd"', "$.strategy.use"),
    ('use = "trend"', "", "$.strategy"),
    ("[sizer]", "[szer]", "$"),
    ("capital = 10_000", "capital = 0", "$.pipeline.capital"),
    ("capital = 10_000", 'capital = 10_000\nalerts = "some"', "$.pipeline.alerts"),
    ('symbols = ["EUR/USD"]', 'symbols = "EUR/USD"', "$.data.symbols"),
    ('symbols = ["EUR/USD"]', "", "$.data"),
    ('use = "max-daily-loss"', 'use = "max-daily-los"', "$.risk[2].use"),
    ("min_profit = 12.0", "min_profit = [12.0]", "$.risk[0].min_profit"),
    ('use = "console"', 'use = "console"\ncolor = true', "$.reporters[0]"),
    ("[pipeline]", "[plugins]\npins = { trend = 1 }\n[pipeline]", "$.plugins.pins.trend"),
    ("[pipeline]", "[backtest]\nboth_touched = 'maybe'\n[pipeline]", "$.backtest.both_touched"),
]


@pytest.mark.parametrize(("old", "new", "place"), WRONG, ids=[new or f"no {old}" for old, new, _ in WRONG])
def test_what_check_refuses_the_schema_refuses_at_its_place(
    schema: Draft202012Validator, tmp_path: Path, old: str, new: str, place: str
) -> None:
    assert old in QUICKSTART
    text = QUICKSTART.replace(old, new, 1)
    (tmp_path / "p.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PipelineError):
        load_pipeline(tmp_path / "p.toml")
    assert any(error.startswith(f"{place}: ") for error in _refused(schema, text)), _refused(schema, text)


def test_the_first_line_is_a_comment_to_everything_else(tmp_path: Path) -> None:
    assert f"    {FIRST_LINE}" in EDITOR.read_text(encoding="utf-8")
    (tmp_path / "p.toml").write_text(FIRST_LINE + QUICKSTART, encoding="utf-8")
    assert load_pipeline(tmp_path / "p.toml").name == "quickstart"


def test_init_writes_the_pipeline_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run([QUANTSAIL, "init", "mine.toml"], cwd=tmp_path, capture_output=True, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


# -- the engine of the editors -----------------------------------------------------------------------


def _lint(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """What Taplo, on which Even Better TOML is built, says of a file."""
    taplo = shutil.which("taplo")
    if taplo is None:
        pytest.skip("needs the program taplo")
    command = [taplo, "lint", "--colors", "never", name]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_taplo_takes_the_first_line_and_finds_what_is_wrong(folder: Path) -> None:
    (folder / "good.toml").write_text(FIRST_LINE + QUICKSTART, encoding="utf-8")
    (folder / "bad.toml").write_text(FIRST_LINE + QUICKSTART.replace("lookback", "lookbak"), encoding="utf-8")
    assert _lint(folder, "good.toml").returncode == 0
    done = _lint(folder, "bad.toml")
    assert done.returncode != 0
    assert "'lookbak' was unexpected" in done.stderr


def test_taplo_takes_the_file_that_the_page_shows(folder: Path) -> None:
    page = EDITOR.read_text(encoding="utf-8")
    (rule,) = re.findall(r'^```toml title="\.taplo\.toml"\n(.*?)^```', page, re.MULTILINE | re.DOTALL)
    (folder / ".taplo.toml").write_text(rule, encoding="utf-8")
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "bad.toml").write_text(QUICKSTART.replace("lookback", "lookbak"), encoding="utf-8")
    assert "'lookbak' was unexpected" in _lint(folder, "pipelines/bad.toml").stderr
