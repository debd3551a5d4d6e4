"""What a venue does not have, kept beside its candles, so that it is known without asking again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

from quantsail_framework.errors import DataError, MissingSeriesError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.store.files import make_folder, read_json, write_json

_ccxt_version = cache(lambda: version("ccxt"))


@attrs.frozen
class Known:
    """``file`` counts for the ccxt that is installed: another one may get more of the venue."""

    venue: str
    file: Path

    def lacks(self, request: BarRequest) -> MissingSeriesError | None:
        """What to say of a timeframe that the venue does not have; None where it has it or that is not known."""
        has = self._stored("timeframes", list)
        if not has or str(request.timeframe) in has:
            return None
        return MissingSeriesError(
            f"{self.venue} has no {request.timeframe} candles of {request.symbol}; it has {', '.join(map(str, has))}"
        )

    def kept_from_ns(self, request: BarRequest) -> int:
        """Before this the venue keeps no candles of that series, though there was trade; 0 where nothing is known."""
        value = self._stored("kept_from_ns", dict).get(_series(request))
        return value if type(value) is int else 0

    def save_timeframes(self, timeframes: Sequence[str]) -> None:
        """Keep what an open venue has."""
        self._save(timeframes=list(timeframes))

    def save_kept_from(self, request: BarRequest, time_ns: int) -> None:
        """Keep since when the venue has candles of that series."""
        self._save(kept_from_ns={**self._stored("kept_from_ns", dict), _series(request): time_ns})

    def _save(self, **values: Any) -> None:
        before = self._all()
        after = {**before, "ccxt": _ccxt_version(), **values}
        if after != before:
            make_folder(self.file.parent)
            write_json(self.file, after)

    def _stored(self, name: str, kind: type[Any]) -> Any:
        value = self._all().get(name)
        return value if isinstance(value, kind) else kind()

    def _all(self) -> dict[str, Any]:
        try:
            stored = read_json(self.file)
        except DataError:  # it is written anew when the venue is open
            return {}
        return stored if isinstance(stored, dict) and stored.get("ccxt") == _ccxt_version() else {}


def _series(request: BarRequest) -> str:
    return f"{request.symbol} {request.timeframe}"
