"""An environment that has the core, pytest and nothing else of Quantsail, and what authors do in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]


def find_uv() -> str | None:
    """The uv that runs these tests, that of the PATH, or the one that `make` has fetched."""
    fetched = ROOT / ".tools" / "bin" / "uv"
    return os.environ.get("UV") or shutil.which("uv") or (str(fetched) if fetched.is_file() else None)


class Workshop:
    """A virtual environment and a folder for sources; plugins come and go, the core stays."""

    def __init__(self, folder: Path, uv: str) -> None:
        self.folder = folder
        self._installed: set[str] = set()
        self._uv = uv
        self._bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        self._wheels = folder / "wheels"
        self._call("build", "--wheel", "--out-dir", self._wheels, ROOT)
        self._call("venv", "--seed", "--python", sys.executable, folder / "venv")
        (core,) = self._wheels.glob("quantsail_framework-*.whl")
        self.install(str(core), "pytest", "hatchling", "editables", "--constraints", str(self._pins))

    @cached_property
    def _pins(self) -> Path:
        """The versions that the project itself is tested with."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        file = self.folder / "pins.txt"
        file.write_text("\n".join(project["tool"]["uv"]["constraint-dependencies"]), encoding="utf-8")
        return file

    def wheel(self, source: Path) -> Path:
        """The wheel of a distribution, made with the build backend of this environment."""
        self._call(
            "build", "--wheel", "--no-build-isolation", "--python", self._python, "--out-dir", self._wheels, source
        )
        (made,) = self._wheels.glob(f"{source.name.replace('-', '_')}-*.whl")
        return made

    def install(self, *what: str) -> None:
        """As `pip install`, with the build backend of this environment."""
        self._call("pip", "install", "--python", self._python, "--no-build-isolation", *what)

    def install_plugins(self, sources: Sequence[Path]) -> None:
        """Install distributions that need nothing but the core, from folders named as they are."""
        self.install("--no-deps", *map(str, sources))
        self._installed |= {source.name for source in sources}

    def install_by_pip(self, source: Path) -> None:
        """The same with pip itself, which is slower."""
        self.python("-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", source)
        self._installed.add(source.name)

    def uninstall_by_pip(self, distribution: str) -> None:
        """With pip itself."""
        self.python("-m", "pip", "uninstall", "-q", "-y", distribution)
        self._installed.discard(distribution)

    def uninstall(self, *distributions: str) -> None:
        """As `pip uninstall`."""
        self._call("pip", "uninstall", "--python", self._python, *distributions)
        self._installed -= set(distributions)

    def clean(self) -> None:
        """Leave the core alone."""
        if self._installed:
            self.uninstall(*self._installed)

    def plugins(self) -> dict[str, str]:
        """Name to distribution of every plugin that `quantsail plugins list` shows."""
        listed = json.loads(self.quantsail("plugins", "list", "--json"))
        return {plugin["name"]: plugin["distribution"] for plugin in listed}

    def quantsail(self, *arguments: object, cwd: Path | None = None, **environment: str) -> str:
        """What the command prints. It must succeed."""
        return self.run([self._bin / "quantsail", *arguments], cwd or self.folder, **environment).stdout

    def python(self, *arguments: object, cwd: Path | None = None) -> str:
        """What Python prints. It must succeed."""
        return self.run([self._python, *arguments], cwd or self.folder).stdout

    def test(self, folder: Path) -> None:
        """Run the tests of a plugin. They must pass."""
        told = self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
        assert re.search(r"^\d+ passed", told, re.MULTILINE), told

    def run(
        self, command: Sequence[object], cwd: Path, *, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the environment."""
        path = os.pathsep.join([str(self._bin), os.environ["PATH"]])
        surroundings = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(self.folder / "venv"), **environment}
        # Compiled files are kept, whatever these tests do: without them each start takes three times as long.
        for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "QUANTSAIL_LOAD_PLUGINS"):
            surroundings.pop(name, None)
        texts = [str(part) for part in command]
        done = subprocess.run(texts, cwd=cwd, env=surroundings, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{texts}\n{done.stdout}{done.stderr}"
        return done

    @property
    def _python(self) -> Path:
        return self._bin / "python"

    def _call(self, *arguments: object) -> None:
        command = [self._uv, *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
