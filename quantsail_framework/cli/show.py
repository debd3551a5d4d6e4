"""``quantsail show FILE``: the values that a pipeline file resolves to, and where each came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from quantsail_framework.cli.check import pipeline_options
from quantsail_framework.cli.output import print_json


@click.command()
@pipeline_options
@click.option("--origin", "with_origin", is_flag=True, help="Say where each value came from.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(
    file: Path, sets: Sequence[str], profile: str | None, block: Sequence[str], with_origin: bool, as_json: bool
) -> None:
    """Show the values that a pipeline file resolves to.

    The output is the complete pipeline, defaults included, as TOML; secrets show only where they are kept.
    """
    from quantsail_framework.config import load_pipeline, parse_overrides

    pipeline = load_pipeline(file, profile=profile, overrides=parse_overrides(sets), block=block)
    if as_json:
        origins = {"origins": dict(pipeline.origins)} if with_origin else {}
        print_json({"pipeline": dict(pipeline.resolved), **origins})
    else:
        click.echo("\n".join(_aligned(_lines(pipeline.resolved, pipeline.origins if with_origin else {}))))


_Line = tuple[str, str]  # TOML, and the comment that follows it


def _lines(resolved: Mapping[str, Any], origins: Mapping[str, str]) -> Iterator[_Line]:
    from quantsail_framework.config import item_names

    for table, content in resolved.items():
        if isinstance(content, list):
            names = item_names([item["use"] for item in content])
            for name, item in zip(names, content, strict=True):
                yield from _table(f"[[{table}]]", item, f"{table}.{name}", origins)
        else:
            yield from _table(f"[{table}]", content, table, origins)


def _table(header: str, options: Mapping[str, Any], prefix: str, origins: Mapping[str, str]) -> Iterator[_Line]:
    yield header, ""
    for name, value in options.items():
        text = f"# {name} is not set" if value is None else f"{_key(name)} = {_toml(value)}"
        yield text, origins.get(f"{prefix}.{name}", "")
    yield "", ""


def _aligned(lines: Iterator[_Line]) -> Iterator[str]:
    rows = list(lines)
    width = max((len(text) for text, origin in rows if origin), default=0)
    for text, origin in rows[:-1]:
        yield f"{text.ljust(width)}  # {origin}" if origin else text


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _toml(value: Any) -> str:
    """A plain value in TOML, whose texts and numbers are written as in JSON."""
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(name)} = {_toml(item)}" for name, item in value.items() if item is not None)
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False)
