"""One clean environment for all tests of what authors do, with the plugins that `quantsail new-plugin` writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from quantsail_framework.scaffold import KINDS
from quantsail_framework.testing import markets
from tests.authors.workshop import Workshop, find_uv

# In the clean environment: the command, once for each kind, in one process since each would take half a second.
_GENERATE = """
import sys
from quantsail_framework.cli import verbs
for kind in sys.argv[1:]:
    verbs.main(["new-plugin", kind, f"made-{kind}"], standalone_mode=False)
"""


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The environment; what needs it is skipped where there is no uv."""
    uv = find_uv()
    if uv is None:
        pytest.skip("no uv: make setup fetches it")
    return Workshop(tmp_path_factory.mktemp("workshop"), uv)


@pytest.fixture(scope="session")
def made(shop: Workshop) -> Mapping[str, Path]:
    """Kind to the folder of the plugin ``made-<kind>``, written there by the installed core."""
    shop.python("-c", _GENERATE, *KINDS)
    return {kind: shop.folder / f"quantsail-made-{kind}" for kind in KINDS}


@pytest.fixture
def clean(shop: Workshop) -> Iterator[Workshop]:
    """The environment with the core alone, before and after."""
    yield shop
    shop.clean()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with candles as the generated data source reads them: 600 bars of five minutes."""
    bars = markets.random_walk(3, 600)
    columns = (bars.time // 1_000_000, bars.open, bars.high, bars.low, bars.close, bars.volume)
    (tmp_path / "candles").mkdir()
    file = tmp_path / "candles" / "TEST_USDT-5m.csv"
    np.savetxt(file, np.column_stack(columns), delimiter=",", header="time,open,high,low,close,volume")
    return tmp_path
