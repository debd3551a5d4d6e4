"""extends < file < profile < environment < --set: who wins, and how a value is addressed."""

from __future__ import annotations

import pytest

from quantsail_framework.config import load_pipeline, parse_overrides, resolve
from quantsail_framework.errors import InputError, PipelineError
from tests.config.conftest import MINIMAL, Desk, changed
from tests.config.parts import Crossing, Folder, MaxExposure, MaxLoss, Trend

PERIODS = 'use = "trend"\nadx_period = 11'
PROFILE = "[profiles.fast.strategy]\nadx_period = 12\n"
RISK = '[[risk]]\nuse = "max-loss"\nlimit = 50\n[[risk]]\nuse = "max-exposure"\n[[risk]]\nuse = "max-exposure"\n'


@pytest.mark.parametrize(
    "layers, period, origin",
    [
        ("", 14, "default"),
        ("b", 10, "base.toml:2"),
        ("bf", 11, "p.toml:10"),
        ("bfp", 12, "profile fast (p.toml:16)"),
        ("bfpe", 13, "environment QUANTSAIL__STRATEGY__ADX_PERIOD"),
        ("bfpes", 15, "--set"),
        ("bs", 15, "--set"),
    ],
)
def test_each_layer_lies_over_the_one_before(desk: Desk, layers: str, period: int, origin: str) -> None:
    desk.write("[strategy]\nadx_period = 10\n", "base.toml")
    text = changed('use = "trend"', PERIODS if "f" in layers else 'use = "trend"\n')
    text = ('extends = "base.toml"' if "b" in layers else "") + "\n" + text
    pipeline = desk.load(
        text + PROFILE,
        profile="fast" if "p" in layers else None,
        env={"QUANTSAIL__STRATEGY__ADX_PERIOD": "13"} if "e" in layers else {},
        sets={"strategy.adx_period": "15"} if "s" in layers else {},
    )
    assert pipeline.strategy == Trend(adx_period=period)
    assert pipeline.origins["strategy.adx_period"] == origin


def test_a_later_base_wins_and_bases_have_bases(desk: Desk) -> None:
    desk.write('extends = "deep.toml"\n[strategy]\nadx_period = 21\n', "one.toml")
    desk.write("[strategy]\nstop_atr = 3.0\nadx_period = 20\n[pipeline]\nseed = 5\n", "deep.toml")
    desk.write("[strategy]\nadx_period = 22\n", "two.toml")
    pipeline = desk.load('extends = ["one.toml", "two.toml"]\n' + MINIMAL)
    assert pipeline.strategy == Trend(adx_period=22, stop_atr=3.0)
    assert pipeline.seed == 5
    assert pipeline.origins["strategy.stop_atr"] == "deep.toml:2"


def test_tables_merge_and_lists_replace(desk: Desk) -> None:
    desk.write(RISK + '[data]\nsymbols = ["A/USDT", "B/USDT"]\npath = "x"\n', "base.toml")
    text = 'extends = "base.toml"\n' + MINIMAL
    pipeline = desk.load(text)
    assert [rule.name for rule in pipeline.risk] == ["max-loss", "max-exposure", "max-exposure-2"]
    assert pipeline.data.symbols == ("BNB/USDT",)
    assert pipeline.source == Folder(path=desk.folder / "x")
    replaced = desk.load(text + '[[risk]]\nuse = "max-exposure"\n')
    assert [rule.name for rule in replaced.risk] == ["max-exposure"]


def test_another_use_starts_the_options_anew(desk: Desk) -> None:
    desk.write(MINIMAL.replace('use = "trend"', 'use = "trend"\nadx_period = 20\nstop_atr = 1.0'), "base.toml")
    pipeline = desk.load('extends = "base.toml"\n[strategy]\nuse = "crossing"\nfast = 5\n')
    assert pipeline.strategy == Crossing(fast=5)
    again = desk.load('extends = "base.toml"\n[strategy]\nuse = "trend"\nadx_period = 5\n')
    assert again.strategy == Trend(adx_period=5, stop_atr=1.0)
    forth = desk.load(
        'extends = "base.toml"\n', sets={"strategy.slow": "9", "strategy.fast": "3", "strategy.use": "crossing"}
    )
    assert forth.strategy == Crossing(fast=3, slow=9)


def test_another_source_keeps_what_belongs_to_the_pipeline(desk: Desk) -> None:
    text = changed('use = "folder"', 'use = "other"\nfile = "x"\nstart = 2023-01-01')
    pipeline = desk.load(text, sets={"data.use": "folder"})
    assert pipeline.data.symbols == ("BNB/USDT",)
    assert pipeline.data.start_ns is not None
    assert pipeline.source == Folder(path=desk.folder / "candles")
    assert pipeline.origins["data.path"] == "default"


