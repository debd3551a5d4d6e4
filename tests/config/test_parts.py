"""Components inside components: made from their own tables, as strictly, in the manifest, the schema and the help."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from quantsail_framework.config import build, json_schema, options_of
from quantsail_framework.errors import PipelineError
from quantsail_framework.plugins import Registry
from quantsail_framework.session import used_plugins
from tests.config.conftest import Desk, changed
from tests.config.parts import Flat, Sum
from tests.config.test_schema import errors

SUM = """use = "sum"
models = [
    { use = "flat", fee_bps = 1.0 },
    { use = "flat" },
]
named = { "BNB/USDT" = { use = "flat", fee_bps = 3.0 } }
last = { use = "flat", fee_bps = 4.0 }"""


def with_costs(text: str) -> str:
    return changed('use = "flat"', text)


def test_parts_are_made_from_their_tables(desk: Desk) -> None:
    pipeline = desk.load(with_costs(SUM))
    assert pipeline.costs == Sum(models=(Flat(1.0), Flat(10.0)), named={"BNB/USDT": Flat(3.0)}, last=Flat(4.0))


def test_a_part_may_have_parts(desk: Desk) -> None:
    text = with_costs(
        'use = "sum"\nmodels = [{ use = "sum", models = [{ use = "flat", fee_bps = 4 }, { use = "x" }] }]'
    )
    assert desk.problems(text) == [
        "p.toml:11: costs.models.sum.models.x.use: no cost model named 'x'. Installed: flat, sum."
    ]
    assert desk.load(text.replace(', { use = "x" }', "")).costs == Sum(models=(Sum(models=(Flat(4.0),)),))


def test_tables_of_tables_say_the_same(desk: Desk) -> None:
    text = with_costs('use = "sum"') + '[[costs.models]]\nuse = "flat"\nfee_bps = 1\n[[costs.models]]\nuse = "flat"\n'
    assert desk.load(text).costs == Sum(models=(Flat(1.0), Flat(10.0)))


def test_the_manifest_keeps_what_each_part_is_and_loads_again(desk: Desk) -> None:
    pipeline = desk.load(with_costs(SUM))
    resolved = pipeline.resolved["costs"]
    assert resolved["models"] == [{"use": "flat", "fee_bps": 1.0}, {"use": "flat", "fee_bps": 10.0}]
    assert resolved["named"] == {"BNB/USDT": {"use": "flat", "fee_bps": 3.0}}
    again = desk.load(with_costs(SUM), sets={f"costs.{name}": value for name, value in resolved.items()})
    assert again.costs == pipeline.costs


def test_every_problem_of_every_part_comes_with_its_line(desk: Desk) -> None:
    text = """use = "sum"
