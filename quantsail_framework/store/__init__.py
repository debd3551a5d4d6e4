"""Candles kept on disk: Parquet by venue, symbol and timeframe, under one root folder.

::

    data/                          the root
      binance/                     venue
        BTC%2FUSDT/                symbol, percent-encoded
          instrument.json          tick, lot and smallest notional
          5m/                      timeframe
            2022.parquet           candles of one period, with where they came from
            2023.parquet
            series.json            which ranges were asked of the venue
            columns.cache          the same candles as plain columns, mapped into memory

Every file is replaced as a whole, so a process that dies at any moment leaves what was there. A part
holds a year of candles, of less than 5m a month, of less than 1m a day: appending touches one part.
"""

from quantsail_framework.store.parts import Part
from quantsail_framework.store.series import Added, Series, SeriesInfo
from quantsail_framework.store.store import Store

__all__ = ["Added", "Part", "Series", "SeriesInfo", "Store"]
