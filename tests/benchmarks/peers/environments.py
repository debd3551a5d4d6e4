"""Builds one environment for each peer, outside the project, with exact versions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import attrs

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
_SHARED = ("numpy==2.4.6", "pandas==3.1.1", "pyarrow==26.0.1", "ta-lib==0.8.2")


@attrs.frozen
class Peer:
    """Another backtester: the packages to install and, if it can, the script that runs the TREND job in it."""

    name: str
    packages: tuple[str, ...]
    script: Path = HERE


PEERS = {
    "vectorbt": Peer("vectorbt", ("vectorbt[rust]==1.2.0", "numba==0.68.1", *_SHARED), HERE / "vectorbt_trend.py"),
    "backtesting.py": Peer("backtesting.py", ("backtesting==0.6.6", *_SHARED), HERE / "backtesting_trend.py"),
    "pybroker": Peer("pybroker", ("lib-pybroker==2.0.2", "numba==0.68.1", "numpy==2.4.6", "pandas==3.1.1")),
    "numpy": Peer("numpy", ("numpy==2.4.6",)),
}


def home() -> Path:
    """Where the environments are kept: ``QUANTSAIL_PEERS``, else a folder in the user's cache."""
    chosen = os.environ.get("QUANTSAIL_PEERS")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen) if chosen else cache / "quantsail-benchmarks"


def interpreter(peer: Peer) -> Path:
    """The Python of that peer's environment, which is made when it is missing or holds other versions."""
    folder = home() / peer.name
    python = folder / "bin" / "python"
    wanted = "\n".join((sys.version, *peer.packages))
    stamp = folder / "packages.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    uv = _uv()
    subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, str(folder)], check=True)
    install = [uv, "pip", "install", "-q", "--compile-bytecode", "-p", str(python), *peer.packages]
    subprocess.run(install, check=True, cwd=folder)  # outside of the project, whose pins are not the peer's
    stamp.write_text(wanted, encoding="utf-8")
    return python


def own() -> Path:
    """The Python of an environment that has Quantsail as its users do, from wheels that are built anew.

    The workspace is editable: a folder more on the path for each plugin, in which every import is looked for.
    """
    folder, uv = home() / "quantsail", _uv()
    python, wheels, pins = folder / "bin" / "python", folder / "wheels", folder / "pins.txt"
    subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, str(folder)], check=True)
    build = [uv, "build", "-q", "--all-packages", "--wheel", "--out-dir", str(wheels)]
    export = [uv, "export", "-q", "--no-hashes", "--no-emit-workspace", "--all-extras", "-o", str(pins)]
    for command in (build, export):
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    install = [uv, "pip", "install", "-q", "--compile-bytecode", "-p", str(python), "-c", str(pins)]
    # Refreshed: uv knows a wheel by its name, and the one that is built now is called as the one of yesterday.
    subprocess.run(
        [*install, "--refresh", "--find-links", str(wheels), "quantsail-framework[standard,fast]"],
        check=True,
        cwd=folder,
    )
    return python


def _uv() -> str:
    return shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
