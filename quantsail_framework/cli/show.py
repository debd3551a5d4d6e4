"""``quantsail show FILE``: the values that a pipeline file resolves to, and where each came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from quantsail_framework.cli.check import pipeline_options
from quantsail_framework.cli.output import print_json, toml_key, toml_text


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

    overrides = parse_overrides(sets)
    pipeline = load_pipeline(file, profile=profile, overrides=overrides, told_as="--set", block=block)
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
        text = f"# {name} is not set" if value is None else f"{toml_key(name)} = {toml_text(value)}"
        yield text, origins.get(f"{prefix}.{name}", "")
    yield "", ""


def _aligned(lines: Iterator[_Line]) -> Iterator[str]:
    rows = list(lines)
    width = max((len(text) for text, origin in rows if origin), default=0)
    for text, origin in rows[:-1]:
        yield f"{text.ljust(width)}  # {origin}" if origin else text
