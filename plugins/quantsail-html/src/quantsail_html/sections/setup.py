"""What the run was made of: notes, data with hashes, the resolved pipeline, plugins and libraries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from quantsail_html.markup import Html, details, join, table, tag
from quantsail_html.numbers import MISSING, count, date, general, moment
from quantsail_html.run import Run
from quantsail_html.section import Section


def setup(run: Run) -> Section:
    """Everything that one needs to know in order to run it again."""
    manifest = run.manifest
    parts = (
        _notes(run),
        _data(run),
        _pipeline(manifest.get("pipeline")),
        _pairs("Plugins", ("distribution", "version"), manifest.get("plugins")),
        _pairs("Libraries", ("library", "version"), manifest.get("versions")),
        _pairs("Local code", ("file", "SHA-256"), manifest.get("code")),
        tag("p", f"Seed {general(manifest['seed'])}.", class_="note") if "seed" in manifest else None,
    )
    return Section("setup", "How it was made", above=join(parts))


def _notes(run: Run) -> Html | None:
    if not run.result.notes:
        return None
    return join((tag("h3", "Notes"), tag("ul", *(tag("li", note) for note in run.result.notes))))


def _data(run: Run) -> Html | None:
    rows = [
        (
            general(symbol.get("symbol")),
            count(symbol.get("bars")),
            date(symbol.get("first")),
            date(symbol.get("last")),
            moment(symbol.get("first_tradable")),
            general(symbol.get("gaps")),
            (general(symbol.get("sha256")), "code"),
        )
        for symbol in run.symbols
    ]
    if not rows:
        return None
    header = ("symbol", "bars", "first bar", "last bar", "first tradable (UTC)", "gaps", "SHA-256 of the candles")
    return join((tag("h3", "Data"), table(header, rows, "lrlllrl", "Data")))


def _pipeline(resolved: Any) -> Html | None:
    if not isinstance(resolved, Mapping) or not resolved:
        return None
    rows = [((path, "code"), (_shown(value), "code")) for path, value in _flat(resolved)]
    return details("Configuration, as resolved", table(("option", "value"), rows, "ll", "Configuration"))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted paths and values; items of lists by their ``use``, as ``--set`` names them."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _flat(item, f"{path}.{item.get('use', number)}")
    else:
        yield path, value


def _shown(value: Any) -> str:
    """A value without the folders of the machine that it came from."""
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value)) or MISSING
    if not isinstance(value, str):
        return MISSING if value is None else general(value)
    for kind in (PurePosixPath, PureWindowsPath):
        if kind(value).is_absolute():
            return f"…/{kind(value).name}"
    return value


def _pairs(title: str, header: tuple[str, str], pairs: Any) -> Html | None:
    if not isinstance(pairs, Mapping) or not pairs:
        return None
    return details(
        title, table(header, [(name, (general(value), "code")) for name, value in pairs.items()], "ll", title)
    )
