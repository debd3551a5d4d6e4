"""The trading day: which day a moment belongs to, and when that day ends."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from quantsail_framework.domain.bars import utc
from quantsail_framework.domain.timeframe import NS_PER_DAY, NS_PER_SECOND


class TradingDay:
    """Days of a named time zone. A day is known by the nanosecond at which it ends.

    ``end(time_ns)`` is when the day that holds ``time_ns`` ends: the first nanosecond of the next.
    """

    def __init__(self, zone: str) -> None:
        self._zone = None if zone == "UTC" else _named(zone)
        self._start = self._end = 0
        self.end = self._end_of_utc_day if self._zone is None else self._end_of_local_day

    @staticmethod
    def _end_of_utc_day(time_ns: int) -> int:
        return (time_ns // NS_PER_DAY + 1) * NS_PER_DAY

    def _end_of_local_day(self, time_ns: int) -> int:
        if not self._start <= time_ns < self._end:
            today = utc(time_ns).astimezone(self._zone).date()
            self._start = self._midnight(today)
            self._end = self._midnight(today + timedelta(days=1))
        return self._end

    def _midnight(self, date: date) -> int:
        return int(datetime.combine(date, time(), self._zone).timestamp()) * NS_PER_SECOND


def _named(zone: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # which most runs need not import

    return ZoneInfo(zone)
