"""Symbols as folder names: injective, readable back, and never out of the root."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework.errors import DataError
from quantsail_framework.store import Store
from quantsail_framework.store.paths import decoded, encoded
from tests.store.made import series

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(NAMES, NAMES)
def test_two_names_never_share_a_folder(one: str, other: str) -> None:
    assume_fine = [name for name in (one, other) if _storable(name)]
    folders = [encoded(name) for name in assume_fine]
    assert [decoded(folder) for folder in folders] == assume_fine
    assert all("/" not in folder and "\\" not in folder and not folder.startswith(".") for folder in folders)
    assert len(set(folders)) == len(set(assume_fine))


def _storable(name: str) -> bool:
    try:
        encoded(name)
    except DataError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("BTC/USDT", "BTC%2FUSDT"),
        ("BTC_USDT", "BTC%5FUSDT"),
        ("A/B:C", "A%2FB%3AC"),
        ("../../x", "%2E%2E%2F%2E%2E%2Fx"),
        ("Ö", "%C3%96"),
    ],
)
def test_what_a_name_becomes(name: str, folder: str) -> None:
    assert encoded(name) == folder


@pytest.mark.parametrize(
    ("name", "why"),
    [("", "is empty"), ("NUL", "is a device's name"), ("com1", "is a device's name"), ("x" * 300, "is too long")],
)
def test_names_that_no_folder_can_have(name: str, why: str) -> None:
    with pytest.raises(DataError, match=why):
        encoded(name)


def test_folders_that_hold_no_name() -> None:
    assert [decoded(name) for name in ("BTC_USDT", ".cache", "%2f", "%FF", "a b")] == [None] * 5


def test_a_symbol_cannot_leave_the_root(tmp_path: Path) -> None:
    root = tmp_path / "inner" / "store"
    Store(root).add("binance", series(range(3), "../../../x"), source="test", fetched_ns=0)
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]
    assert [entry.symbol for entry in Store(root).entries()] == ["../../../x"]


def test_d024_series_that_share_a_name_in_the_seed_are_kept_apart(tmp_path: Path) -> None:
    """Exchange, market and timeframe are part of the place: nothing replaces anything else."""
    store = Store(tmp_path)
    written = {}
    for number, venue in enumerate(["binance", "kraken"]):
        for symbol in ("BTC/USDT", "BTC_USDT", "BTC/USDT:USDT"):
            for timeframe in ("5m", "1h"):
                bars = series(range(10), symbol, timeframe, shift=float(len(written)))
                store.add(venue, bars, source="test", fetched_ns=number)
                written[venue, symbol, timeframe] = bars.content_hash
    found = {
        (e.venue, e.symbol, str(e.timeframe)): store.series(e.venue, e.symbol, e.timeframe) for e in store.entries()
    }
    assert {key: one.bars_of_all().content_hash for key, one in found.items()} == written
