"""Candles from the files of other programs and data services.

``read(path)`` gives the bars of one file, checked, with notes on what was changed or assumed. It writes nothing and
unpacks nothing to disk; files are taken to come from strangers.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import attrs

from quantsail_data.importers.candles import Job
from quantsail_data.importers.columns import parse_columns
from quantsail_data.importers.formats import FORMATS, Detected, Format, check_options, detect
from quantsail_data.importers.options import Imported, ImportOptions
from quantsail_framework.domain.from_file import shown
from quantsail_framework.errors import DataError

__all__ = ["FORMATS", "Detected", "Format", "ImportOptions", "Imported", "detect", "parse_columns", "read"]


def read(path: str | Path, format: str | None = None, options: ImportOptions | None = None) -> Imported:  # noqa: A002
    """The candles of the file at ``path``, of the named format or of that which it most likely has.

    Raises DataError, naming file, line or row and remedy, for everything that is wrong with it.
    """
    path, options = Path(path), options or ImportOptions()
    job = Job(path, options)
    if format is None:
        found = detect(path)
        job.note(f"taken for {found.format}: {found.reason}")
        format = found.format  # noqa: A001
    form = _form(format)
    defaults = ImportOptions()
    given = {name: value for name, value in attrs.asdict(options).items() if value != getattr(defaults, name)}
    check_options(form, given, str(shown(path)))
    bars = form.read(job)
    return Imported(bars, tuple(job.notes), f"{form.name} {path.name}")


def _form(name: str) -> Format:
    if name not in FORMATS:
        near = get_close_matches(name, FORMATS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise DataError(f"no format named {name!r}; {hint}There are {', '.join(FORMATS)}")
    return FORMATS[name]
