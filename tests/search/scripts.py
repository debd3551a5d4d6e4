"""A script as somebody writes it who knows nothing of processes: all of it at the top, its own class and function."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import os
import time

from {module} import {executor}

HERE = os.getpid()


class Factor:
    value = 3


def scaled(item, factor):
    time.sleep(0.2)
    return item * factor.value, os.getpid() != HERE


print("began")
results = dict({executor}(workers=2).map(scaled, list(range(12)), shared=Factor()))
print([results[item][0] for item in range(12)], any(elsewhere for _, elsewhere in results.values()))
"""
SAYS = f"began\n{[3 * item for item in range(12)]} True\n"


def run_script(module: str, executor: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the script says over that executor."""
    script = folder / "script.py"
    script.write_text(_SCRIPT.format(module=module, executor=executor), encoding="utf-8")
    return subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
