"""With only the core installed every command still says something helpful."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.toy import write_pipeline
from tests.plugins_.site import ROOT

Quantsail = Callable[..., subprocess.CompletedProcess[str]]
INSTALL = "pip install 'quantsail-framework[standard]'"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed libraries and the core, without any plugin: links to what this environment has."""
    folder = tmp_path_factory.mktemp("core") / "packages"
    folder.mkdir()
    for path in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if "quantsail" not in path.name and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)
    (folder / "quantsail_framework").symlink_to(ROOT / "quantsail_framework")
    return folder


@pytest.fixture
def quantsail(packages: Path, tmp_path: Path) -> Quantsail:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = "from quantsail_framework.cli import main; main()"
        environment = {**os.environ, "PYTHONPATH": str(packages)}
        environment.pop("QUANTSAIL_LOAD_PLUGINS", None)
        command = [sys.executable, "-S", "-c", program, *arguments]
        return subprocess.run(
            command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )

    return call


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        (["--help"], 0, "run             Run a pipeline file"),
        (["plugins", "list"], 0, f"no plugin is installed; {INSTALL} brings the first-party ones"),
        (["plugins", "list", "--json"], 0, "[]"),
        (["plugins", "doctor"], 0, f"no plugin is installed; {INSTALL} brings the first-party ones"),
        (["plugins", "info", "trend"], 2, f"no plugin named 'trend'. No plugin is installed; {INSTALL} brings"),
        (["components", "list"], 0, f"no component is installed; {INSTALL} brings the first-party ones"),
        (["components", "list", "data-source"], 0, f"no data source is installed; {INSTALL} brings"),
        (["components", "show", "strategy", "trend"], 2, f"no strategy is installed; {INSTALL} brings"),
        (["runs", "list"], 0, "no run folders in 'runs'; `quantsail run FILE` writes one"),
        (["backtest", "toy.toml"], 2, f"No runner is installed; {INSTALL} brings backtest."),
        (["data", "list"], 2, f"{INSTALL} brings data."),
        (["run", "toy.toml"], 2, f"no strategy is installed; {INSTALL} brings"),
        (["check", "toy.toml"], 2, f"no data source is installed; {INSTALL} brings"),
        (["show", "toy.toml"], 2, f"no sizer is installed; {INSTALL} brings"),
        (["alerts", "test", "toy.toml"], 2, f"no sizer is installed; {INSTALL} brings"),
        (["schema"], 0, "{"),
        (["init", "new.toml"], 0, "new.toml"),
        (["new-plugin", "sizer", "mine"], 0, "wrote quantsail-mine; next:"),
    ],
)
def test_every_command_says_something_helpful(
    quantsail: Quantsail, tmp_path: Path, arguments: list[str], code: int, text: str
) -> None:
    write_pipeline(tmp_path)
    done = quantsail(*arguments)
    assert done.returncode == code, done.stderr
    assert text in (done.stdout if code == 0 else done.stderr)
    assert "Traceback" not in done.stderr
