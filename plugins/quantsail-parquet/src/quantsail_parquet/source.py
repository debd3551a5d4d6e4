"""The two data sources: one file per symbol and timeframe, found by its name, as Parquet or as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.ports.data_source import BarRequest
from quantsail_parquet.files import Layout, check_path


def _check(_instance: object, _field: attrs.Attribute[Path], value: Path) -> None:
    check_path(value)


@attrs.frozen
class ParquetSource:
    """Candles from ``<SYMBOL>-<timeframe>.parquet``, where ``/`` and ``:`` of the symbol are ``_``.

    Columns: timestamp (bar open in UTC, as a timestamp of any unit, a date, or an integer count of
    s, ms, us or ns), open, high, low, close, volume, as any numeric type. Of a file sorted by time,
    only the row groups that overlap the asked range are read.
    """

    path: Path = attrs.field(
        validator=_check,
        metadata={"doc": "folder of <SYMBOL>-<timeframe>.parquet, or a pattern: data/{symbol}/{timeframe}.parquet"},
    )

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Nothing: candle files do not know the venue's rules."""
        return {}

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        """One Bars per request, each read when it is asked for."""
        from quantsail_parquet.row_groups import load

        layout = Layout.of(self.path, ".parquet")
        for request in requests:
            yield load(layout.find(request), request, layout.name(request))


@attrs.frozen
class CsvSource:
    """Candles from ``<SYMBOL>-<timeframe>.csv``, where ``/`` and ``:`` of the symbol are ``_``.

    UTF-8, commas, a header line with at least timestamp, open, high, low, close and volume. The
    timestamp is the bar open: ISO 8601 (without a zone it is UTC), or an integer count of s, ms, us
    or ns. The whole file is read; Parquet is faster.
    """

    path: Path = attrs.field(
        validator=_check,
        metadata={"doc": "folder of <SYMBOL>-<timeframe>.csv, or a pattern: data/{symbol}/{timeframe}.csv"},
    )

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Nothing: candle files do not know the venue's rules."""
        return {}

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        """One Bars per request, each read when it is asked for."""
        from quantsail_parquet.csv_text import load

        layout = Layout.of(self.path, ".csv")
        for request in requests:
            yield load(layout.find(request), request, layout.name(request))
