"""A script as somebody writes it who knows nothing of processes: all of it at the top, its own class and function."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import enum
import os
import time

from {module} import {executor}

HERE = os.getpid()


class Mode(enum.Enum):
    SLOW = 1
    FAST = 2


class Factor:
    value = 3


def scaled(item, factor):
    time.sleep(0.2)
    number, mode = item
    return number * factor.value, mode, os.getpid() != HERE


print("began")
items = [(number, Mode.FAST) for number in range(12)]
results = dict({executor}(workers=2).map(scaled, items, shared=Factor()))
print([results[number][0] for number in range(12)])
print({{mode is Mode.FAST for _, mode, _ in results.values()}}, any(elsewhere for _, _, elsewhere in results.values()))
"""
SAYS = f"began\n{[3 * number for number in range(12)]}\n{{True}} True\n"


def run_script(module: str, executor: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the script says over that executor."""
    script = folder / "script.py"
    script.write_text(_SCRIPT.format(module=module, executor=executor), encoding="utf-8")
    return subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)
