"""What importing a plugin and its classes does, watched in a process of its own."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import attrs

HEAVY = ("numpy", "pandas", "pyarrow", "talib", "ccxt", "plotly", "prometheus_client", "distributed", "ray")
TIMEOUT_S = 120.0  # the heaviest of libraries take some seconds, on a machine that does much else at that
MODULE = ""  # the stage of the module of hookimpls; those of classes go by their target

# Stages are told apart by \x1e on both streams, so that what each prints is known, also by a library in C.
_PROBE = """
import importlib, json, os, sys

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
acts = []

def watch(event, values):
    if event == "open" and isinstance(values[2], int) and values[2] & WRITING and values[0] != os.devnull:
        acts.append(f"opens {values[0]!r} for writing")
    elif event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        acts.append(f"uses the network ({event})")
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.rmdir"):
        acts.append(f"changes files ({event} {values[0]!r})")

def stage(name, action):
    try:
        action()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
        if not name:
            if isinstance(error, Exception):
                raise
            sys.exit(said)  # to stderr, with exit code 1
        acts.append(f"fails: {said}")
    for stream in (sys.stdout, sys.stderr):
        stream.write("\\x1e")
        stream.flush()
    stages.append((name, acts.copy()))
    acts.clear()

def light():
    module = importlib.import_module(sys.argv[1])
    for name in dir(module):
        if name.startswith("quantsail_") and callable(getattr(module, name)):
            found.extend(each.target for each in getattr(module, name)() if hasattr(each, "target"))
    heavy.extend(name for name in sys.argv[2:] if name in sys.modules)

sys.dont_write_bytecode = True
sys.addaudithook(watch)
stages, found, heavy = [], [], []
stage("", light)
for target in dict.fromkeys(found):
    stage(target, lambda: importlib.import_module(target.partition(":")[0]))
print(json.dumps([heavy, stages]))
"""


@attrs.frozen
class Watched:
    """What one import printed, and what it did beside importing."""

    output: str
    acts: Sequence[str]


@attrs.frozen
class Imported:
    """``heavy``: libraries that the module of hookimpls brings in. ``stages``: by target, MODULE for that module.

    ``problem`` is what the process said when that module could not be imported at all.
    """

    heavy: Sequence[str] = ()
    stages: Mapping[str, Watched] = attrs.field(factory=dict)
    problem: str = ""


@functools.cache
def imported(plugin: str) -> Imported:
    """Import the module ``plugin``, call its hooks, and import what their descriptors name, in a fresh process."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", _PROBE, plugin, *HEAVY]
    try:
        done = _run(command, environment)
    except subprocess.TimeoutExpired:
        return Imported(problem=f"it does not end within {TIMEOUT_S:g} s: it waits for something, or runs a thread")
    if done.returncode:
        return Imported(problem=done.stderr or f"the process ended with exit code {done.returncode}")
    *printed, report = done.stdout.split("\x1e")
    try:
        (heavy, stages), _ = json.JSONDecoder().raw_decode(report)  # what is printed at the exit comes after it
    except ValueError:
        return Imported(problem="it, or a class that its descriptors name, ended the process with exit code 0")
    texts = [out + error for out, error in zip(printed, done.stderr.split("\x1e"), strict=False)]
    watched = {name: Watched(text, acts) for (name, acts), text in zip(stages, texts, strict=True)}
    return Imported(heavy, watched)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the probe, which nobody answers. Raises TimeoutExpired when it does not end."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        timeout=TIMEOUT_S,
        check=False,
    )
