"""Which file holds the candles of a symbol and timeframe, and what to say when there is none."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from quantsail_framework.domain.from_file import shown
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import DataError, MissingSeriesError
from quantsail_framework.ports.data_source import BarRequest

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# Words joined by / and :, none of which starts with a dot: no such name can leave the folder.
_SYMBOL = re.compile(r"[\w^=][\w.^=+-]*(?:[/:]\w[\w.+-]*)*")
_LISTED = 8
_SCANNED = 10_000


def check_path(path: Path) -> None:
    """Raise ValueError for a pattern that lacks a placeholder or has a foreign one."""
    names = set(_PLACEHOLDER.findall(str(path)))
    if names and names != {"symbol", "timeframe"}:
        raise ValueError(f"the pattern {str(path)!r} must have {{symbol}} and {{timeframe}} and no other placeholder")


def file_symbol(symbol: str) -> str:
    """The symbol as file names spell it: ``BTC/USDT:USDT`` is ``BTC_USDT_USDT``.

    Raises DataError for a symbol that could lead out of the folder.
    """
    if not _SYMBOL.fullmatch(symbol):
        raise DataError(f"symbol {symbol!r} cannot be part of a file name; write it like 'BTC/USDT'")
    return re.sub("[/:]", "_", symbol)


class Layout(NamedTuple):
    """Candle files under ``root``; ``template`` is a relative path with {symbol} and {timeframe}."""

    root: Path
    template: str

    @classmethod
    def of(cls, path: Path, suffix: str) -> Layout:
        """The layout that the option ``path`` means: a folder, or a pattern."""
        parts = path.parts
        fixed = next((i for i, part in enumerate(parts) if _PLACEHOLDER.search(part)), None)
        if fixed is None:
            return cls(path, "{symbol}-{timeframe}" + suffix)
        return cls(Path(*parts[:fixed]), str(Path(*parts[fixed:])))

    def name(self, request: BarRequest) -> str:
        """The file of that symbol and timeframe, relative to the root."""
        values = {"symbol": file_symbol(request.symbol), "timeframe": request.timeframe.text}
        return _PLACEHOLDER.sub(lambda match: values[match[1]], self.template)

    def find(self, request: BarRequest) -> Path:
        """The path of that file. Raises MissingSeriesError, naming what there is instead, when it is not there."""
        path = self.root / self.name(request)
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            raise MissingSeriesError(self._missing(request)) from None
        except OSError as error:
            raise DataError(f"{shown(path)}: candles of {request.symbol} cannot be read ({error.strerror})") from None
        if not stat.S_ISREG(mode):
            raise DataError(f"{shown(path)}: candles of {request.symbol} cannot be read (not a file)")
        return path

    def available(self) -> Mapping[str, list[str]]:
        """Timeframes by symbol, as file names spell them. Raises OSError for a root that cannot be listed."""
        os.scandir(self.root).close()
        shape = re.compile(_expression(self.template))
        found: defaultdict[str, list[str]] = defaultdict(list)
        for path in islice(self.root.glob(_PLACEHOLDER.sub("*", self.template)), _SCANNED):
            match = shape.fullmatch(path.relative_to(self.root).as_posix())
            if match:
                found[match["symbol"]].append(match["timeframe"])
        return {symbol: sorted(found[symbol], key=lambda text: Timeframe(text).ns) for symbol in sorted(found)}

    def _missing(self, request: BarRequest) -> str:
        wanted = f"no candles of {request.symbol} {request.timeframe}"
        root = shown(self.root)
        try:
            available = self.available()
        except FileNotFoundError:
            return f"{root}: {wanted}, for there is no such folder; mend [data] path{_sibling(self.root)}"
        except NotADirectoryError:
            return f"{root}: {wanted}, for this is a file; set [data] path to its folder, or to a pattern"
        except OSError as error:
            return f"{root}: {wanted}, for the folder cannot be listed ({error.strerror})"
        return f"{root}: {wanted} (no file {self.name(request)}); {_offer(available, request, self.template)}"


def _expression(template: str) -> str:
    """The regular expression of the relative paths that ``template`` stands for."""
    text = ""
    for index, piece in enumerate(_PLACEHOLDER.split(Path(template).as_posix())):
        if index % 2 == 0:
            text += re.escape(piece)
        elif f"(?P<{piece}>" in text:
            text += f"(?P={piece})"
        else:
            text += r"(?P<symbol>[^/]+)" if piece == "symbol" else r"(?P<timeframe>[1-9][0-9]*[smhdw])"
    return text


def _offer(available: Mapping[str, list[str]], request: BarRequest, template: str) -> str:
    """What the folder has that comes nearest to ``request``."""
    if not available:
        return f"the folder has no file named like {template}"
    spelt = file_symbol(request.symbol)
    if spelt in available:
        return f"of {request.symbol} it has {', '.join(available[spelt])}"
    upper = {symbol.upper(): symbol for symbol in available}
    near = [_shown(upper[name]) for name in get_close_matches(spelt.upper(), upper, n=3, cutoff=0.8)]
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    listed = [f"{_shown(symbol)} ({', '.join(available[symbol])})" for symbol in islice(available, _LISTED)]
    more = f" and {len(available) - _LISTED} more" if len(available) > _LISTED else ""
    return f"{hint}it has {', '.join(listed)}{more}"


def _shown(symbol: str) -> str:
    """A file's symbol as a pipeline would most likely spell it."""
    return symbol.replace("_", "/", 1)


def _sibling(folder: Path) -> str:
    try:
        names = [entry.name for entry in os.scandir(folder.parent) if entry.is_dir()]
    except OSError:
        return ""
    near = get_close_matches(folder.name, names, n=1)
    return f"; did you mean {str(shown(folder.parent / near[0]))!r}?" if near else ""
