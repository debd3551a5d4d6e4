"""``quantsail reproduce RUN``: run what a manifest says again and compare, or say which input moved."""

from __future__ import annotations

import gc
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from quantsail_framework.cli.inputs import KINDS, flat, inputs
from quantsail_framework.cli.output import print_json, progress_bar
from quantsail_framework.errors import ResultsError, words

if TYPE_CHECKING:
    from quantsail_framework.ports.runner import Pipeline
    from quantsail_framework.results import StoredRun

_HASH_DIGITS = 12
_MOST = 10  # differences of one file that are told
_ABSENT = "absent"
_PATTERN = "{*?"  # what makes a path one of many files


@attrs.frozen
class _Moved:
    """An input that is not what it was: None where there was or is none."""

    input: str
    name: str
    was: str | None
    now: str | None

    def __str__(self) -> str:
        is_hash = self.input in ("data", "local file")
        was, now = (
            text if text is None or not is_hash else f"sha256 {text[:_HASH_DIGITS]}" for text in (self.was, self.now)
        )
        return f"{self.input} {self.name}: was {was or _ABSENT}, is {now or _ABSENT}"


@attrs.define
class _Comparison:
    """What came out: per file how it differs (nothing where it is the same), and what was not compared."""

    moved: list[_Moved]
    files: dict[str, list[str]] = attrs.field(factory=dict)
    not_compared: list[str] = attrs.field(factory=list)

    @property
    def is_same(self) -> bool:
        return not any(self.files.values())


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--base",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder from which relative paths count; default: that of the pipeline file, as the manifest tells it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def reproduce(folder: Path, base: Path | None, as_json: bool) -> None:
    """Run a manifest again and compare what comes out.

    The pipeline of the run folder RUN runs once more, in a temporary folder; tables, metrics and manifest (but when and
    where it ran) are compared byte for byte. No alert is sent, no observer and no reporter is called. Exit codes: 0 the
    same, 1 it differs, 2 it cannot be run again.
    """
    from quantsail_framework.results import read_run

    run = read_run(folder)
    moved = list(_moved(inputs(run.manifest), _installed(run)))
    try:
        found = _compared(run, base or run.base or Path(), moved)
    except ResultsError as error:
        if not as_json:
            raise
        print_json({**_document(run, "cannot", _Comparison(moved)), "problem": str(error)})
        raise click.exceptions.Exit(error.exit_code) from error
    outcome = "same" if found.is_same else "differs"
    if as_json:
        print_json({**_document(run, outcome, found), "problem": None})
    else:
        _print(run, found)
    if not found.is_same:
        raise click.exceptions.Exit(1)


# --- running it again ----------------------------------------------------------------------------


def _compared(run: StoredRun, base: Path, moved: list[_Moved]) -> _Comparison:
    """The comparison with a second run; adds to ``moved``. Raises ResultsError when there is none."""
    from quantsail_framework.config import rebuild
    from quantsail_framework.results import MANIFEST, read_run

    told_as = str(run.folder / MANIFEST)
    try:
        _check_named(run)
        pipeline = rebuild(run.manifest.get("pipeline", {}), base, told_as)
        moved += _moved({"local file": inputs(run.manifest)["local file"]}, {"local file": pipeline.code})
        _check_paths(pipeline, base)
        with tempfile.TemporaryDirectory(prefix="quantsail-") as scratch:
            again = Path(scratch) / "run"
            _run(pipeline, again)
            second = read_run(again)
            moved += _moved({"data": inputs(run.manifest)["data"]}, {"data": inputs(second.manifest)["data"]})
            return _comparison(run, second, moved)
    except Exception as error:
        raise _cannot(run, error, moved) from error


def _cannot(run: StoredRun, error: Exception, moved: Sequence[_Moved]) -> ResultsError:
    told = [words(error), *(f"moved: {each}" for each in moved)]
    refused = ResultsError(f"{str(run.folder)!r} cannot be run again: " + "\n".join(told))
    for note in getattr(error, "__notes__", ()):
        refused.add_note(note)
    return refused


def _run(pipeline: Pipeline, folder: Path) -> None:
    """Run without whoever listens to a run: what alerts and reports go to is not part of the result."""
    from quantsail_framework import session

    quiet = attrs.evolve(pipeline, alerts=(), observers=(), reporters=())
    gc.enable()  # start-up had turned it off
    with redirect_stdout(sys.stderr), progress_bar(shown=True) as progress:
        session.run(quiet, out=folder, progress=progress)


def _check_named(run: StoredRun) -> None:
    """Raise ResultsError for a component that Python code made: the manifest knows its class and not how to get it."""
    from quantsail_framework.config.local import is_local
    from quantsail_framework.config.tree import COMPONENT_TABLES

    for table in COMPONENT_TABLES:
        use = run.manifest.get("pipeline", {}).get(table, {}).get("use") or ""
        if ":" in use and not is_local(use):
            raise ResultsError(f"{table} was an object that Python code made, {use}; a pipeline file must name it")


def _check_paths(pipeline: Pipeline, base: Path) -> None:
    """Raise ResultsError for a path that an input of the pipeline names and that is not there."""
    parts = {"data": pipeline.source, "strategy": pipeline.strategy, "costs": pipeline.costs, "sizer": pipeline.sizer}
    rules = {f"risk.{named.name}": named.rule for named in pipeline.risk}
    for name, path in _paths({**parts, **rules}):
        if not _without_pattern(path).exists():
            raise ResultsError(
                f"{name} is not there: {path}; relative paths count from {base}, --base names another folder"
            )


