"""The data source that reads the local store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.ports.data_source import BarRequest


def _named(_instance: object, _field: object, value: str) -> None:
    from quantsail_framework.store.paths import encoded

    encoded(value, "venue")


@attrs.frozen
class StoreSource:
    """Candles that `quantsail data fetch` or `quantsail data import` put into the store, and their markets' rules."""

    path: Path = attrs.field(metadata={"doc": "root folder of the store"})
    venue: str = attrs.field(
        validator=_named, metadata={"doc": "exchange or other origin, as `quantsail data list` names it"}
    )

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Tick, lot and smallest notional of those markets that the store knows."""
        from quantsail_framework.store import Store

        return Store(self.path).instruments(self.venue, symbols)

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        """One Bars per request, each read when it is asked for."""
        from quantsail_framework.store import Store

        store = Store(self.path)
        for request in requests:
            yield store.bars(self.venue, request)
