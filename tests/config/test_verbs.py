"""check, show, schema and init on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from quantsail_framework.cli import main
from quantsail_framework.config import load_pipeline

CLI = Path(__file__).parents[2] / "quantsail_framework" / "cli"
PIPELINE = """\
[pipeline]
capital = 1000
[data]
use = "samples"
symbols = ["EUR/USD"]
timeframe = "1h"
[strategy]
use = "trend"
[costs]
use = "basis-points"
[sizer]
use = "fixed-fractional"
[[risk]]
use = "max-daily-loss"
limit = 50
[profiles.fast.strategy]
adx_period = 7
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.toml").write_text(PIPELINE)
    return tmp_path


class Ran:
    def __init__(self, capsys: pytest.CaptureFixture[str], *args: str) -> None:
        with pytest.raises(SystemExit) as caught:
            main(args)
        self.code = caught.value.code
        self.out, self.err = capsys.readouterr()


def test_check_of_a_good_file(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "check", "p.toml")
    assert (ran.code, ran.out, ran.err) == (0, "p.toml: no problems; the data is read when it runs\n", "")
    ran = Ran(capsys, "check", "p.toml", "--json")
    assert json.loads(ran.out) == {"file": "p.toml", "ok": True, "problems": []}


def test_check_names_every_problem_and_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "check", "p.toml", "--set", "strategy.adx_perod=3", "--set", "risk.max-daily-loss.limit=-1")
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert lines[0] == "error: --set: strategy.adx_perod: unknown option; did you mean adx_period?"
    assert lines[1].startswith("error: --set: risk.max-daily-loss.limit: ")


def test_check_prints_problems_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "check", "gone.toml", "--json")
    assert (ran.code, ran.err) == (2, "")
    assert json.loads(ran.out) == {
        "file": "gone.toml",
        "ok": False,
        "problems": ["gone.toml: no such file; `quantsail init` writes a starter pipeline"],
    }
    ran = Ran(capsys, "check", "p.toml", "--set", "x", "--json")
    assert json.loads(ran.out)["problems"] == ["--set x: expects KEY=VALUE, such as --set strategy.adx_period=20"]


def test_check_without_a_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "check", "p.toml", "--no-plugin", "trend")
    assert ran.code == 2
    told = "strategy 'trend' is switched off by `--no-plugin`; leave out --no-plugin trend"
    assert ran.err.startswith(f"error: p.toml:8: strategy.use: {told}\n")


def test_show_is_the_complete_pipeline_as_toml(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    ran = Ran(capsys, "show", "p.toml", "--profile", "fast", "--set", "data.start=2017-02-01")
    shown = tomllib.loads(ran.out)
    assert shown["strategy"]["adx_period"] == 7
    assert shown["costs"]["fee_bps"] == 10.0
    assert shown["data"]["start"] == "2017-02-01T00:00:00Z"
    assert "# end is not set\n" in ran.out
    expected = load_pipeline("p.toml", profile="fast", overrides={"data.start": "2017-02-01"}).resolved
    assert shown == {
        t: {k: v for k, v in o.items() if v is not None} if isinstance(o, dict) else o
        for t, o in expected.items()
        if o != []
    }


def test_show_origin_says_where_each_value_came_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANTSAIL__STRATEGY__MA_PERIOD", "40")
    ran = Ran(capsys, "show", "p.toml", "--origin", "--profile", "fast", "--set", "strategy.lookback=9")
    rows = {line.split(" = ")[0]: line.partition("  # ")[2] for line in ran.out.splitlines() if " = " in line}
    assert rows["capital"] == "p.toml:2"
    assert rows["adx_period"] == "profile fast (p.toml:17)"
    assert rows["ma_period"] == "environment QUANTSAIL__STRATEGY__MA_PERIOD"
    assert rows["lookback"] == "--set"
    assert rows["limit"] == "p.toml:15"
    assert rows["fee_bps"] == "default"
    assert tomllib.loads(ran.out)["strategy"]["ma_period"] == 40


def test_show_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    resolved = dict(load_pipeline("p.toml").resolved)
    assert json.loads(Ran(capsys, "show", "p.toml", "--json").out) == {"pipeline": resolved}
    both = json.loads(Ran(capsys, "show", "p.toml", "--json", "--origin").out)
    assert both["pipeline"] == resolved
    assert both["origins"]["risk.max-daily-loss.limit"] == "p.toml:15"


def test_show_of_a_bad_file_is_its_problems(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "show", "p.toml", "--set", "strategi.x=1")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: --set: strategi: unknown table; did you mean strategy?\n"


def test_schema_is_json_and_knows_the_installed_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "schema")
    assert ran.code == 0
    schema = json.loads(ran.out)
    Draft202012Validator.check_schema(schema)
    assert "trend" in schema["$defs"]["strategy"]["properties"]["use"]["anyOf"][0]["enum"]
    without = json.loads(Ran(capsys, "schema", "--no-plugin", "trend").out)
    assert "trend" not in without["$defs"]["strategy"]["properties"]["use"]["anyOf"][0]["enum"]


def test_init_writes_a_pipeline_that_has_no_problems(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    ran = Ran(capsys, "init")
    assert (ran.code, ran.out) == (0, "wrote pipeline.toml; run it: quantsail run pipeline.toml\n")
    assert "quantsail check pipeline.toml " in (folder / "pipeline.toml").read_text()
    for profile in (None, "cautious"):
        assert load_pipeline("pipeline.toml", profile=profile).strategy is not None
    assert sorted(path.name for path in folder.iterdir()) == ["p.toml", "pipeline.toml"]


def test_the_starter_pipeline_runs_as_it_is_and_trades(capsys: pytest.CaptureFixture[str]) -> None:
    Ran(capsys, "init", "first.toml")
    ran = Ran(capsys, "run", "first.toml", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["metrics"]["total_trades"] > 50


def test_init_never_overwrites_without_force(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    ran = Ran(capsys, "init", "p.toml")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: p.toml exists and stays as it is; name another file, or replace it with --force\n"
    assert (folder / "p.toml").read_text() == PIPELINE
    assert Ran(capsys, "init", "p.toml", "--force").code == 0
    assert (folder / "p.toml").read_text().startswith("# A Quantsail pipeline")
    assert [path.name for path in folder.iterdir()] == ["p.toml"]


def test_init_does_not_write_through_a_dangling_link(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "link.toml").symlink_to(folder / "target.toml")
    assert Ran(capsys, "init", "link.toml").code == 2
    assert not (folder / "target.toml").exists()


def test_init_where_it_cannot_write(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "sub").mkdir()
    ran = Ran(capsys, "init", "sub")
    assert (ran.code, ran.err) == (2, f"error: sub is a folder; name a file, such as {Path('sub/pipeline.toml')}\n")
    ran = Ran(capsys, "init", "none/p.toml")
    assert (ran.code, ran.err) == (2, "error: there is no folder none; make it first\n")


@pytest.mark.parametrize("verb", ["check", "show", "schema", "init"])
def test_help_imports_nothing_heavy(verb: str) -> None:
    code = (
        "import sys\nfrom quantsail_framework.cli import main\n"
        f"try:\n    main(['{verb}', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'talib', 'cattrs', 'rich', 'quantsail_framework.config'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_importing_config_imports_nothing_heavy() -> None:
    code = (
        "import sys, quantsail_framework.config\n"
        "print(sorted({'numpy', 'pandas', 'pyarrow', 'cattrs', 'pluggy', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
