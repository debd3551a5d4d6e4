"""Which column of a file is which: as the user says, else by the usual names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from quantsail_framework.domain.from_file import VALUES
from quantsail_framework.errors import DataError

ROLES = ("time", *VALUES)
_USUAL = {
    "time": ("time", "timestamp", "date", "datetime", "open_time", "open time", "opentime", "unix", "gmt time"),
    "volume": ("volume", "vol", "tick_volume", "tickvol"),
}


def parse_columns(text: str) -> dict[str, str]:
    """``{"time": "Date", "open": "O"}`` of ``time=Date,open=O``. Raises DataError for what is not written so."""
    pairs = [item.partition("=") for item in text.split(",")]
    bad = next(
        (f"{role}{sign}{name}" for role, sign, name in pairs if not (role.strip() and sign and name.strip())), None
    )
    if bad is not None:
        raise DataError(f"columns: {bad!r} is not written like time=Date,open=O")
    return {role.strip(): name.strip() for role, _, name in pairs}


def check_roles(columns: Mapping[str, str]) -> None:
    """Raise DataError for a column that no candle has."""
    for role in columns:
        if role not in ROLES:
            near = get_close_matches(role, ROLES, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(ROLES)}"
            raise DataError(f"columns: a candle has no {role!r}{hint}")


def mapped(names: Sequence[str], columns: Mapping[str, str], where: str) -> dict[str, list[int]]:
    """The indices of the columns of each role. ``time`` may be two, ``Date+Time``; a file may lack volume.

    Raises DataError for a column that is not there, or there twice, with the names that are.
    """
    found = {role: _found(role, names, columns, where) for role in ROLES}
    missing = [role for role, indices in found.items() if not indices and role != "volume"]
    if missing:
        raise DataError(
            f"{where}: no column for {', '.join(missing)} among {_listed(names)}; "
            f"say which it is, such as columns {missing[0]}=NAME"
        )
    return {role: indices for role, indices in found.items() if indices}


def _found(role: str, names: Sequence[str], columns: Mapping[str, str], where: str) -> list[int]:
    asked = columns.get(role)
    if asked is None:
        lower = [name.lower() for name in names]
        return [lower.index(name) for name in _USUAL.get(role, (role,)) if name in lower][:1]
    wanted = asked.split("+") if role == "time" and asked not in names else [asked]
    return [_index(name, names, where) for name in wanted]


def _index(name: str, names: Sequence[str], where: str) -> int:
    if names.count(name) > 1:
        raise DataError(f"{where}: column {name!r} is there more than once; keep one, or give its number")
    if name in names:
        return names.index(name)
    if name.isdecimal() and 1 <= int(name) <= len(names):
        return int(name) - 1
    raise DataError(f"{where}: no column {name!r} among {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name[:40] for name in names[:20]) or "none"