def test_an_option_dropped_with_its_component_leaves_no_origin(desk: Desk) -> None:
    desk.write(changed('use = "trend"', 'use = "levels"\nsize = 3'), "base.toml")
    pipeline = desk.load('extends = "base.toml"\n[profiles.x.strategy]\nuse = "trend"\n', profile="x")
    assert {key: o for key, o in pipeline.origins.items() if key.startswith("strategy.")} == {
        "strategy.use": "profile x (p.toml:3)",
        "strategy.adx_period": "default",
        "strategy.stop_atr": "default",
        "strategy.allow_short": "default",
        "strategy.mode": "default",
    }


def test_list_items_are_addressed_by_name(desk: Desk) -> None:
    pipeline = desk.load(
        MINIMAL + RISK,
        sets={"risk.max-loss.limit": "40", "risk.max-exposure-2.pct": "20"},
        env={"QUANTSAIL__RISK__MAX_LOSS__LIMIT": "45", "QUANTSAIL__RISK__MAX_EXPOSURE__PCT": "30"},
    )
    rules = [named.rule for named in pipeline.risk]
    assert rules == [MaxLoss(40.0), MaxExposure(30.0), MaxExposure(20.0)]
    assert pipeline.origins["risk.max-loss.limit"] == "--set"
    assert pipeline.origins["risk.max-exposure.pct"] == "environment QUANTSAIL__RISK__MAX_EXPOSURE__PCT"


def test_environment_reaches_tables_with_hyphens(desk: Desk) -> None:
    pipeline = desk.load(env={"QUANTSAIL__MONTE_CARLO__MIN_TRADES": "50", "QUANTSAIL_LOAD_PLUGINS": "x"})
    assert pipeline.resolved["monte-carlo"] == {"min_trades": 50}