def _without_pattern(path: Path) -> Path:
    """The path up to where it begins to stand for many, as in ``data/{symbol}/1h.parquet``."""
    return next(each for each in (path, *path.parents) if not set(_PATTERN) & set(each.as_posix()))


def _paths(value: Any, name: str = "") -> Iterator[tuple[str, Path]]:
    """(dotted name, path) of every path in options of components."""
    if isinstance(value, Path):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _paths(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _paths(item, name)
    elif attrs.has(type(value)):
        yield from _paths({field.name: getattr(value, field.name) for field in attrs.fields(type(value))}, name)


# --- what moved ----------------------------------------------------------------------------------


def _installed(run: StoredRun) -> dict[str, Mapping[str, str]]:
    """The versions that are here of the plugins and libraries that the run had."""
    from quantsail_framework.plugins import installed_plugins
    from quantsail_framework.results import library_versions

    plugins = {plugin.distribution: plugin.version for plugin in installed_plugins()}
    used = run.manifest.get("plugins", {})
    return {
        "plugin": {name: version for name, version in plugins.items() if name in used},
        "library": {name: version for name, version in library_versions().items() if version is not None},
    }


def _moved(was: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> Iterator[_Moved]:
    """What differs, of the kinds of input that both know."""
    for kind in KINDS:
        if kind in was and kind in now:
            before, after = was[kind], now[kind]
            for name in dict.fromkeys((*before, *after)):
                if before.get(name) != after.get(name):
                    yield _Moved(kind, name, before.get(name), after.get(name))


# --- comparing -----------------------------------------------------------------------------------


def _comparison(run: StoredRun, second: StoredRun, moved: list[_Moved]) -> _Comparison:
    from quantsail_framework.results import CIRCUMSTANCES, MANIFEST, METRICS

    found = _Comparison(moved)
    documents = {
        MANIFEST: [
            {key: value for key, value in each.manifest.items() if key not in CIRCUMSTANCES} for each in (run, second)
        ],
        METRICS: [{**each.metrics, "undefined": each.undefined} for each in (run, second)],
    }
    for name, (was, now) in documents.items():
        found.files[name] = _document_differences(was, now)
    for name in dict.fromkeys((*run.tables, *second.tables)):
        found.files[f"{name}.parquet"] = _table_differences(run, second, name)
    present = sorted(path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*") if path.is_file())
    found.not_compared = [name for name in present if name not in found.files]
    return found


def _document_differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    if json.dumps(was, sort_keys=True) == json.dumps(now, sort_keys=True):
        return []
    before, after = dict(flat(was)), dict(flat(now))
    names = [name for name in dict.fromkeys((*before, *after)) if before.get(name, _ABSENT) != after.get(name, _ABSENT)]
    return _few([f"{name}: was {before.get(name, _ABSENT)}, is {after.get(name, _ABSENT)}" for name in names])


def _table_differences(run: StoredRun, second: StoredRun, name: str) -> list[str]:
    for each, state in ((second, "is not written any more"), (run, "was not there")):
        if name not in each.tables:
            return [state]
    first, other = (each.folder / f"{name}.parquet" for each in (run, second))
    if first.read_bytes() == other.read_bytes():
        return []
    return _few(list(_cell_differences(run, second, name))) or ["the same values in other bytes"]


def _cell_differences(run: StoredRun, second: StoredRun, name: str) -> Iterator[str]:
    """Columns and rows that only one has, and of each column the first value that differs."""
    from quantsail_framework.domain.result import plain_rows

    was, now = run.table(name), second.table(name)
    if list(was) != list(now):
        yield f"columns: were {', '.join(was)}; are {', '.join(now)}"
        return
    rows = list(plain_rows(was)), list(plain_rows(now))
    if len(rows[0]) != len(rows[1]):
        yield f"rows: were {len(rows[0])}, are {len(rows[1])}"
    told: set[str] = set()
    for number, (before, after) in enumerate(zip(*rows, strict=False)):
        for column, old, new in zip(was, before, after, strict=True):
            if old != new and column not in told:
                told.add(column)
                yield f"row {number}, {column}: was {old}, is {new}"


def _few(texts: list[str]) -> list[str]:
    return texts if len(texts) <= _MOST else [*texts[:_MOST], f"and {len(texts) - _MOST} more"]


# --- telling -------------------------------------------------------------------------------------


def _document(run: StoredRun, outcome: str, found: _Comparison) -> dict[str, Any]:
    return {
        "run": str(run.folder),
        "outcome": outcome,
        "moved": [attrs.asdict(each) for each in found.moved],
        "files": found.files,
        "not_compared": found.not_compared,
    }


def _print(run: StoredRun, found: _Comparison) -> None:
    for moved in found.moved:
        click.echo(f"moved: {moved}")
    for name, differences in found.files.items():
        click.echo(f"{'differs' if differences else 'same'}: {name}")
        for text in differences:
            click.echo(f"  {text}")
    for name in found.not_compared:
        click.echo(f"not compared: {name}")
    if found.is_same:
        click.echo(f"{run.folder} is reproduced: {len(found.files)} files are the same")
    else:
        different = sum(map(bool, found.files.values()))
        why = "" if found.moved else "; no input moved that the manifest knows of"
        click.echo(f"{run.folder} is not reproduced: {different} of {len(found.files)} files differ{why}")
