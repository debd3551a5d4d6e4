"""Times as files write them, as nanoseconds UTC: counts of a unit, text, and local times of a zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
import numpy as np

from quantsail_framework.domain.bars import Ints, utc, utc_text
from quantsail_framework.domain.from_file import Place
from quantsail_framework.domain.time_units import UNITS, unit_of
from quantsail_framework.domain.timeframe import NS_PER_DAY, NS_PER_SECOND
from quantsail_framework.errors import DataError

# What most brokers of currencies keep, by two names: the place whose clock they follow, and the hours ahead of it.
BROKER_RULES = {"broker-new-york": ("America/New_York", 7), "EET-US": ("America/New_York", 7)}
_FIXED = re.compile(r"UTC([+-])(\d{1,2})(?::([0-5]\d))?")
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Clocks are changed at a quarter of an hour, all over the world and the years since 1975.
_QUARTER_NS = 900 * NS_PER_SECOND
_MAX_NS = 2**63 - 1


@attrs.frozen
class Zone:
    """Where local times are from. ``shift_h`` hours are taken off first: see ``zone``."""

    name: str
    info: tzinfo
    shift_h: int = 0

    def to_utc(self, local_ns: Ints, where: str, place: Place) -> Ints:
        """Local times, oldest or newest first, as UTC. Raises DataError for those that do not exist in the zone, and
        for those of the hour that comes twice a year unless the file shows both of its passes."""
        if len(local_ns) > 1 and local_ns[0] > local_ns[-1]:
            size = len(local_ns)
            return self.to_utc(local_ns[::-1], where, lambda row: place(size - 1 - row))[::-1]
        shifted = local_ns - self.shift_h * 3_600 * NS_PER_SECOND
        quarters, inverse = np.unique(shifted // _QUARTER_NS, return_inverse=True)
        early, late = self._offsets(quarters, 0)[inverse], self._offsets(quarters, 1)[inverse]
        absent = early < late
        if absent.any():
            raise self._no_such_time(int(np.argmax(absent)), local_ns, where, place, "does not exist")
        twice = np.flatnonzero(early > late)
        for run in np.split(twice, np.flatnonzero(np.diff(twice) > 1) + 1) if len(twice) else ():
            back = np.flatnonzero(shifted[run[1:]] <= shifted[run[:-1]]) + 1
            if len(back) != 1:
                raise self._no_such_time(int(run[0]), local_ns, where, place, "comes twice")
            early[run[back[0] :]] = late[run[back[0] :]]
        utc_ns: Ints = shifted - early
        return utc_ns

    def _offsets(self, quarters: Ints, fold: int) -> Ints:
        def offset(quarter: int) -> int:
            moment = utc(quarter * _QUARTER_NS).replace(tzinfo=self.info, fold=fold)
            return round((moment.utcoffset() or timedelta()).total_seconds()) * NS_PER_SECOND

        return np.array([offset(quarter) for quarter in quarters.tolist()], np.int64)

    def _no_such_time(self, row: int, local_ns: Ints, where: str, place: Place, what: str) -> DataError:
        text = utc_text(int(local_ns[row])).removesuffix(" UTC")
        return DataError(
            f"{where}, {place(row)}: {text} {what} in the zone {self.name}, where clocks change then; "
            "give the zone in which the file was made, or a fixed one such as UTC+2"
        )


def zone(name: str) -> Zone:
    """The zone of an IANA name, of ``UTC+2`` (ahead of UTC by two hours) or of a broker's rule.

    ``broker-new-york`` (also ``EET-US``) is what most brokers of currencies keep: the time of New York and seven hours,
    so that a day of five a week ends at 17:00 there: UTC+2 in winter and UTC+3 in summer, by the calendar of New York.
    Raises DataError for other names.
    """
    if name in BROKER_RULES:
        place, shift = BROKER_RULES[name]
        return Zone(name, ZoneInfo(place), shift)
    fixed = _FIXED.fullmatch(name)
    if fixed and int(fixed[2]) <= 14:
        ahead = timedelta(hours=int(fixed[2]), minutes=int(fixed[3] or 0))
        return Zone(name, timezone(ahead if fixed[1] == "+" else -ahead))
    try:
        return Zone(name, ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        rules = ", ".join(BROKER_RULES)
        raise DataError(
            f"no time zone {name!r}; give an IANA name such as Europe/Athens, a fixed one such as UTC+2, or {rules}"
        ) from None


@attrs.frozen
class TimeRule:
    """How the times of a file are written. ``counts``: whole numbers of ``unit`` (None: told by their size)."""

    read: Callable[[str], int]
    counts: bool = False
    unit: str | None = None
    zoned: bool = False

    def to_utc(self, values: Ints, local: Zone | None, where: str, place: Place) -> Ints:
        """What ``read`` gave, as ns UTC. Raises DataError for a zone that is missing, or not wanted."""
        if self.counts or self.zoned:
            if local is not None:
                raise DataError(
                    f"{where}: its times tell their zone themselves, or are counts and so UTC; leave out the zone"
                )
            return counts_to_ns(values, where, place, self.unit) if self.counts else values
        if local is None:
            raise DataError(f"{where}: its times have no time zone; give one: UTC, or the zone of who made the file")
        return local.to_utc(values, where, place)


def rule_for(text: str, pattern: str | None = None) -> TimeRule:
    """How ``text``, the first time of a file, is written. Raises ValueError when it is no time."""
    if pattern in UNITS:
        return TimeRule(whole, counts=True, unit=pattern)
    if pattern is not None:
        return TimeRule(_by_pattern(pattern), zoned="%z" in pattern)
    if _WHOLE.fullmatch(text) and len(text) >= 9:
        return TimeRule(whole, counts=True)
    zoned = datetime.fromisoformat(text).tzinfo is not None
    return TimeRule(_iso(zoned), zoned=zoned)


def whole(text: str) -> int:
    """A whole number. Raises ValueError for anything else, such as ``1e9`` or ``1_000``."""
    if not _WHOLE.fullmatch(text) or not -_MAX_NS <= (value := int(text)) <= _MAX_NS:
        raise ValueError(text)
    return value


def moment_ns(moment: datetime) -> int:
    """A date and time as ns since 1970; without a zone as if it were UTC. ValueError beyond 1678 to 2262."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    count = (aware - _EPOCH) // timedelta(microseconds=1) * 1_000
    if abs(count) > _MAX_NS - NS_PER_DAY:
        raise ValueError(moment)
    return count


