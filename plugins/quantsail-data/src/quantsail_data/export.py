"""Writing candles as files of one series each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.feather as pf
import pyarrow.parquet as pq

from quantsail_framework.domain.bars import Bars
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.store import Series
from quantsail_framework.store.files import make_folder, replace

SUFFIXES = {"parquet": ".parquet", "csv": ".csv", "freqtrade": ".feather"}
_NAMES = ("open", "high", "low", "close", "volume")


def export(
    entries: Sequence[Series],
    folder: Path,
    form: str,
    *,
    since: int | None = None,
    until: int | None = None,
    force: bool = False,
) -> list[tuple[Path, int]]:
    """Write [since, until) of each series into ``folder``; paths and how many candles went into each.

    Raises DataError, before anything is written, where two series would have one file name or a file is there.
    """
    paths = [folder / f"{_word(entry.symbol)}-{entry.timeframe}{SUFFIXES[form]}" for entry in entries]
    _check(paths, entries, force=force)
    requests = [BarRequest(entry.symbol, entry.timeframe, since, until) for entry in entries]
    for entry, request in zip(entries, requests, strict=True):
        if not len(entry.bars(request)):
            raise DataError(f"{entry.venue} {entry.symbol} {entry.timeframe}: no candles in that range to export")
    done = []
    for entry, request, path in zip(entries, requests, paths, strict=True):
        bars = entry.bars(request)
        make_folder(folder)
        replace(path, lambda file, bars=bars: _write(file, bars, form))  # type: ignore[misc]
        done.append((path, len(bars)))
    return done


def _word(symbol: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "_", symbol).strip(".") or "_"


def _check(paths: Sequence[Path], entries: Sequence[Series], *, force: bool) -> None:
    for path, count in Counter(paths).items():
        if count > 1:
            names = ", ".join(f"{e.venue} {e.symbol}" for e, p in zip(entries, paths, strict=True) if p == path)
            raise DataError(f"{path}: {names} would all have this name; export them one by one")
        if path.exists() and not force:
            raise DataError(f"{path} exists; choose another folder with --to, or replace it with --force")


def _write(file: Any, bars: Bars, form: str) -> None:
    time = pa.array(bars.time).view(pa.timestamp("ns", "UTC")).cast(pa.timestamp("ms", "UTC"))
    values = {name: pa.array(getattr(bars, name)) for name in _NAMES}
    if form == "freqtrade":
        pf.write_feather(pa.table({"date": time, **values}), file, compression="lz4")
    elif form == "csv":
        pc.write_csv(pa.table({"timestamp": time, **values}), file)
    else:
        pq.write_table(pa.table({"timestamp": time, **values}), file, compression="zstd")
