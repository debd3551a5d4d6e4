"""One series of a store: its folder with parts, what was asked of the venue, and the column cache."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import attrs
import numpy as np

from quantsail_framework.domain.bars import Bars, utc
from quantsail_framework.domain.gaps import Gaps
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.store import columns
from quantsail_framework.store.files import cannot_write, make_folder, read_json, remove_leftovers, write_json
from quantsail_framework.store.parts import COLUMNS, SUFFIX, Part, describe, period_name, read_part, split, write_part

_COVERED = "series.json"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Range = tuple[int, int]


@attrs.frozen
class Added:
    """What an addition did: bars that are new, that replaced others, and that were there alike."""

    new: int = 0
    changed: int = 0
    same: int = 0

    def __add__(self, other: Added) -> Added:
        return Added(self.new + other.new, self.changed + other.changed, self.same + other.same)


@attrs.frozen
class SeriesInfo:
    """A series as the catalogue lists it. Times are bar opens, ns UTC; ``bytes`` are those of its parts."""

    venue: str
    symbol: str
    timeframe: Timeframe
    parts: tuple[Part, ...]
    bytes: int

    @property
    def rows(self) -> int:
        """How many bars it has."""
        return sum(part.rows for part in self.parts)

    @property
    def first_ns(self) -> int:
        """Open of its first bar."""
        return self.parts[0].first_ns

    @property
    def last_ns(self) -> int:
        """Open of its last bar."""
        return self.parts[-1].last_ns

    @property
    def gaps(self) -> Gaps:
        """Its holes, those between two parts included."""
        total, missing = sum(part.gaps.count for part in self.parts), sum(part.gaps.missing for part in self.parts)
        for one, other in pairwise(self.parts):
            step = other.first_ns - one.last_ns
            if step > self.timeframe.ns:
                total, missing = total + 1, missing + step // self.timeframe.ns - 1
        return Gaps(total, missing)

    @property
    def content_hash(self) -> str:
        """SHA-256 over the hashes of its parts, in order."""
        return hashlib.sha256("".join(part.sha256 for part in self.parts).encode()).hexdigest()


@attrs.frozen
class Series:
    """The folder of one symbol and timeframe of one venue. It need not exist."""

    folder: Path
    venue: str
    symbol: str
    timeframe: Timeframe

    def paths(self) -> list[Path]:
        """The files of its parts, oldest first."""
        return sorted(path for path in self.folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))

    # --- writing -----------------------------------------------------------------------------

    def add(self, bars: Bars, *, source: str, fetched_ns: int, covered: Sequence[Range]) -> Added:
        """Merge ``bars`` in, a part at a time; where both have a bar, the new one counts."""
        make_folder(self.folder)
        from filelock import FileLock

        total = Added()
        try:
            with FileLock(self.folder / ".lock"):
                remove_leftovers(self.folder)
                for path, merged, done in self.merged(bars):
                    if done.new or done.changed:
                        told = _sources(path, source)
                        write_part(path, merged, venue=self.venue, source=told, fetched_ns=fetched_ns)
                    total += done
                if covered:
                    self._cover(covered)
        except OSError as error:  # the lock
            raise cannot_write(self.folder, error) from error
        return total

    def merged(self, bars: Bars) -> list[tuple[Path, Bars, Added]]:
        """What ``add`` would make of the parts that ``bars`` touch. Raises DataError for one that cannot be read."""
        pieces = ((self.folder / f"{name}{SUFFIX}", piece) for name, piece in split(bars))
        return [(path, *_merged(self._read(path) if path.exists() else None, piece)) for path, piece in pieces]

    def covered(self) -> list[Range]:
        """The ranges that the venue was asked for, [start, end) in ns, joined and in order."""
        path = self.folder / _COVERED
        stored = read_json(path)
        try:
            return [] if stored is None else [(_ns(start), _ns(end)) for start, end in stored["covered"]]
        except (KeyError, TypeError, ValueError):
            raise DataError(
                f"{path}: not what a store writes; remove the file, and what it says is fetched again"
            ) from None

    def missing(self, start_ns: int, end_ns: int) -> list[Range]:
        """What of [start, end) the venue was not asked for yet."""
        left: list[Range] = []
        at = start_ns
        for start, end in self.covered():
            if start >= end_ns:
                break
            if start > at:
                left.append((at, start))
            at = max(at, end)
        return [*left, (at, end_ns)] if at < end_ns else left

    def _cover(self, ranges: Sequence[Range]) -> None:
        before = self.covered()
        after = joined([*before, *ranges])
        if after != before:
            texts = [[_iso(start), _iso(end)] for start, end in after]
            about = {"venue": self.venue, "symbol": self.symbol, "timeframe": str(self.timeframe), "covered": texts}
            write_json(self.folder / _COVERED, about)

    # --- reading -----------------------------------------------------------------------------

    def bars(self, request: BarRequest) -> Bars:
        """The asked range with its warm-up, from the column cache, or from the parts that hold it.

        Asked for more than half of the parts, it reads them all and makes the cache.
        """
        paths = self.paths()
        stamps = [stamp(path) for path in paths]
        whole = columns.load(self.folder, self._empty(), stamps)
        if whole is None:
            first, stop = self._needed(paths, request)
            cached = self._cache(paths, stamps) if 2 * (stop - first) > len(paths) else None
            whole = cached or self._joined([self._read(path) for path in paths[first:stop]])
        start, end = _window(whole, request)
        return whole.slice(start, end)

    def _cache(self, paths: Sequence[Path], stamps: Sequence[list[object]]) -> Bars | None:
        """All of it, by way of a new cache; None where a part is broken that may not have been asked for."""
        try:
            pieces = [self._read(path) for path in paths]
        except DataError:
            return None
        columns.save(self.folder, pieces, stamps)
        return columns.load(self.folder, self._empty(), stamps) or self._joined(pieces)

    def bars_of_cache(self) -> Bars | None:
        """What the column cache holds of the parts that there are; None without one. Makes none."""
        return columns.load(self.folder, self._empty(), [stamp(path) for path in self.paths()])

    def bars_of_parts(self) -> Bars:
        """Everything that is stored of it, read from the parts whatever the column cache has."""
        return self._joined([self._read(path) for path in self.paths()])

    def bars_of_all(self) -> Bars:
        """Everything that is stored of it."""
        return self.bars(BarRequest(self.symbol, self.timeframe))

    def describe(self, known: Callable[[Path], Part] = describe) -> SeriesInfo | None:
        """What its parts say of themselves; None without parts."""
        paths = self.paths()
        size = sum(path.stat().st_size for path in paths)
        return SeriesInfo(self.venue, self.symbol, self.timeframe, tuple(map(known, paths)), size) if paths else None

    def _needed(self, paths: Sequence[Path], request: BarRequest) -> tuple[int, int]:
        """First and one-past-last part of the asked range and its warm-up."""
        names = [path.stem for path in paths]
        first, stop = 0, len(paths)
        if request.end_ns is not None:
            stop = bisect_right(names, period_name(request.end_ns - 1, self.timeframe))
        if request.start_ns is not None:
            first = min(bisect_left(names, period_name(request.start_ns, self.timeframe)), stop)
            wanted = request.warmup
            while first > 0 and wanted > 0:
                first -= 1
                wanted -= describe(paths[first]).rows
        return first, stop

    def _read(self, path: Path) -> Bars:
        return read_part(path, self.symbol, self.timeframe)

    def _empty(self) -> Bars:
        nothing = np.empty(0)
        return Bars(self.symbol, self.timeframe, nothing.astype(np.int64), *[nothing] * len(COLUMNS), origin=self.venue)

    def _joined(self, pieces: Sequence[Bars]) -> Bars:
        if not pieces:
            return self._empty()
        arrays = [np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("time", *COLUMNS)]
        return Bars(self.symbol, self.timeframe, *arrays, origin=self.venue)


def _sources(path: Path, source: str) -> str:
    """What a part says of where it comes from, once ``source`` is merged into it: each source once."""
    before = describe(path).source.split("; ") if path.exists() else []
    return "; ".join(dict.fromkeys([*before, source]))


def stamp(path: Path) -> list[object]:
    """By what a part is known to be the same file as before: name, size, time of change, inode."""
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns, status.st_ino]


def _window(bars: Bars, request: BarRequest) -> Range:
    first = 0 if request.start_ns is None else int(bars.time.searchsorted(request.start_ns))
    stop = len(bars) if request.end_ns is None else int(bars.time.searchsorted(request.end_ns))
    return (max(0, first - request.warmup), stop) if first < stop else (first, first)


def _merged(old: Bars | None, new: Bars) -> tuple[Bars, Added]:
    """Both together, the new one first where both have a bar; and how many of the new ones were what."""
    if old is None:
        return new, Added(new=len(new))
    rows = old.time.searchsorted(new.time)
    there = np.zeros(len(new), np.bool_)
    inside = rows < len(old)
    there[inside] = old.time[rows[inside]] == new.time[inside]
    both = rows[there]
    differs = np.zeros(len(both), np.bool_)
    for name in COLUMNS:
        differs |= getattr(old, name)[both] != getattr(new, name)[there]
    keep = np.ones(len(old), np.bool_)
    keep[both] = False
    time = np.concatenate([old.time[keep], new.time])
    order = np.argsort(time, kind="stable")
    values = [np.concatenate([getattr(old, name)[keep], getattr(new, name)])[order] for name in COLUMNS]
    merged = Bars(new.symbol, new.timeframe, time[order], *values, origin=new.origin)
    return merged, Added(int((~there).sum()), int(differs.sum()), int((~differs).sum()))


def joined(ranges: Iterable[Range]) -> list[Range]:
    """The same ranges in order, those that touch or overlap as one."""
    result: list[Range] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        elif start < end:
            result.append((start, end))
    return result


def _iso(time_ns: int) -> str:
    return utc(time_ns).isoformat().replace("+00:00", "Z")


def _ns(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1) * 1_000
