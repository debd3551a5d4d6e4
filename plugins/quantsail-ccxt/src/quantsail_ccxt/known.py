"""Which timeframes a venue has, kept beside its candles, so that what it lacks is known without asking."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

from quantsail_framework.errors import DataError, MissingSeriesError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_framework.store.files import make_folder, read_json, write_json


@attrs.frozen
class Known:
    """``file`` counts for the ccxt that is installed: another one may know more of the venue."""

    venue: str
    file: Path

    def lacks(self, request: BarRequest) -> MissingSeriesError | None:
        """What to say of a timeframe that the venue does not have; None where it has it or that is not known."""
        has = self._timeframes()
        if has is None or str(request.timeframe) in has:
            return None
        return MissingSeriesError(
            f"{self.venue} has no {request.timeframe} candles of {request.symbol}; it has {', '.join(has)}"
        )

    def save(self, timeframes: Sequence[str]) -> None:
        """Keep what an open venue has."""
        value = {"ccxt": version("ccxt"), "timeframes": list(timeframes)}
        if self._stored() != value:
            make_folder(self.file.parent)
            write_json(self.file, value)

    def _timeframes(self) -> list[str] | None:
        stored = self._stored()
        if not isinstance(stored, dict) or stored.get("ccxt") != version("ccxt"):
            return None
        has = stored.get("timeframes")
        return [str(each) for each in has] if isinstance(has, list) else None

    def _stored(self) -> Any:
        try:
            return read_json(self.file)
        except DataError:  # it is written anew when the venue is open
            return None
