"""How a plugin announces a component: a name, where its class lives, and one line about it.

A descriptor imports nothing, so listing components is cheap and a broken class breaks only the
run that uses it.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LOCAL_MODULE = "_quantsail_local_"  # begins the names of the modules that local files become
LOCAL_CODE = "__quantsail_code__"  # in a local module: the file as the pipeline names it, and its SHA-256
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


# No attrs class: --help makes these and needs nothing else of attrs, which would be a fifth of its work.
@dataclass(frozen=True, slots=True)
class Component:
    """One strategy, cost model, runner and so on that a plugin offers.

    ``name`` is what a pipeline file says in ``use``; ``target`` is ``"package.module:ClassName"``,
    imported only when a pipeline uses it; ``summary`` is one sentence. ``network`` says that it
    needs sockets, which a run denies to any other. ``example`` holds options with which the conformance kit and the
    docs build one;
    ``contract`` what `quantsail plugins check` sets on its contract suite, as the plugin's own tests do:
    ``symbols`` and ``timeframe`` of a data source that brings its candles, ``waive``, and so on.
    """

    name: str
    target: str
    summary: str
    network: bool = field(default=False, kw_only=True)
    example: Mapping[str, Any] = field(default_factory=dict, kw_only=True, hash=False)
    contract: Mapping[str, Any] = field(default_factory=dict, kw_only=True, hash=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            words = "must be lower-case words joined by hyphens, such as 'max-exposure'"
            raise ValueError(f"component name {self.name!r} {words}")
        if not _TARGET.fullmatch(self.target):
            raise ValueError(
                f"component {self.name!r}: target {self.target!r} must look like 'package.module:ClassName'"
            )

    def load(self) -> type[Any]:
        """Import the class. Whatever that import raises goes to the caller."""
        module, _, attribute = self.target.partition(":")
        loaded: type[Any] = getattr(importlib.import_module(module), attribute)
        return loaded

    def loaded(self) -> Any:
        """What the target names where its module is imported already, else None; imports nothing."""
        module, _, attribute = self.target.partition(":")
        return vars(sys.modules[module]).get(attribute) if module in sys.modules else None