def _by_pattern(pattern: str) -> Callable[[str], int]:
    return lambda text: moment_ns(datetime.strptime(text, pattern))  # noqa: DTZ007 - the zone is asked for


def _iso(zoned: bool) -> Callable[[str], int]:
    def read(text: str) -> int:
        moment = datetime.fromisoformat(text)
        if (moment.tzinfo is not None) != zoned:
            raise ValueError(text)
        return moment_ns(moment)

    return read


def counts_to_ns(counts: Ints, where: str, place: Place, unit: str | None = None) -> Ints:
    """Counts since 1970 as ns. One unit for the whole file: ``unit``, or that which the size of the first tells.

    Raises DataError, naming the row, for the first count that is not of that unit or not within 1975 to 2200.
    """
    if not len(counts):
        return counts
    first = int(counts[0])
    unit = unit or unit_of(first, first)
    if unit is None or unit_of(int(counts.min()), int(counts.max())) != unit:
        row = next(row for row, count in enumerate(counts.tolist()) if unit is None or unit_of(count, count) != unit)
        raise DataError(_not_of_the_unit(int(counts[row]), unit, f"{where}, {place(row)}", place(0)))
    scale = UNITS[unit]
    return counts if scale == 1 else np.minimum(counts, _MAX_NS // scale) * scale


def _not_of_the_unit(count: int, unit: str | None, where: str, first: str) -> str:
    other = unit_of(count, count)
    if other is None:
        return f"{where}: time {count} is no count of s, ms, us or ns since 1970 between 1975 and 2200; repair the row"
    return f"{where}: time {count} is in {other}, that of {first} in {unit}; a file has one unit: split or repair it"
