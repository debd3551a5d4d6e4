"""A folder of fake installed distributions: what pip leaves behind, without pip."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
_HEADER = """\
from quantsail_framework import Component, hookimpl
"""


class FakeSite:
    """Distributions in one folder, to be put on ``sys.path`` or on the PYTHONPATH of a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder.with_name(f"{folder.name}-state")  # where the command keeps what it remembers
        folder.mkdir()

    def install(
        self,
        plugin: str,
        source: str,
        *,
        distribution: str | None = None,
        version: str = "1.0",
        name: str | None = None,
        header: bool = True,
        requires: str = "quantsail-framework",
        direct_url: Mapping[str, object] | None = None,
    ) -> None:
        """Module ``plugin`` with ``source``, entry point ``name`` (default: the module's name with hyphens).

        ``requires`` is one line of Requires-Dist, ``direct_url`` what an installer writes of where it took it from.
        """
        name = name or plugin.replace("_", "-")
        distribution = distribution or f"quantsail-{name}"
        (self.folder / f"{plugin}.py").write_text((_HEADER if header else "") + dedent(source))
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\nSummary: Fake.\n"
            f"Requires-Dist: {requires}\n"
        )
        if direct_url is not None:
            (info / "direct_url.json").write_text(json.dumps(direct_url))
        (info / "entry_points.txt").write_text(f"[quantsail]\n{name} = {plugin}\n")

    def record(self, plugin: str) -> None:
        """The RECORD of the package ``plugin`` (made of its module) and of its metadata, as installers write it."""
        package = self.folder / plugin
        package.mkdir()
        (self.folder / f"{plugin}.py").rename(package / "__init__.py")
        (info,) = self.folder.glob(f"*{plugin}-*.dist-info")
        (info / "INSTALLER").write_text("hand")
        lines = [f"{info.name}/RECORD,,", f"{plugin}/__pycache__/__init__.pyc,,"]
        for path in [*package.iterdir(), *info.iterdir()]:
            value = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
            lines.append(f"{path.relative_to(self.folder)},sha256={value},{path.stat().st_size}")
        (info / "RECORD").write_text("\n".join(lines) + "\n")

    def quantsail(
        self, *arguments: object, cwd: Path | None = None, load: str | None = None, code: str | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command (or ``code``) with these distributions installed beside the real ones."""
        environment = {**os.environ, "XDG_STATE_HOME": str(self.state), **env}
        environment["PYTHONPATH"] = os.pathsep.join([str(self.folder), str(ROOT)])
        if load is not None:
            environment["QUANTSAIL_LOAD_PLUGINS"] = load
        program = code or "from quantsail_framework.cli import main; main()"
        command = [sys.executable, "-c", program, *map(str, arguments)]
        return subprocess.run(
            command, check=False, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60
        )


def offering(*names: str, hook: str = "quantsail_strategies", target: str = "fractions:Fraction") -> str:
    """Source of a hook that offers components of those names; their class is any class that exists."""
    components = "".join(f"    yield Component({name!r}, {target!r}, 'Fake {name}.')\n" for name in names)
    return f"@hookimpl\ndef {hook}():\n{components}"