def test_environment_of_the_process_is_used(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTSAIL__PIPELINE__SEED", "9")
    assert load_pipeline(desk.write(MINIMAL), registry=desk.registry).seed == 9


def test_values_parse_as_toml_and_else_as_text(desk: Desk) -> None:
    pipeline = desk.load(
        sets={
            "data.symbols": '["A/USD", "B/USD"]',
            "data.start": "2023-01-01",
            "data.path": "candles/5m = x",
            "strategy.allow_short": "true",
            "strategy.mode": "slow",
            "pipeline.name": "one two",
            "risk": '[{ use = "max-loss", limit = 1 }]',
        }
    )
    assert pipeline.data.symbols == ("A/USD", "B/USD")
    assert pipeline.data.start_ns == 19_358 * 86_400 * 10**9
    assert pipeline.source == Folder(path=desk.folder / "candles/5m = x")
    assert pipeline.strategy == Trend(allow_short=True, mode="slow")
    assert pipeline.name == "one two"
    assert [named.rule for named in pipeline.risk] == [MaxLoss(1.0)]


def test_a_value_cannot_smuggle_in_another_key(desk: Desk) -> None:
    problems = desk.problems(sets={"strategy.adx_period": "20\nother = 1"})
    assert problems == ['--set: strategy.adx_period: expects a whole number, got the text "20\nother = 1"']


def test_python_values_pass_as_they_are(desk: Desk) -> None:
    assert desk.load(sets={"strategy.adx_period": 20, "data.symbols": ["A/B"]}).strategy == Trend(adx_period=20)


@pytest.mark.parametrize(
    "key, problem",
    [
        ("strategy.adx_perod", "strategy.adx_perod: unknown option; did you mean adx_period?"),
        ("strategi.adx_period", "strategi: unknown table; did you mean strategy?"),
        ("risk.max-lss.limit", "risk.max-lss.limit: no [[risk]] is called max-lss; did you mean max-loss?"),
        (
            "risk.zebra.limit",
            "risk.zebra.limit: no [[risk]] is called zebra; it has max-loss, max-exposure, max-exposure-2",
        ),
        ("alerts.messenger.token", "alerts.messenger.token: the pipeline has no [[alerts]]"),
        ("strategy.use.deeper", "strategy.use.deeper: strategy.use is one value, not a table"),
        ("strategy..adx_period", "strategy..adx_period: is no key; write TABLE.OPTION, such as strategy.adx_period"),
        (
            "use",
            (
                "use: unknown table; it is neither part of a pipeline nor a runner "
                "(backtest, live, monte-carlo, optuna, paper, replay, sweep, walk-forward)"
            ),
        ),
    ],
)
def test_a_set_that_reaches_nothing_is_an_error(desk: Desk, key: str, problem: str) -> None:
    [found] = desk.problems(MINIMAL + RISK, sets={key: "1"})
    assert found == f"--set: {problem}"


def test_an_environment_variable_that_reaches_nothing_is_named(desk: Desk) -> None:
    assert desk.problems(env={"QUANTSAIL__STRATEGY__ADX_PEROD": "1"}) == [
        "environment QUANTSAIL__STRATEGY__ADX_PEROD: strategy.adx_perod: unknown option; did you mean adx_period?"
    ]
    assert desk.problems(env={"QUANTSAIL__RISK__MAX_LOSS__LIMIT": "1"}) == [
        "environment QUANTSAIL__RISK__MAX_LOSS__LIMIT: risk.max_loss.limit: the pipeline has no [[risk]]"
    ]


def test_parse_overrides_wants_an_equals_sign() -> None:
    assert parse_overrides(["a.b = 1", "c.d=x=y"]) == {"a.b": "1", "c.d": "x=y"}
    with pytest.raises(InputError) as caught:
        parse_overrides(["strategy.adx_period"])
    assert str(caught.value) == ("--set strategy.adx_period: expects KEY=VALUE, such as --set strategy.adx_period=20")


@pytest.mark.parametrize(
    "text, profile, problem",
    [
        (PROFILE, "fats", "p.toml:13: no profile named 'fats'; did you mean fast?"),
        (PROFILE, "zebra", "p.toml:13: no profile named 'zebra'; profiles: fast"),
        ("", "fast", "p.toml: no profile named 'fast'; the file has no [profiles]"),
        ("[profiles]\nfast = 3\n", "fast", "p.toml:14: profiles.fast: expects a table, got 3"),
        ("[[profiles]]\n", None, "p.toml:13: profiles: expects tables such as [profiles.fast], got a list"),
    ],
)
def test_profiles_that_cannot_be_applied(desk: Desk, text: str, profile: str | None, problem: str) -> None:
    assert desk.problems(MINIMAL + text, profile=profile) == [problem]


def test_a_mistake_inside_a_profile_has_its_line(desk: Desk) -> None:
    text = MINIMAL + '[profiles.fast.strategy]\nadx_period = "12"\n'
    assert desk.load(text).strategy == Trend()
    assert desk.problems(text, profile="fast") == [
        'p.toml:14: strategy.adx_period: expects a whole number, got the text "12"; remove the quotes'
    ]


def test_files_that_extend_each_other_in_a_circle(desk: Desk) -> None:
    desk.write('extends = "p.toml"\n', "b.toml")
    assert desk.problems('extends = "b.toml"\n' + MINIMAL) == [
        "b.toml:1: extends: files extend each other in a circle: p.toml -> b.toml -> p.toml"
    ]
    assert desk.problems('extends = "p.toml"\n' + MINIMAL) == [
        "p.toml:1: extends: files extend each other in a circle: p.toml -> p.toml"
    ]


def test_two_files_may_share_a_base(desk: Desk) -> None:
    desk.write("[pipeline]\nseed = 3\n", "c.toml")
    desk.write('extends = "c.toml"\n', "a.toml")
    desk.write('extends = "c.toml"\n', "b.toml")
    assert desk.load('extends = ["a.toml", "b.toml"]\n' + MINIMAL).seed == 3


@pytest.mark.parametrize(
    "extends, problem",
    [
        ('"gone.toml"', "p.toml:1: extends: gone.toml: no such file; `quantsail init` writes a starter pipeline"),
        ("3", "p.toml:1: extends: expects the path of a file or a list of paths, got 3"),
        ('["a.toml", 3]', "p.toml:1: extends: expects the path of a file or a list of paths, got a list"),
        ('"bad.toml"', "bad.toml:2: is not valid TOML: invalid value (column 5)"),
    ],
)
def test_bases_that_cannot_be_read(desk: Desk, extends: str, problem: str) -> None:
    desk.write("[pipeline]\nx = \n", "bad.toml")
    assert desk.problems(f"extends = {extends}\n" + MINIMAL) == [problem]


def test_a_path_counts_from_the_file_that_it_stands_in(desk: Desk) -> None:
    desk.write('[data]\npath = "candles"\n', "common/base.toml")
    pipeline = desk.load('extends = "common/base.toml"\n' + MINIMAL)
    assert pipeline.source == Folder(path=desk.folder / "common/candles")
    assert pipeline.resolved["data"]["path"] == "common/candles"


def test_resolve_shows_what_was_merged_before_components_matter(desk: Desk) -> None:
    path = desk.write(changed('use = "trend"', 'use = "no-such"\nx = 1'))
    found = resolve(path, overrides={"strategy.y": "2"}, environ={})
    assert found.values["strategy"] == {"use": "no-such", "x": 1, "y": 2}
    assert found.origins["strategy.x"] == "p.toml:9"
    assert found.origins["strategy.y"] == "overrides"
    with pytest.raises(PipelineError):
        resolve("gone.toml")


def test_overrides_from_python_are_not_called_set(desk: Desk) -> None:
    path = desk.write(MINIMAL)
    with pytest.raises(PipelineError) as caught:
        load_pipeline(path, registry=desk.registry, overrides={"strategy.adx_perod": 3}, environ={})
    assert caught.value.problems == ("overrides: strategy.adx_perod: unknown option; did you mean adx_period?",)
