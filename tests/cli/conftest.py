"""The toy plugin and a pipeline that uses it, in a working folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.toy import toy_site, write_pipeline
from tests.plugins_.site import FakeSite


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> FakeSite:
    return toy_site(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_pipeline(tmp_path)
    return tmp_path
