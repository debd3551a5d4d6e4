"""Where candles come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

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

    def cut(self, whole: Bars) -> Bars:
        """What is asked for of a whole series: an answer of ``DataSource.bars``. An empty range has no warm-up."""
        first = 0 if self.start_ns is None else int(whole.time.searchsorted(self.start_ns))
        stop = len(whole) if self.end_ns is None else int(whole.time.searchsorted(self.end_ns))
        return whole.slice(max(0, first - self.warmup), stop) if first < stop else whole.slice(0, 0)


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

        Raises MissingSeriesError, with place and remedy, for a symbol or timeframe that it does not have,
        and DataError for candles that cannot be trusted. Zero bars in range is an empty Bars, not an error.
        """
        ...


class Fetched(NamedTuple):
    """What one request of a fetch came to: bars new in the store, and all that it now has of the asked range.

    ``error`` says why it is not all there is (what had come is stored); empty when it is.
    """

    request: BarRequest
    new: int
    stored: int
    error: str = ""


# Called with the request, its bars that are stored by now, and about how many it will be.
FetchProgress = Callable[[BarRequest, int, int], None]


class Fetcher(DataSource, Protocol):
    """A data source that brings candles from a venue into a store, as `quantsail data fetch` does.

    Its ``bars`` fetch what is missing and read the store.
    """

    def fetch(self, requests: Sequence[BarRequest], progress: FetchProgress) -> Sequence[Fetched]:
        """Store what is missing of each request, in that order of answers.

        ``start_ns`` of None means from the first bar that the venue has, ``end_ns`` of None up to its last closed
        one. What ``progress`` was told of is on disk. Raises DataError, before anything is fetched, for a venue,
        symbol or timeframe that there is not; a venue that does not answer is told in ``error``.
        """
        ...
