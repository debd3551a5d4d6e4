"""Every way in which a pipeline file can be wrong, with the full text that its writer reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quantsail_framework.config import load_pipeline
from quantsail_framework.errors import PipelineError
from quantsail_framework.plugins import Registry, load_registry
from tests.config.conftest import MINIMAL, Desk, changed
from tests.config.parts import Parts

LAST = MINIMAL.count("\n")  # lines of the minimal pipeline


def test_all_problems_come_at_once_in_reading_order(desk: Desk) -> None:
    text = """\
[pipeline]
capital = "1000"
sede = 1
[data]
use = "foldr"
symbols = ["BNB/USDT", "BNB/USDT"]
timeframe = "5x"
[strategy]
use = "trend"
adx_perod = 14
stop_atr = -1
[costs]
fee_bps = 1.0
[[risk]]
use = "max-loss"
[stretegy]
"""
    sets = {"strategy.mode": "medium"}
    assert desk.problems(text, sets=sets, env={"QUANTSAIL__PIPELINE__SEED": "-1"}) == [
        "p.toml: sizer: the table [sizer] is missing",
        'p.toml:2: pipeline.capital: expects a number, got the text "1000"; remove the quotes',
        "p.toml:3: pipeline.sede: unknown option; did you mean seed?",
        "p.toml:5: data.use: no data source named 'foldr'; did you mean 'folder'? Installed: folder.",
        "p.toml:6: data.symbols: names BNB/USDT more than once",
        (
            "p.toml:7: data.timeframe: timeframe '5x' is not a count and one of s, m, h, d, w (such as '5m' or '1h'); "
            "calendar months have no fixed length and are not supported"
        ),
        "p.toml:10: strategy.adx_perod: unknown option; did you mean adx_period?",
        "p.toml:11: strategy.stop_atr: must be > 0, got -1.0",
        "p.toml:12: costs.use: required option is missing; installed: flat, sum",
        "p.toml:14: risk.max-loss.limit: required option is missing",
        "p.toml:16: stretegy: unknown table; did you mean strategy?",
        '--set: strategy.mode: expects "fast" or "slow", got the text "medium"',
        "environment QUANTSAIL__PIPELINE__SEED: pipeline.seed: must be >= 0, got -1",
    ]


def test_d035_unknown_keys_are_an_error(desk: Desk) -> None:
    text = MINIMAL + '[[risk]]\nuse = "max-loss"\nlimit = 1\nlimits = 2\n[[reporters]]\nuse = "printer"\nzebra = 1\n'
    text = text.replace("[data]\n", "[data]\nsymbol = 1\n").replace("[strategy]\n", "[strategy]\nmin_profit_usd = 1\n")
    assert desk.problems("wlak-forward.x = 1\nbreakers = {}\n" + text) == [
        "p.toml:1: wlak-forward: unknown table; did you mean walk-forward?",
        (
            "p.toml:2: breakers: unknown table; it is neither part of a pipeline nor a runner "
            "(backtest, live, monte-carlo, optuna, paper, replay, sweep, walk-forward)"
        ),
        "p.toml:6: data.symbol: unknown option; did you mean symbols?",
        "p.toml:11: strategy.min_profit_usd: unknown option; trend has adx_period, stop_atr, allow_short, mode",
        "p.toml:20: risk.max-loss.limits: unknown option; did you mean limit?",
        "p.toml:23: reporters.printer.zebra: unknown option; printer has width",
    ]


@pytest.mark.parametrize(
    "option, problem",
    [
        ("adx_period = 0", "must be >= 2, got 0"),
        ("adx_period = -5", "must be >= 2, got -5"),
        ('adx_period = "14"', 'expects a whole number, got the text "14"; remove the quotes'),
        ('adx_period = "fast"', 'expects a whole number, got the text "fast"'),
        ("adx_period = 14.0", "expects a whole number, got 14.0"),
        ("adx_period = true", "expects a whole number, got true"),
        ("adx_period = [14]", "expects a whole number, got a list"),
        ("adx_period = { x = 1 }", "expects a whole number, got a table"),
        ("adx_period = 2023-01-01", "expects a whole number, got the date 2023-01-01"),
        ('stop_atr = "2.0"', 'expects a number, got the text "2.0"; remove the quotes'),
        ("stop_atr = false", "expects a number, got false"),
        ("stop_atr = nan", "expects a finite number, got nan"),
        ("stop_atr = inf", "expects a finite number, got inf"),
        ("stop_atr = 0", "must be > 0, got 0.0"),
        ('allow_short = "True"', 'expects true or false, got the text "True"; write true'),
        ('allow_short = "true"', 'expects true or false, got the text "true"; remove the quotes'),
        ("allow_short = 1", "expects true or false, got 1"),
        ('mode = "slwo"', 'expects "fast" or "slow", got the text "slwo"; did you mean slow?'),
        ("mode = 3", 'expects "fast" or "slow", got 3'),
    ],
)
def test_d080_parameters_are_checked_before_data_loads(desk: Desk, option: str, problem: str) -> None:
    text = changed('use = "trend"', f'use = "trend"\n{option}')
    assert desk.problems(text) == [f"p.toml:9: strategy.{option.split(' ', maxsplit=1)[0]}: {problem}"]


def test_d118_a_missing_limit_is_named_with_its_line(desk: Desk) -> None:
    text = MINIMAL + '[[risk]]\nuse = "max-exposure"\n[[risk]]\nuse = "max-loss"\n[[risk]]\nuse = "max-loss"\n'
    assert desk.problems(text) == [
        f"p.toml:{LAST + 3}: risk.max-loss.limit: required option is missing",
        f"p.toml:{LAST + 5}: risk.max-loss-2.limit: required option is missing",
    ]


@pytest.mark.parametrize(
    "option, problem",
    [
        ("levels = [{ price = 1.0 }, { price = 0 }]", "levels[1].price: must be > 0, got 0.0"),
        ("levels = [{ price = 1, prize = 1.0 }]", "levels[0].prize: unknown option; did you mean price?"),
        ("levels = [3]", "levels[0]: expects a table, got 3"),
        ("levels = 3", "levels: expects a list of tables, got 3"),
        ('names = "a"', 'names: expects a list of text, got the text "a"; write a list: ["a"]'),
        ("names = [1]", "names[0]: expects text, got 1; put it in quotes"),
        ("names = [2023-01-01]", "names[0]: expects text, got the date 2023-01-01; put it in quotes"),
        ('weights.a = "1"', 'weights.a: expects a number, got the text "1"; remove the quotes'),
        ("weights = 1", "weights: expects a table, got 1"),
        ("band = [1.0]", "band: expects a list of 2: a number, a number, got 1 items"),
        ('band = [1.0, "x"]', 'band[1]: expects a number, got the text "x"'),
        ("cap = 0", "cap: must be > 0, got 0.0"),
        ("size = 1.5", "size: expects a whole number or text, got 1.5"),
        ('day = "2023-13-01"', 'day: expects a date, got the text "2023-13-01"; there is no such day'),
        ('day = "2023-01-01"', 'day: expects a date, got the text "2023-01-01"; remove the quotes'),
        ("day = 2023-01-01T00:00:00Z", "day: expects a date, got the date-time 2023-01-01T00:00:00+00:00"),
        (
            "moment = 2023-01-01T05:00:00",
            "moment: the date-time 2023-01-01T05:00:00 has no zone; write 2023-01-01T05:00:00Z for UTC",
        ),
        ("moment = 07:32:00", "moment: expects a date, got 07:32:00"),
        ("other = 5", "other: expects a timeframe, got 5; put it in quotes"),
        ('grade = "c"', "grade: must be in ('a', 'b') (got 'c')"),
    ],
)
def test_options_of_every_type(desk: Desk, option: str, problem: str) -> None:
    [found] = desk.problems(changed('use = "trend"', f'use = "levels"\n{option}'))
    assert found == f"p.toml:9: strategy.{problem}"


def test_problems_in_a_list_over_several_lines_have_their_own_lines(desk: Desk) -> None:
    text = changed('use = "trend"', 'use = "levels"\nlevels = [\n  { price = 1 },\n  { price = -1 },\n]')
    assert desk.problems(text) == ["p.toml:11: strategy.levels[1].price: must be > 0, got -1.0"]


def test_what_a_class_refuses_as_a_whole_stands_at_its_table(desk: Desk) -> None:
    text = changed('use = "trend"', 'use = "crossing"\nfast = 60')
    assert desk.problems(text) == ["p.toml:7: strategy: fast must be below slow, but 60 >= 50"]


@pytest.mark.parametrize(
    "old, new, problem",
    [
        ("capital = 1000", "", "p.toml:1: pipeline.capital: required option is missing"),
        ("capital = 1000", "capital = 0", "p.toml:2: pipeline.capital: must be > 0, got 0.0"),
        ("capital = 1000", "capital = inf", "p.toml:2: pipeline.capital: expects a finite number, got inf"),
        (
            "capital = 1000",
            'capital = 1000\nname = "../x"',
            (
                "p.toml:3: pipeline.name: names the run folder: letters, digits, space and . + - _ only, "
                "a letter or digit first"
            ),
        ),
        (
            "capital = 1000",
            'capital = 1000\ntimezone = "Europe/Berln"',
            'p.toml:3: pipeline.timezone: "Europe/Berln" is not an IANA time zone; did you mean Europe/Berlin?',
        ),
        (
            "capital = 1000",
            'capital = 1000\ntimezone = "../etc"',
            'p.toml:3: pipeline.timezone: "../etc" is not an IANA time zone such as "Europe/Berlin"',
        ),
        ("capital = 1000", "capital = 1000\nseed = 1.5", "p.toml:3: pipeline.seed: expects a whole number, got 1.5"),
        ("capital = 1000", 'capital = 1000\ncurrency = " "', "p.toml:3: pipeline.currency: must not be empty"),
        (
            "capital = 1000",
            'capital = 1000\ncurrency = "EUR"',
            "p.toml:3: pipeline.currency: is EUR, but the symbols are priced in USDT; remove it or run other symbols",
        ),
        (
            "capital = 1000",
            'capital = 1000\nrunner = "bakctest"',
            "p.toml:3: pipeline.runner: no runner named 'bakctest'; did you mean 'backtest'? Installed: backtest.",
        ),
        ('["BNB/USDT"]', "[]", "p.toml:5: data.symbols: must name at least one symbol"),
        ('["BNB/USDT"]', '[" "]', "p.toml:5: data.symbols: holds an empty symbol"),
        (
            '["BNB/USDT"]',
            '"BNB/USDT"',
            'p.toml:5: data.symbols: expects a list of text, got the text "BNB/USDT"; write a list: ["BNB/USDT"]',
        ),
        (
            '["BNB/USDT"]',
            '["BNB/USDT", "EUR/USD"]',
            (
                "p.toml:5: data.symbols: must share one quote currency, but are priced: BNB/USDT in USDT, "
                "EUR/USD in USD; run them apart"
            ),
        ),
        (
            '["BNB/USDT"]',
            '["BNB/USDT", "GOOGL"]',
            (
                "p.toml:5: data.symbols: must share one quote currency, but are priced: BNB/USDT in USDT, "
                "GOOGL in an unknown currency; say which with [pipeline] currency"
            ),
        ),
        ('timeframe = "5m"', "", "p.toml:3: data.timeframe: required option is missing"),
        (
            'timeframe = "5m"',
            'timeframe = "5m"\nstart = 2023-01-02\nend = 2023-01-02',
            "p.toml:8: data.end: must be after start, 2023-01-02T00:00:00Z; it is 2023-01-02T00:00:00Z",
        ),
        (
            'timeframe = "5m"',
            'timeframe = "5m"\nstart = 2023-01-01T00:00:00',
            "p.toml:7: data.start: the date-time 2023-01-01T00:00:00 has no zone; write 2023-01-01T00:00:00Z for UTC",
        ),
        (
            'timeframe = "5m"',
            'timeframe = "5m"\nstart = "2023-01-01"',
            'p.toml:7: data.start: expects a date, got the text "2023-01-01"; remove the quotes',
        ),
        (
            'timeframe = "5m"',
            'timeframe = "5m"\nend = 9999-12-31',
            "p.toml:7: data.end: must lie between 1900 and 2261",
        ),
        (
            'timeframe = "5m"',
            'timeframe = "5m"\ngaps = "drop"',
            'p.toml:7: data.gaps: expects "keep", "fail" or "fill", got the text "drop"',
        ),
        (
            'timeframe = "5m"',
            'timeframe = "5m"\ninformative = ["1h", "@1h"]',
            'p.toml:7: data.informative: "@1h" names no symbol before the @',
        ),
        (
            'timeframe = "5m"',
            'timeframe = "5m"\ninformative = ["1h", "1h"]',
            "p.toml:7: data.informative: names 1h more than once",
        ),
        (
            'use = "flat"',
            "use = 3",
            "p.toml:10: costs.use: expects the name of a component in quotes; installed: flat, sum",
        ),
        (
            'use = "flat"',
            'use = ""',
            "p.toml:10: costs.use: expects the name of a component in quotes; installed: flat, sum",
        ),
        (
            'use = "trend"',
            'use = "portless"',
            (
                "p.toml:8: strategy.use: Portless is not a strategy: it has neither signals() (decides over arrays) "
                "nor on_bar() (decides bar by bar)"
            ),
        ),
        (
            'use = "trend"',
            'use = "plain"',
            "p.toml:8: strategy.use: Plain is not an attrs class; put @attrs.frozen on it, its fields are its options",
        ),
        (
            'use = "trend"',
            'use = "hollow"',
            (
                "p.toml:8: strategy.use: strategy 'hollow' of Parts cannot be imported from no_such_module:Hollow: "
                "ModuleNotFoundError: No module named 'no_such_module'; "
                "reinstall Parts with what it needs, or switch it off with --no-plugin Parts"
            ),
        ),
        ('[strategy]\nuse = "trend"', "[[strategy]]", "p.toml:7: strategy: expects a table, got a list"),
        (
            '[strategy]\nuse = "trend"',
            '[strategy]\nuse = "trend"\n[risk]\nuse = "max-exposure"',
            "p.toml:9: risk: expects a list: write [[risk]], not [risk]",
        ),
    ],
)
def test_each_table_says_what_is_wrong(desk: Desk, old: str, new: str, problem: str) -> None:
    [found] = desk.problems(changed(old, new))
    assert found == problem


def test_scalars_where_tables_belong(desk: Desk) -> None:
    assert desk.problems(
        'pipeline = 1\ndata = 2\nstrategy = 3\ncosts = "x"\nsizer = []\nrisk = ["a"]\nbacktest = 4'
    ) == [
        "p.toml:1: pipeline: expects a table, got 1",
        "p.toml:2: data: expects a table, got 2",
        "p.toml:3: strategy: expects a table, got 3",
        'p.toml:4: costs: expects a table, got the text "x"',
        "p.toml:5: sizer: expects a table, got a list",
        'p.toml:6: risk[0]: expects a table, got the text "a"',
        "p.toml:7: backtest: expects a table, got 4",
    ]


def test_an_empty_file_names_what_is_required(desk: Desk) -> None:
    assert desk.problems("") == [
        "p.toml: data: the table [data] is missing",
        "p.toml: strategy: the table [strategy] is missing",
        "p.toml: costs: the table [costs] is missing",
        "p.toml: sizer: the table [sizer] is missing",
        "p.toml: pipeline.capital: required option is missing",
    ]


def test_items_of_a_list_without_a_name(desk: Desk) -> None:
    assert desk.problems(MINIMAL + "[[risk]]\nlimit = 3\n") == [
        f"p.toml:{LAST + 1}: risk[0].use: required option is missing; installed: max-exposure, max-loss"
    ]


def test_options_of_the_runner_are_checked(desk: Desk) -> None:
    text = MINIMAL + '[backtest]\nboth_toched = "x"\nboth_touched = "first"\n'
    assert desk.problems(text) == [
        f"p.toml:{LAST + 2}: backtest.both_toched: unknown option; did you mean both_touched?",
        (f'p.toml:{LAST + 3}: backtest.both_touched: expects "stop_first" or "target_first", got the text "first"'),
    ]


def test_a_runner_that_is_not_installed_is_named_with_its_source(desk: Desk) -> None:
    assert desk.problems(runner="walk-forward") == [
        "--runner: pipeline.runner: no runner named 'walk-forward'. Installed: backtest."
    ]


def test_with_nothing_installed_the_remedy_is_named(desk: Desk) -> None:
    with pytest.raises(PipelineError) as caught:
        load_pipeline(desk.write(MINIMAL), registry=Registry((), ()), environ={})
    remedy = "pip install 'quantsail-framework[standard]' brings the first-party ones."
    assert caught.value.problems == (
        f"p.toml:1: pipeline.runner: no runner named 'backtest': no runner is installed; {remedy}",
        f"p.toml:4: data.use: no data source named 'folder': no data source is installed; {remedy}",
        f"p.toml:8: strategy.use: no strategy named 'trend': no strategy is installed; {remedy}",
        f"p.toml:10: costs.use: no cost model named 'flat': no cost model is installed; {remedy}",
        f"p.toml:12: sizer.use: no sizer named 'fixed': no sizer is installed; {remedy}",
    )


# -- [plugins] ------------------------------------------------------------------------------------


def test_only_leaves_out_other_plugins(desk: Desk) -> None:
    text = MINIMAL + '[plugins]\nonly = ["Prats"]\n'
    assert (
        desk.problems(text)[-1] == f"p.toml:{LAST + 2}: plugins.only[0]: no plugin named 'Prats'; did you mean Parts?"
    )
    assert desk.problems(text)[0] == (
        "p.toml:4: data.use: 'folder' is of plugin 'Parts', which [plugins] only leaves out; add \"Parts\""
    )
    allowed = desk.load(MINIMAL + '[plugins]\nonly = ["Parts"]\n')
    assert allowed.resolved["plugins"] == {"only": ["Parts"], "pins": {}}


def test_pins_must_match_what_is_installed(desk: Desk) -> None:
    text = MINIMAL + '[plugins.pins]\nParts = "9.9"\nzebra = "1"\n'
    assert desk.problems(text) == [
        f"p.toml:{LAST + 2}: plugins.pins.Parts: asks for Parts 9.9, installed is ",
        f"p.toml:{LAST + 3}: plugins.pins.zebra: no plugin named 'zebra'",
    ]


def test_only_loads_no_other_plugin_and_tells_of_unknown_ones_with_their_line(desk: Desk) -> None:
    path = desk.write(MINIMAL + '[plugins]\nonly = ["smaples"]\n')
    with pytest.raises(PipelineError) as caught:
        load_pipeline(path, environ={})
    assert (
        f"p.toml:{LAST + 2}: plugins.only[0]: no plugin named 'smaples'; did you mean samples?" in caught.value.problems
    )


# -- files ----------------------------------------------------------------------------------------


def problem_of(path: str | Path, registry: Registry) -> str:
    with pytest.raises(PipelineError) as caught:
        load_pipeline(path, registry=registry, environ={})
    [problem] = caught.value.problems
    return problem


def test_files_that_cannot_be_read(desk: Desk) -> None:
    (desk.folder / "folder.toml").mkdir()
    (desk.folder / "latin.toml").write_bytes('name = "caf\u00e9"'.encode("latin-1"))
    assert problem_of("gone.toml", desk.registry) == (
        "gone.toml: no such file; `quantsail init` writes a starter pipeline"
    )
    assert problem_of("folder.toml", desk.registry) == "folder.toml: is a folder, not a pipeline file"
    assert problem_of("latin.toml", desk.registry) == (
        "latin.toml: is not UTF-8 text: byte 11 is 0xe9; save it as UTF-8"
    )
    assert problem_of("latin.toml/x.toml", desk.registry) == "latin.toml/x.toml: cannot be read: Not a directory"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions stop")
def test_a_file_without_permission(desk: Desk) -> None:
    (desk.folder / desk.write(MINIMAL)).chmod(0)
    assert problem_of("p.toml", desk.registry) == "p.toml: cannot be read: Permission denied"


@pytest.mark.parametrize(
    "text, problem",
    [
        ("[pipeline]\ncapital = \n", "p.toml:2: is not valid TOML: invalid value (column 11)"),
        ("a = 1\na = 2\n", "p.toml:2: is not valid TOML: cannot overwrite a value (column 6)"),
        ("[pipeline\n", "p.toml:1: is not valid TOML: expected ']' at the end of a table declaration (column 10)"),
        ('a = """x\n\n', "p.toml:3: is not valid TOML: unterminated string at the end of the file"),
        ("a = " + "[" * 5000, "p.toml: is not valid TOML: nested too deeply"),
    ],
)
def test_toml_that_cannot_be_parsed_is_refused_with_its_line(desk: Desk, text: str, problem: str) -> None:
    assert problem_of(desk.write(text), desk.registry) == problem


def test_a_broken_registry_still_names_the_line(desk: Desk) -> None:
    twice = load_registry(only=[], extra=[Parts(), Parts()])
    with pytest.raises(PipelineError) as caught:
        load_pipeline(desk.write(MINIMAL), registry=twice, environ={})
    assert caught.value.problems[1] == (
        "p.toml:4: data.use: data source 'folder' is offered twice, by Parts and Parts; "
        "uninstall one, or switch one off with --no-plugin Parts"
    )
