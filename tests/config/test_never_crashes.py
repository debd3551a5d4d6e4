"""Whatever a pipeline says, loading it gives a pipeline or a list of problems, never a traceback."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from quantsail_framework.config import load_pipeline
from quantsail_framework.config.assemble import TABLES
from quantsail_framework.errors import PipelineError
from quantsail_framework.plugins import Registry
from tests.config.conftest import MINIMAL
from tests.config.test_pipeline import FULL

USES = [
    "folder",
    "trend",
    "crossing",
    "levels",
    "flat",
    "fixed",
    "max-loss",
    "max-exposure",
    "messenger",
    "x.py:Y",
    ".py:",
]
OPTIONS = ["use", "limit", "pct", "adx_period", "fast", "levels", "symbols", "timeframe", "start", "end", "informative"]
OPTIONS += ["path", "extra", "token", "env", "file", "only", "pins", "name", "seed", "currency", "capital", "runner"]
WORDS = st.sampled_from([*USES, *OPTIONS, "5m", "BTC/USDT", "GOOGL", "1h", "@", "UTC", "", " ", "backtest", "replay"])
SCALARS: st.SearchStrategy[Any] = st.one_of(
    WORDS,
    st.text(max_size=5),
    st.integers(-3, 3),
    st.sampled_from([10**400, 2**63]),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, dt.UTC])),
    st.times(),
)
VALUES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(OPTIONS), below, max_size=4)
)
TABLE = st.sampled_from([*TABLES, "backtest", "replay", "unknown", "extends", "profiles"])
ITEM = st.sampled_from([*OPTIONS, "max-loss", "max-exposure-2", "messenger"])
KEYS = st.builds(lambda table, rest: ".".join([table, *rest]), TABLE, st.lists(ITEM, max_size=3))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pipelines")
    paths = [folder / "minimal.toml", folder / "full.toml"]
    for path, text in zip(paths, (MINIMAL, FULL), strict=True):
        path.write_text(text)
    return paths


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(overrides=st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), number=st.integers(0, 1))
@example(overrides={"pipeline": 1}, number=0)
@example(overrides={"risk": [{"use": []}]}, number=1)
@example(overrides={"data.symbols": [["a"]]}, number=1)
def test_any_override(files: list[Path], registry: Registry, overrides: dict[str, Any], number: int) -> None:
    try:
        pipeline = load_pipeline(files[number], registry=registry, overrides=overrides, environ={}, runner="backtest")
    except PipelineError as error:
        assert str(error).strip()  # noqa: PT017
    else:
        assert pipeline.resolved["pipeline"]["runner"] == "backtest"
        assert set(pipeline.origins) >= {f"strategy.{name}" for name in pipeline.resolved["strategy"]}
