"""Bars read from a file: its errors name the file, its own lines or rows, and the values found there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from quantsail_framework.domain.bars import PRICE_COLUMNS, Bars, Floats, Ints
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import DataError

VALUES = (*PRICE_COLUMNS, "volume")

# Words the place of a row: "line 12" of a text, "row 10" of a table.
Place = Callable[[int], str]


def shown(path: Path) -> Path:
    """A path as messages name it: from the working directory when it is below, as it is elsewhere."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def bars_from_file(
    symbol: str, timeframe: Timeframe, time: Ints, values: Sequence[Floats], *, path: Path, origin: str, place: Place
) -> Bars:
    """Bars of ``time`` and ``values`` (open, high, low, close, volume), as ``Bars`` makes and refuses them.

    Messages name ``path`` and word the row by ``place``; ``origin``, which goes with the bars, is the same on every
    machine.
    """
    try:
        return Bars(symbol, timeframe, time, *values, origin=origin)
    except DataError as error:
        text = f"{shown(path)}: {symbol} {timeframe}" + str(error).removeprefix(f"{origin}: {symbol} {timeframe}")
        raise DataError(_in_words_of_the_file(text, place, values)) from None


def _in_words_of_the_file(text: str, place: Place, values: Sequence[Floats]) -> str:
    """The message of Bars, which counts from the first bar it was given, with the file's own row and its values."""
    match = re.search(r", row (\d+) \(", text)
    if match is None:
        return text
    row = int(match[1])
    text = f"{text[: match.start()]}, {place(row)} ({text[match.end() :]}"
    candle = ", ".join(f"{name} {column[row]:.12g}" for name, column in zip(VALUES, values, strict=True))
    return text.replace("; repair or remove the candle", f" ({candle}); repair or remove the candle")