models = [
    { use = "flat", fee_bps = -1.0 },
    { use = "flta" },
    { use = "flat", fee_bsp = 2 },
    { fee_bps = 2 },
    3,
]
named = 4
odd = 1"""
    assert desk.problems(with_costs(text)) == [
        "p.toml:12: costs.models.flat.fee_bps: must be >= 0, got -1.0",
        "p.toml:13: costs.models.flta.use: no cost model named 'flta'; did you mean 'flat'? Installed: flat, sum.",
        "p.toml:14: costs.models.flat-2.fee_bsp: unknown option; did you mean fee_bps?",
        "p.toml:15: costs.models[3].use: required option is missing; installed: flat, sum",
        "p.toml:16: costs.models[4]: expects a table, got 3",
        "p.toml:18: costs.named: expects a table of cost models, got 4",
        "p.toml:19: costs.odd: unknown option; sum has models, named, last",
    ]


@pytest.mark.parametrize(
    "models, problem",
    [
        ("models = []", "length must be >= 1, got 0"),
        ('models = { use = "flat" }', "expects a list of cost models, got a table"),
        ('models = "flat"', 'expects a list of cost models, got the text "flat"; write a list: ["flat"]'),
    ],
)
def test_what_is_no_list_of_parts_is_told(desk: Desk, models: str, problem: str) -> None:
    assert desk.problems(with_costs(f'use = "sum"\n{models}')) == [f"p.toml:11: costs.models: {problem}"]


def test_a_part_may_be_a_local_class_beside_the_file_that_names_it(desk: Desk) -> None:
    desk.write("from tests.config.parts import Flat\nclass Mine(Flat): ...\n", "below/mine.py")
    desk.write('[costs]\nuse = "sum"\nmodels = [{ use = "mine.py:Mine" }]\n', "below/base.toml")
    pipeline = desk.load('extends = "below/base.toml"\n' + with_costs('use = "sum"'))
    assert type(pipeline.costs.models[0]).__name__ == "Mine"  # type: ignore[attr-defined]


def test_another_use_of_a_part_starts_its_options_anew(desk: Desk) -> None:
    text = with_costs('use = "sum"\nmodels = [{ use = "flat" }]\nlast = { use = "flat", fee_bps = 7 }')
    sets = {"costs.last.use": "sum", "costs.last.models": [{"use": "flat"}]}
    assert desk.load(text, sets=sets).costs.last == Sum(models=(Flat(),))  # type: ignore[attr-defined]


def test_parts_of_a_list_are_addressed_by_use(desk: Desk) -> None:
    text = with_costs('use = "sum"\nmodels = [{ use = "flat" }, { use = "flat" }]')
    assert desk.load(text, sets={"costs.models.flat-2.fee_bps": 3}).costs == Sum(models=(Flat(), Flat(3.0)))
    env = {"QUANTSAIL__COSTS__MODELS__FLAT__FEE_BPS": "4"}
    assert desk.load(text, env=env).costs == Sum(models=(Flat(4.0), Flat()))
    assert desk.problems(text, sets={"costs.models.flta.fee_bps": 3}) == [
        "--set: costs.models.flta.fee_bps: no [[costs.models]] is called flta; did you mean flat?"
    ]


def test_python_code_passes_parts_as_objects(desk: Desk) -> None:
    assert build(Sum, {"models": [Flat(2.0)]}) == Sum(models=(Flat(2.0),))
    shown = desk.load(costs=Sum(models=(Flat(2.0),))).resolved["costs"]
    assert shown["models"] == [{"use": "tests.config.parts:Flat", "fee_bps": 2.0}]
    with pytest.raises(PipelineError, match=r"models: 0: expects a cost model, got a table"):
        build(Sum, {"models": [{"use": "flat"}]})
    with pytest.raises(PipelineError, match=r"models: 0: \w*Path is not a cost model: it has no method costs\(\)"):
        build(Sum, {"models": [Path("x")]})


def test_the_plugins_of_parts_are_in_the_manifest(desk: Desk, registry: Registry) -> None:
    text = with_costs('use = "mine.py:Mine"\nmodels = [{ use = "flat" }]')
    desk.write("from tests.config.parts import Sum\nclass Mine(Sum): ...\n", "mine.py")
    pipeline = desk.load(text)
    offered = registry.get("cost-model", "flat").plugin
    assert offered in used_plugins(pipeline, registry)


def test_the_help_and_the_schema_know_parts(registry: Registry) -> None:
    texts = {option.name: option.type_text for option in options_of(Sum)}
    assert texts == {"models": "list of cost models", "named": "table of cost models", "last": "cost model"}
    validator = Draft202012Validator(json_schema(registry))
    assert errors(validator, with_costs(SUM)) == []
    for bad in ('{ use = "flat", fee_bps = "x" }', '{ use = "flat", no = 1 }', "{ fee_bps = 1 }", "3"):
        found = errors(validator, with_costs(f'use = "sum"\nmodels = [{bad}]'))
        assert any(error.startswith("$.costs.models[0]") for error in found), (bad, found)


def test_a_market_that_the_run_does_not_have_is_told_with_its_line(desk: Desk) -> None:
    text = with_costs(
        """use = "sum"
models = [
    { use = "sum", models = [{ use = "flat" }], named = { "BNB/USDC" = { use = "flat" } } },
]
[costs.named]
"BNB/USDT" = { use = "flat" }
"EUR/USD" = { use = "flat" }"""
    )
    assert desk.problems(text) == [
        "p.toml:12: costs.models.sum.named.BNB/USDC: the run has no such market; did you mean BNB/USDT?",
        "p.toml:16: costs.named.EUR/USD: the run has no such market; it has BNB/USDT",
    ]


def test_a_market_that_the_run_does_not_have_is_told_of_objects_too(desk: Desk) -> None:
    inner = Sum(models=(Flat(),), named={"X/Y": Flat()})
    with pytest.raises(PipelineError) as caught:
        desk.load(costs=Sum(models=(Flat(), inner)))
    assert list(caught.value.problems) == ["costs=: models[1].named.X/Y: the run has no such market; it has BNB/USDT"]
