"""`quantsail streaks` on trades worked by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from quantsail_framework import RunResult
from quantsail_framework.errors import ResultsError
from quantsail_framework.results import write_files
from quantsail_framework.testing import fakes
from quantsail_framework.testing.examples import example_pipeline, trades_table

from quantsail_streaks.command import command


def told(folder: Path, net_pnl: dict[str, list[float]], *options: str) -> str:
    """What the command prints of a run whose symbols end a trade each in turn, with these results."""
    by_turn = [
        fakes.trade(symbol=symbol, exit_time=2 * turn + later, net_pnl=value)
        for later, (symbol, values) in enumerate(net_pnl.items())
        for turn, value in enumerate(values)
    ]
    result = RunResult("backtest", "example", {"trades": trades_table(by_turn)})
    write_files(result, example_pipeline(), folder, plugins=(), started_ns=0, finished_ns=0)
    outcome = CliRunner().invoke(command, [str(folder), *options], catch_exceptions=False)
    return outcome.output


# In the order of their ends: +5 +1 | +5 +1 | -5 -1 | +5 -1 | -1.
RESULTS = {"BTC/USDT": [5.0, 5.0, -5.0, 5.0], "ETH/USDT": [1.0, 1.0, -1.0, -1.0, -1.0]}


def test_streaks_are_told_by_symbol_and_of_all_trades(tmp_path: Path) -> None:
    assert told(tmp_path, RESULTS).splitlines() == [
        "SYMBOL    TRADES  WINNING  LOSING",
        "BTC/USDT       4        2       1",
        "ETH/USDT       5        2       3",
        "all            9        4       2",
    ]


def test_programs_read_the_same(tmp_path: Path) -> None:
    btc, _, of_all = json.loads(told(tmp_path, RESULTS, "--json"))
    assert btc == {"symbol": "BTC/USDT", "trades": 4, "winning": 2, "losing": 1}
    assert of_all == {"symbol": None, "trades": 9, "winning": 4, "losing": 2}


@pytest.mark.parametrize(
    ("net_pnl", "winning", "losing"),
    [([], 0, 0), ([0.0, 0.0], 0, 0), ([2.0, 0.0, 2.0], 1, 0), ([-1.0, 0.0, -1.0, -1.0], 0, 2)],
)
def test_a_trade_that_wins_nothing_ends_a_streak(
    tmp_path: Path, net_pnl: list[float], winning: int, losing: int
) -> None:
    *_, of_all = json.loads(told(tmp_path, {"BTC/USDT": net_pnl}, "--json"))
    assert (of_all["winning"], of_all["losing"]) == (winning, losing)


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(command, [str(tmp_path / "nowhere")])
    assert isinstance(outcome.exception, ResultsError)
    assert "nowhere" in str(outcome.exception)
