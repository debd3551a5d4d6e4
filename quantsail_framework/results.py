"""The run folder: written at once or not at all, the same bytes for the same run, and read back.

A folder holds ``manifest.json`` (what was run), ``metrics.json`` (flat, with the reasons of its nulls
under ``undefined``) and one Parquet file per table. Only what the manifest says of when and where
(``times`` and ``base``) differs between two runs of one pipeline. pyarrow's own conversions are
avoided: most of them import pandas.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import os
import platform
import re
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol

import numpy as np

import quantsail_framework
from quantsail_framework.domain.result import Column, RunResult, Table, is_time_column
from quantsail_framework.errors import ResultsError, RunError
from quantsail_framework.installed import version
from quantsail_framework.ports.runner import Pipeline

SCHEMA = 1
MANIFEST = "manifest.json"
METRICS = "metrics.json"
CIRCUMSTANCES = ("times", "base")  # keys of the manifest that may differ between two runs of one pipeline
FOLDER_FACT = "folder"  # where RunResult.facts tells the folder; not part of the manifest
_INT32_MAX = 2**31 - 1


class PluginLike(Protocol):
    """A plugin as the manifest names it."""

    @property
    def distribution(self) -> str:
        """Name of its distribution."""
        ...

    @property
    def version(self) -> str:
        """Version of its distribution."""
        ...


# --- the folder ----------------------------------------------------------------------------------


class RunFolder:
    """A context manager: files go to ``temporary``, which becomes ``target`` when the block ends well.

    When it ends with an exception, Ctrl-C included, nothing is left. ``exact`` False lets ``target``
    get a suffix when another run took its name meanwhile. Raises ResultsError when ``target`` exists
    or its parent cannot be written.
    """

    def __init__(self, target: Path, *, exact: bool = True) -> None:
        self.target = target
        self.temporary = target.parent / f".{target.name}.partial-{os.getpid()}"
        self._exact = exact
        self._made: list[Path] = []

    def __enter__(self) -> RunFolder:
        if self._exact:
            refuse_existing(self.target)
        blocking = next((parent for parent in self.target.parents if parent.exists()), None)
        if blocking is not None and not blocking.is_dir():
            raise ResultsError(f"{str(blocking)!r} is a file, not a folder; choose another folder with --out")
        self._made = [parent for parent in self.target.parents if not parent.exists()]
        try:
            _make(self.temporary)
        except OSError as error:
            text = f"cannot write in {str(self.target.parent)!r}: {error.strerror}; choose another folder with --out"
            raise ResultsError(text) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._publish()
        finally:
            if self.temporary.exists():
                self._discard()

    def _publish(self) -> None:
        while True:
            try:
                self.temporary.rename(self.target)
            except OSError:
                if self._exact or not self.target.exists():
                    refuse_existing(self.target)
                    raise
                self.target = _free(self.target)
            else:
                return

    def _discard(self) -> None:
        import shutil

        shutil.rmtree(self.temporary, ignore_errors=True)
        for parent in self._made:  # innermost first; one that another run uses meanwhile is not empty
            try:
                parent.rmdir()
            except OSError:
                return


def refuse_existing(folder: Path) -> None:
    """Raise ResultsError when there is something at ``folder``."""
    if folder.exists():
        raise ResultsError(f"{str(folder)!r} exists; choose another folder with --out, or remove it")


def default_folder(root: str | Path, name: str, started_ns: int, digest: str) -> Path:
    """``root/<name>-<UTC time>-<first 8 of digest>``, with a suffix when that exists."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:80].strip("-.") or "run"
    moment = _utc(started_ns).strftime("%Y%m%dT%H%M%SZ")
    return _free(Path(root) / f"{safe}-{moment}-{digest[:8]}")


def pipeline_digest(pipeline: Pipeline, runner: str) -> str:
    """SHA-256 (hex) of the resolved pipeline, its local code and its runner: the same text gives the same digest."""
    content = {"runner": runner, "pipeline": plain_value(pipeline.resolved, "pipeline"), "code": dict(pipeline.code)}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _make(folder: Path) -> None:
    for attempt in count():
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()
        except FileNotFoundError:  # a failed run beside us just removed the parent that it had made
            if attempt == 2:
                raise
        else:
            return


