"""Announces the command of this plugin; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from quantsail_framework import Component, hookimpl


@hookimpl
def quantsail_commands() -> Iterable[Component]:
    """The command `quantsail streaks`."""
    yield Component(
        "streaks",
        "quantsail_streaks.command:command",
        "Tells the longest winning and losing streaks of a run.",
    )
