"""``quantsail check-strategy FILE``: whether the strategy and the costs of a pipeline see what they must not."""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, redirect_stdout
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quantsail_framework.cli.check import pipeline_options
from quantsail_framework.cli.output import print_json, progress_bar

if TYPE_CHECKING:
    from quantsail_framework.causality import Checked, Finding, Honesty

_DIGITS = 12  # of a value: the tolerance of the comparison is 1e-9
_NO_ENTRY = "no entry seen, so one that looks ahead could not show"
_TITLES = {
    "unrepeatable": "{} answers the same question differently: it remembers, or reads a clock or random numbers",
    "look-ahead": "{} looks ahead",
    "warm-up": "{} needs more bars to warm up than it says",
}


@click.command("check-strategy")
@pipeline_options
@click.option("--points", type=click.IntRange(min=1), default=50, show_default=True, help="Bars to try per market.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the random points; default: the pipeline's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def check_strategy(
    file: Path,
    sets: Sequence[str],
    profile: str | None,
    block: Sequence[str],
    points: int,
    seed: int | None,
    as_json: bool,
) -> None:
    """Find look-ahead and a short warm-up.

    Removes and replaces what comes after random bars, and lets the history start later: nothing that the
    strategy says, and nothing that the cost model prepares, may change. Exit code 1 when something does.
    """
    from quantsail_framework.causality import check_pipeline
    from quantsail_framework.config import load_pipeline, parse_overrides
    from quantsail_framework.session import as_in_a_run

    overrides = parse_overrides(sets)
    # What components print must not stand in the middle of the JSON.
    with redirect_stdout(sys.stderr) if as_json else nullcontext(), progress_bar(shown=not as_json) as progress:
        pipeline = load_pipeline(file, profile=profile, overrides=overrides, told_as="--set", block=block)
        seed = pipeline.seed if seed is None else seed
        gc.enable()
        with as_in_a_run(pipeline) as denied:
            report = check_pipeline(pipeline, points=points, seed=seed, progress=progress)
    notes = list(dict.fromkeys((*pipeline.notes, *denied)))
    if as_json:
        print_json({**_as_json(file, seed, report), "notes": notes})
    else:
        click.echo("\n".join((*_lines(file, seed, report), *notes)))
    if report.findings:
        raise click.exceptions.Exit(1)


def _lines(file: Path, seed: int, report: Honesty) -> Iterator[str]:
    for (component, kind), found in groupby(report.findings, key=lambda finding: (finding.component, finding.kind)):
        yield f"{file}: {_TITLES[kind].format(component)}"
        findings = list(found)
        yield from (f"  {_sentence(finding)}" for finding in findings)
        if kind == "warm-up":
            yield f"  {_remedy(findings, report.checked)}"
    if not report.findings:
        tried = all(checked.starts for checked in report.checked)
        yield f"{file}: no look-ahead{', and the warm-up holds' if tried else ''}"
    yield from (f"checked: {_words(checked)}" for checked in report.checked)
    series = list(dict.fromkeys(name for checked in report.checked for name in checked.informative))
    replaced = f"{', '.join(series)} bars that had not closed replaced, " if series else ""
    yield f"changed: later bars removed, later bars replaced, {replaced}the history begun later; seed {seed}"


def _sentence(finding: Finding) -> str:
    from quantsail_framework.domain.bars import utc_text

    points = f"{finding.points} point{'s' if finding.points > 1 else ''}"
    return (
        f"{finding.symbol} {utc_text(finding.time_ns)}: {finding.field} is {_number(finding.value)}, and "
        f"{_number(finding.other)} when {finding.change} (differs at {points})"
    )


def _number(value: float) -> str:
    return "nothing" if value != value else f"{value:.{_DIGITS}g}"


def _remedy(findings: Sequence[Finding], checked: Sequence[Checked]) -> str:
    """What the warm-up is declared to be, and what it should be."""
    (warmup,) = {about.warmup for about in checked if about.component == findings[0].component}
    known = [finding.enough for finding in findings if finding.enough is not None]
    if len(known) == len(findings):
        return f"the declared warm-up is {warmup} bars; {max(known)} would do here"
    return (
        f"the declared warm-up is {warmup} bars; no doubling of it that these candles have room for would do, as with "
        "a sum, maximum or mean since the start of the history"
    )


def _words(checked: Checked) -> str:
    text = f"{checked.component} on {checked.symbol}: {checked.bars:,} bars, {checked.points} futures, "
    starts = f"{checked.starts} histories of {checked.warmup:,} bars" if checked.starts else "the warm-up was not tried"
    if checked.entries is None:
        return text + starts
    return f"{text}{starts}, {checked.entries:,} entries seen" if checked.entries else f"{text}{starts}; {_NO_ENTRY}"


def _as_json(file: Path, seed: int, report: Honesty) -> dict[str, Any]:
    import attrs

    findings = [_finding_as_json(finding) for finding in report.findings]
    checked = [attrs.asdict(about) for about in report.checked]
    return {"file": str(file), "ok": not findings, "seed": seed, "checked": checked, "findings": findings}


def _finding_as_json(finding: Finding) -> dict[str, Any]:
    import attrs

    from quantsail_framework.domain.bars import utc

    plain = attrs.asdict(finding)
    values = {name: plain[name] if math.isfinite(plain[name]) else None for name in ("value", "other")}
    return {"time": utc(plain.pop("time_ns")).isoformat(), **plain, **values}
