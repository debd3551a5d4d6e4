"""The JSON Schema agrees with what the loader accepts, and accepts the examples."""

from __future__ import annotations

import copy
import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from quantsail_framework.config import json_schema
from quantsail_framework.plugins import Registry, load_registry
from tests.config.conftest import MINIMAL, changed
from tests.config.test_pipeline import FULL

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
STARTER = Path(__file__).parents[2] / "quantsail_framework" / "cli" / "starter.toml"


@pytest.fixture(scope="module")
def validator(registry: Registry) -> Draft202012Validator:
    schema = json_schema(registry)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def installed() -> Draft202012Validator:
    return Draft202012Validator(json_schema(load_registry()))


def as_editors_read(value: Any) -> Any:
    """Editors hand dates to the schema as text."""
    if isinstance(value, dict):
        return {name: as_editors_read(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_editors_read(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def errors(validator: Draft202012Validator, text: str) -> list[str]:
    found = validator.iter_errors(as_editors_read(tomllib.loads(text)))
    return sorted(f"{error.json_path}: {error.message}" for error in found)


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL,
        FULL,
        'extends = "base.toml"\n[strategy]\nadx_period = 20\n',
        changed('use = "trend"', 'use = "my.py:MyStrategy"\nanything = 1'),
        changed(
            'use = "trend"', 'use = "levels"\nlevels = [{ price = 1 }]\nband = [0, 1]\nsize = "x"\nday = 2023-01-01'
        ),
        MINIMAL + '[[alerts]]\nuse = "messenger"\ntoken = { env = "T" }\nmin_level = "error"\nonly = ["error"]\n',
        changed('use = "trend"', 'use = "wrapper"\ninner = "my.py:Helper"'),
        MINIMAL + "[walk-forward]\ntrain_days = 90\n[profiles.fast.strategy]\nadx_period = 9\n",
    ],
)
def test_good_pipelines_are_accepted(validator: Draft202012Validator, text: str) -> None:
    assert errors(validator, text) == []


@pytest.mark.parametrize(
    "text, place",
    [
        (changed('use = "trend"', 'use = "trend"\nadx_perod = 3'), "$.strategy"),
        (changed('use = "trend"', 'use = "trend"\nadx_period = "14"'), "$.strategy.adx_period"),
        (changed('use = "trend"', 'use = "trend"\nadx_period = 1'), "$.strategy.adx_period"),
        (changed('use = "trend"', 'use = "trend"\nstop_atr = 0'), "$.strategy.stop_atr"),
        (changed('use = "trend"', 'use = "trend"\nmode = "medium"'), "$.strategy.mode"),
        (changed('use = "trend"', 'use = "levels"\nlevels = [{}]'), "$.strategy.levels[0]"),
        (changed('use = "trend"', 'use = "levels"\nband = [1]'), "$.strategy.band"),
        (changed('use = "trend"', 'use = "crossing"'), "$.strategy"),
        (changed('use = "trend"', 'use = "wrapper"\ninner = "Helper"'), "$.strategy.inner"),
        (changed('use = "trend"', 'use = "trnd"'), "$.strategy.use"),
        (changed("capital = 1000", 'capital = "1000"'), "$.pipeline.capital"),
        (changed("capital = 1000", ""), "$.pipeline"),
        (changed('timeframe = "5m"', ""), "$.data"),
        (changed('timeframe = "5m"', 'timeframe = "5m"\ngaps = "drop"'), "$.data.gaps"),
        (changed('timeframe = "5m"', 'timeframe = "5m"\nsymbol = "x"'), "$.data"),
        (MINIMAL.replace("[sizer]", "[szer]"), "$"),
        (MINIMAL + '[[risk]]\nuse = "max-loss"\n', "$.risk[0]"),
        (MINIMAL + "[[risk]]\nlimit = 3\n", "$.risk[0]"),
        (MINIMAL + '[[alerts]]\nuse = "messenger"\ntoken = "literal"\n', "$.alerts[0].token"),
        (MINIMAL + '[[alerts]]\nuse = "messenger"\ntoken = { env = "T" }\nmin_level = "x"\n', "$.alerts[0].min_level"),
        (MINIMAL + '[backtest]\nboth_touched = "x"\n', "$.backtest.both_touched"),
    ],
)
def test_bad_pipelines_are_refused_where_they_are_bad(validator: Draft202012Validator, text: str, place: str) -> None:
    assert any(error.startswith(f"{place}: ") for error in errors(validator, text)), errors(validator, text)


def test_options_bring_their_words_into_the_editor(registry: Registry) -> None:
    schema = json_schema(registry)
    [trend] = [
        v["then"] for v in schema["$defs"]["strategy"]["allOf"] if v["if"]["properties"]["use"]["const"] == "trend"
    ]
    assert trend["description"] == "Follows the trend."
    assert trend["properties"]["adx_period"] == {
        "type": "integer",
        "minimum": 2,
        "description": "Period of the ADX, in bars.",
        "default": 14,
    }


def test_a_component_that_cannot_be_loaded_leaves_its_options_open(validator: Draft202012Validator) -> None:
    assert errors(validator, changed('use = "trend"', 'use = "hollow"\nanything = 1')) == []


def test_making_the_schema_changes_no_descriptor(registry: Registry) -> None:
    before = copy.deepcopy(json_schema(registry))
    assert json_schema(registry) == before


@pytest.mark.parametrize("path", [*EXAMPLES, STARTER], ids=lambda path: path.name)
def test_examples_fit_the_schema_of_the_first_party_plugins(installed: Draft202012Validator, path: Path) -> None:
    assert errors(installed, path.read_text(encoding="utf-8")) == []


def test_d118_every_limit_of_every_rule_is_one_documented_option() -> None:
    registry = load_registry()
    schema = json_schema(registry)
    assert "portfolio" not in schema["properties"]
    rules = {v["if"]["properties"]["use"]["const"]: v["then"] for v in schema["$defs"]["risk-rule"]["allOf"]}
    assert set(rules) == set(registry.components("risk-rule"))
    assert "max-daily-loss" in rules
    for name, rule in rules.items():
        for option, words in rule["properties"].items():
            if option != "use":
                assert words["description"], (name, option)
                assert ("default" in words) != (option in rule["required"]), (name, option)
