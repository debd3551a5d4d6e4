"""A site of fake distributions that the test's own process sees, and forgets afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins_.site import FakeSite


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSite]:
    fake = FakeSite(tmp_path / "site")
    monkeypatch.syspath_prepend(str(fake.folder))
    before = set(sys.modules)
    yield fake
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(fake.folder) in str(sys.modules[name].__file__):
            del sys.modules[name]