def _free(folder: Path) -> Path:
    base = re.sub(r"\.\d+$", "", folder.name)
    names = (folder.with_name(base if number == 1 else f"{base}.{number}") for number in count(1))
    return next(path for path in names if not path.exists())


def _utc(ns: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ns // 1_000_000_000, dt.UTC).replace(microsecond=ns % 1_000_000_000 // 1000)


# --- writing -------------------------------------------------------------------------------------


def write_files(
    result: RunResult,
    pipeline: Pipeline,
    folder: Path,
    *,
    plugins: Sequence[PluginLike],
    started_ns: int,
    finished_ns: int,
) -> None:
    """Write manifest, metrics and tables into an existing folder.

    Raises RunError for a value that a result must not hold, such as NaN in a metric.
    """
    for name, table in result.tables.items():
        _write_table(folder / f"{name}.parquet", name, table)
    metrics = plain_value({**result.metrics, "undefined": result.undefined}, "metrics")
    times = {"started": _iso(started_ns), "finished": _iso(finished_ns)}
    _write_json(folder / METRICS, metrics)
    circumstances = {"times": times, "base": _base(pipeline, folder)}
    _write_json(folder / MANIFEST, {**_manifest(result, pipeline, plugins), **circumstances})


def _base(pipeline: Pipeline, folder: Path) -> str | None:
    """The pipeline file's folder as seen from the run folder: right on any machine that has both."""
    if pipeline.folder is None:
        return None
    try:
        return Path(os.path.relpath(pipeline.folder, folder)).as_posix()
    except ValueError:  # on another drive
        return None


def _manifest(result: RunResult, pipeline: Pipeline, plugins: Sequence[PluginLike]) -> dict[str, Any]:
    content = {
        "schema": SCHEMA,
        "kind": result.kind,
        "name": result.name,
        "verdict": result.verdict,
        "seed": pipeline.seed,
        "notes": result.notes,
        "pipeline": pipeline.resolved,
        "code": pipeline.code,
        "plugins": {plugin.distribution: plugin.version for plugin in sorted(plugins, key=lambda p: p.distribution)},
        "versions": library_versions(),
    }
    facts = {key: value for key, value in result.facts.items() if key not in (*content, *CIRCUMSTANCES, FOLDER_FACT)}
    plain: dict[str, Any] = plain_value({**content, **facts}, "manifest")
    return plain


def library_versions() -> dict[str, str | None]:
    """The versions of what computes a result, as the manifest keeps them; None of what is not installed."""
    import pyarrow as pa

    return {
        "python": platform.python_version(),
        "quantsail-framework": quantsail_framework.__version__,
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "TA-Lib": version("ta-lib"),
    }


def _iso(ns: int) -> str:
    return _utc(ns).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def plain_value(value: Any, place: str) -> Any:
    """A metric or a fact as JSON knows it. Raises RunError naming the place of what has no plain form."""
    if isinstance(value, Mapping):
        return {str(key): plain_value(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain_value(value.tolist(), place)
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):  # a record has names
        return [plain_value(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, float) and not math.isfinite(value):
        raise RunError(f"{place} is {value}; a result holds null and a reason instead")
    if value is None or isinstance(value, str | int | float):
        return value
    raise RunError(f"{place} is a {type(value).__name__}; a result holds plain values only")


# --- tables --------------------------------------------------------------------------------------


def _write_table(path: Path, name: str, table: Table) -> None:
    """Snappy, with increasing times as differences: of the choices tried the fastest, and every reader knows it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {column: np.asarray(values) for column, values in table.items()}
    if len({len(values) for values in columns.values()}) > 1:
        sizes = ", ".join(f"{column} {len(values)}" for column, values in columns.items())
        raise RunError(f"table {name!r} has columns of differing lengths: {sizes}")
    arrays = {column: _arrow(values, column, f"{name}.{column}") for column, values in columns.items()}
    pq.write_table(
        pa.Table.from_arrays(list(arrays.values()), names=list(arrays)),
        path,
        compression="snappy",
        use_dictionary=[column for column, array in arrays.items() if array.type == pa.string()],
        column_encoding={column: "DELTA_BINARY_PACKED" for column in arrays if is_time_column(column)},
    )


def _arrow(values: Column, column: str, place: str) -> Any:
    """An Arrow array over the buffers of ``values``; NaN and None become null."""
    import pyarrow as pa

    if is_time_column(column):
        times = values.astype("datetime64[ns]") if values.dtype.kind == "M" else values
        return _from_buffers(pa.timestamp("ns", tz="UTC"), times.astype(np.int64, copy=False))
    if values.dtype.kind == "f":
        return _floats(values.astype(np.float64, copy=False), place)
    if values.dtype.kind == "b":
        return _from_buffers(pa.bool_(), np.packbits(values, bitorder="little"), size=len(values))
    if values.dtype.kind in "iu":
        return _from_buffers(pa.int64(), values.astype(np.int64, copy=False))
    if values.dtype.kind in "OU":
        return _text(values.tolist(), place)
    raise RunError(f"column {place} has values of type {values.dtype}, which a run folder does not hold")


def _floats(values: Column, place: str) -> Any:
    import pyarrow as pa

    valid = ~np.isnan(values)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise RunError(f"column {place} is infinite in row {infinite[0]}; a result holds null instead")
    return _from_buffers(pa.float64(), values, valid=valid)


def _text(values: Sequence[Any], place: str) -> Any:
    """UTF-8 text joined into one buffer, with the offset of each."""
    import pyarrow as pa

    valid = None
    if None in values:
        valid = np.fromiter((value is not None for value in values), np.bool_, len(values))
        values = [value or "" for value in values]
    try:
        joined = "".join(values)
    except TypeError as error:
        raise RunError(f"column {place} holds more than text: {error}") from error
    pieces = values if joined.isascii() else [value.encode() for value in values]
    ends = np.zeros(len(values) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, pieces), np.int64, len(values)), out=ends[1:])
    small = ends[-1] <= _INT32_MAX
    offsets = ends.astype(np.int32) if small else ends
    kind = pa.string() if small else pa.large_string()
    return _from_buffers(kind, offsets, pa.py_buffer(joined.encode()), size=len(values), valid=valid)


def _from_buffers(kind: Any, values: Column, *more: Any, size: int | None = None, valid: Column | None = None) -> Any:
    import pyarrow as pa

    bitmap = None
    if valid is not None and not valid.all():
        bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    size = len(values) if size is None else size
    return pa.Array.from_buffers(kind, size, [bitmap, pa.py_buffer(np.ascontiguousarray(values)), *more])


# --- reading -------------------------------------------------------------------------------------


class StoredRun(NamedTuple):
    """A run folder read back. ``undefined`` says why a metric is None."""

    folder: Path
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    undefined: Mapping[str, str]

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables, sorted."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.parquet")))

    @property
    def base(self) -> Path | None:
        """The folder from which the relative paths of the pipeline count; None where the manifest does not tell."""
        seen_from_here = self.manifest.get("base")
        return Path(os.path.normpath(self.folder.absolute() / seen_from_here)) if seen_from_here else None

    def table(self, name: str) -> Table:
        """Columns as RunResult has them: times int64 ns UTC, nulls NaN, text as objects. Raises ResultsError."""
        if name not in self.tables:
            raise ResultsError(f"no table {name!r} in {str(self.folder)!r}; it has {', '.join(self.tables) or 'none'}")
        import pyarrow.parquet as pq

        stored = pq.ParquetFile(self.folder / f"{name}.parquet").read()
        return {column: _column(stored.column(column)) for column in stored.column_names}

    def result(self) -> RunResult:
        """The result as its runner returned it; ``facts`` is the manifest."""
        manifest = self.manifest
        return RunResult(
            kind=manifest["kind"],
            name=manifest["name"],
            tables={name: self.table(name) for name in self.tables},
            metrics=self.metrics,
            undefined=self.undefined,
            facts={**manifest, FOLDER_FACT: str(self.folder)},
            notes=tuple(manifest.get("notes", ())),
            verdict=manifest.get("verdict"),
        )


class RunSummary(NamedTuple):
    """One line about a run folder; figures are None where the run has none. Times are ISO 8601, UTC."""

    folder: str
    name: str
    kind: str
    strategy: str | None
    started: str
    verdict: str | None
    total_trades: int | None
    total_return: float | None


def read_run(folder: str | Path) -> StoredRun:
    """Read a run folder; tables are read when asked for. Raises ResultsError for what is not one."""
    path = Path(folder)
    if not path.is_dir():
        raise ResultsError(f"no run folder at {str(path)!r}; `quantsail runs list` shows those there are")
    manifest = _read_json(path / MANIFEST)
    schema = manifest.get("schema")
    if not isinstance(schema, int) or not {"kind", "name", "times"} <= manifest.keys():
        raise ResultsError(f"{str(path)!r} is not a run folder: its {MANIFEST} was not written by Quantsail")
    if schema > SCHEMA:
        text = f"{str(path)!r} was written by a newer Quantsail (schema {schema}, this one reads up to {SCHEMA})"
        raise ResultsError(f"{text}; upgrade quantsail-framework")
    metrics = _read_json(path / METRICS)
    undefined = metrics.pop("undefined", {})
    return StoredRun(path, manifest, metrics, undefined)


def list_runs(root: str | Path) -> list[RunSummary]:
    """The run folders in ``root``, oldest first. What is not a run folder is passed over."""
    base = Path(root)
    found = (_summary(path) for path in base.iterdir() if not path.name.startswith(".")) if base.is_dir() else ()
    return sorted((run for run in found if run is not None), key=lambda run: (run.started, run.folder))


def _summary(path: Path) -> RunSummary | None:
    try:
        run = read_run(path)
    except ResultsError:
        return None
    return RunSummary(
        folder=str(path),
        name=run.manifest["name"],
        kind=run.manifest["kind"],
        strategy=run.manifest.get("pipeline", {}).get("strategy", {}).get("use"),
        started=run.manifest["times"]["started"],
        verdict=run.manifest.get("verdict"),
        total_trades=run.metrics.get("total_trades"),
        total_return=run.metrics.get("total_return"),
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ResultsError(f"{str(path.parent)!r} is not a run folder: it has no {path.name}") from error
    except (OSError, ValueError) as error:
        raise ResultsError(f"{str(path)!r} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ResultsError(f"{str(path)!r} cannot be read: it holds no JSON object")
    return content


def _column(stored: Any) -> Column:
    """Arrow to NumPy through the buffers: ``to_numpy`` would import pandas."""
    import pyarrow as pa

    if pa.types.is_string(stored.type) or pa.types.is_large_string(stored.type):
        return np.array([*stored.to_pylist(), None], object)[:-1]
    parts = [_values(chunk) for chunk in stored.chunks]
    return np.concatenate(parts) if parts else np.empty(0, _dtype(stored.type))


def _values(chunk: Any) -> Column:
    validity, data = chunk.buffers()
    start, size = chunk.offset, len(chunk)
    if chunk.type == "bool":
        return _bits(data, start, size)
    values = (
        np.frombuffer(data, _dtype(chunk.type))[start : start + size].copy()
        if size
        else np.empty(0, _dtype(chunk.type))
    )
    if chunk.null_count and values.dtype == np.float64:
        values[~_bits(validity, start, size)] = np.nan
    return values


def _bits(buffer: Any, start: int, size: int) -> Column:
    packed = np.frombuffer(buffer, np.uint8)
    return np.unpackbits(packed, count=start + size, bitorder="little")[start:].astype(np.bool_)


def _dtype(kind: Any) -> type[np.generic]:
    return {"bool": np.bool_, "double": np.float64}.get(str(kind), np.int64)
