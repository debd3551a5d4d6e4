"""Real candles that ship with the package. Where they come from and what they are is in the README."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from importlib.resources import files
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import MissingSeriesError
from quantsail_framework.ports.data_source import BarRequest

# Symbol to its one timeframe; the file is named after both.
CANDLES = {"EUR/USD": "1h", "GOOGL/USD": "1d"}


@attrs.frozen
class SamplesSource:
    """EUR/USD, hourly, 2017 (6,225 bars) and GOOGL/USD, daily, 2009-05-22 to 2018-08-29 (2,335 bars)."""

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Nothing: the candles do not know the venues' rules."""
        return {}

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        """One Bars per request."""
        for request in requests:
            if CANDLES.get(request.symbol) != request.timeframe.text:
                raise MissingSeriesError(_missing(request))
            yield request.cut(_load(request.symbol))


def _missing(request: BarRequest) -> str:
    near = get_close_matches(request.symbol.upper(), set(CANDLES) - {request.symbol}, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    there = " and ".join(f"{symbol} {timeframe}" for symbol, timeframe in CANDLES.items())
    return f"samples: no candles of {request.symbol} {request.timeframe}; {hint}the package has {there}"


def _load(symbol: str) -> Bars:
    """All bars of one symbol. The files hold float64 and milliseconds and have no nulls: tests see to it."""
    import pyarrow.parquet as pq

    name = f"{symbol.replace('/', '_')}-{CANDLES[symbol]}.parquet"
    with files("quantsail_samples").joinpath("candles", name).open("rb") as stream, pq.ParquetFile(stream) as file:
        table = file.read().combine_chunks()

    def column(name: str, dtype: type) -> npt.NDArray[Any]:
        array = table.column(name).chunk(0)
        return np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * 8)

    time = column("timestamp", np.int64) * 1_000_000
    values = [column(name, np.float64) for name in ("open", "high", "low", "close", "volume")]
    return Bars(symbol, Timeframe(CANDLES[symbol]), time, *values, origin=name)
