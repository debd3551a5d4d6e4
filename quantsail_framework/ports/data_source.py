"""Where candles come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import attrs

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.timeframe import Timeframe


@attrs.frozen
class BarRequest:
    """Candles of one symbol with open times in [start_ns, end_ns), and ``warmup`` further bars before.

    None for a bound means from the first, or to the last, that the source has. ``warmup`` counts
    bars, across gaps; a source that has fewer gives those it has.
    """

    symbol: str
    timeframe: Timeframe
    start_ns: int | None = None
    end_ns: int | None = None
    warmup: int = 0


class DataSource(Protocol):
    """Gives candles and what is known of their markets. Called once per run, before anything else.

    Its options are the keys of ``[data]`` beside ``use``, ``symbols``, ``timeframe``, ``start``,
    ``end``, ``informative`` and ``gaps``, which belong to the pipeline.
    """

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """The rules of those markets it knows; symbols it knows nothing of may be absent."""
        ...

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        """One Bars per request, in that order.

        Raises DataError, with place and remedy, for a symbol or timeframe that it does not have,
        and for candles that cannot be trusted. Zero bars in range is an empty Bars, not an error.
        """
        ...
