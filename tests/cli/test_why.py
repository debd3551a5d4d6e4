"""quantsail why: what was decided at a bar, from tables made by hand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli import made
from tests.plugins_.site import FakeSite


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.write(tmp_path_factory.mktemp("runs") / "made")


def why(site: FakeSite, run: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return site.quantsail("why", "made", *arguments, cwd=run.parent, load="")


def told(site: FakeSite, run: Path, time: str, symbol: str) -> list[str]:
    """What is said below the line that names the bar."""
    done = why(site, run, time, symbol)
    assert (done.returncode, done.stderr) == (0, "")
    title, *lines = done.stdout.splitlines()
    assert title.startswith(f"{symbol}, bar of 2024-01-01 ")
    return lines


BTC = [
    "  reason: close 101 above the highest high 100",
    "  entry: 2024-01-01 02:00 UTC at 100, stop 95, target 110, quantity 2, risk 10, bound by risk",
    "  exit: 2024-01-01 05:00 UTC at 110 by target, gross pnl 20, net pnl 19.5",
]
ETH = [
    "  entry: 2024-01-01 06:00 UTC at 2000.5, stop 2010, quantity 0.25, risk 2.375, bound by position",
    "  exit: 2024-01-01 06:00 UTC at 2010 by stop, gross pnl -2.375, net pnl -3",
]


@pytest.mark.parametrize(
    ("time", "symbol", "lines"),
    [
        ("2024-01-01 01:00", "BTC/USDT", ["decided: long entry, confidence 1, equity at entry 1000", *BTC]),
        ("2024-01-01T02:00Z", "BTC/USDT", ["entered: long, decided at the bar of 2024-01-01 01:00 UTC", *BTC]),
        (
            "2024-01-01 03:59:59",
            "BTC/USDT",
            [
                "held: long, decided at the bar of 2024-01-01 01:00 UTC; meanwhile signals to enter are ignored",
                *BTC,
            ],
        ),
        ("2024-01-01 05:00", "BTC/USDT", ["left: long by target", *BTC]),
        (
            "2024-01-01 04:00",
            "ETH/USDT",
            ["waiting: short entry decided at the bar of 2024-01-01 03:00 UTC has not filled yet", *ETH],
        ),
        (
            "2024-01-01 06:00",
            "ETH/USDT",
            ["entered: short, decided at the bar of 2024-01-01 03:00 UTC", "left: short by stop", *ETH],
        ),
    ],
)
def test_a_trade_is_told_at_each_bar_that_it_covers(
    time: str, symbol: str, lines: list[str], site: FakeSite, run: Path
) -> None:
    assert told(site, run, time, symbol) == lines


def test_every_refusal_is_told_with_its_numbers_and_its_text(site: FakeSite, run: Path) -> None:
    assert told(site, run, "2024-01-01 08:00", "BTC/USDT") == [
        "refused: long entry at 101.25 by max-daily-trades, limit 1, value 1",
        "  1 trade was accepted today, the limit is 1",
        "refused: long entry at 94 by gapped",
        "  the open 94 is beyond the stop 95",
    ]
    assert told(site, run, "2024-01-01 11:00", "BTC/USDT") == [
        "refused: short entry at 99 by min_notional, limit 10, value 7.5"
    ]


def test_where_nothing_was_decided_the_nearest_decisions_are_told(site: FakeSite, run: Path) -> None:
    assert told(site, run, "2024-01-01 07:00", "BTC/USDT") == [
        "nothing was decided",
        "  before: long position left by target at the bar of 2024-01-01 05:00 UTC",
        "  after: long entry refused by max-daily-trades at the bar of 2024-01-01 08:00 UTC",
    ]


def test_a_date_is_its_midnight_and_the_warm_up_is_told(site: FakeSite, run: Path) -> None:
    assert told(site, run, "2024-01-01", "BTC/USDT") == [
        "nothing was decided: the warm-up lasts until the bar of 2024-01-01 01:00 UTC",
        "  before: nothing",
        "  after: long entry decided at the bar of 2024-01-01 01:00 UTC",
    ]


def test_a_time_with_a_zone_is_the_same_moment_elsewhere(site: FakeSite, run: Path) -> None:
    assert told(site, run, "2024-01-01T10:30+02:30", "BTC/USDT") == told(site, run, "2024-01-01 08:00", "BTC/USDT")


def test_json_has_the_rows_of_the_tables(site: FakeSite, run: Path) -> None:
    document = json.loads(why(site, run, "2024-01-01 06:30", "ETH/USDT", "--json").stdout)
    assert (document["run"], document["symbol"], document["bar"]) == ("made", "ETH/USDT", "2024-01-01T06:00:00Z")
    assert [event["event"] for event in document["events"]] == ["entered", "left"]
    trade = document["events"][0]["trade"]
    assert (trade["signal_time"], trade["target"], trade["net_pnl"]) == ("2024-01-01T03:00:00Z", None, -3.0)
    assert (document["refusals"], document["nearest"]) == ([], None)
    document = json.loads(why(site, run, "2024-01-01 08:00", "BTC/USDT", "--json").stdout)
    assert [row["rule"] for row in document["refusals"]] == ["max-daily-trades", "gapped"]
    assert document["refusals"][1]["limit"] is None
    document = json.loads(why(site, run, "2024-01-01 07:00", "ETH/USDT", "--json").stdout)
    assert document["nearest"] == {
        "before": {"bar": "2024-01-01T06:00:00Z", "decision": "short position left by stop"},
        "after": None,
    }


@pytest.mark.parametrize(
    ("time", "symbol", "problem"),
    [
        ("2024-01-01 02:00", "BTC/USD", "the run has no market 'BTC/USD'; did you mean BTC/USDT?"),
        ("2024-01-01 02:00", "XYZ", "the run has no market 'XYZ'; it has BTC/USDT, ETH/USDT"),
        (
            "yesterday",
            "BTC/USDT",
            (
                "'yesterday' is not a time; write 2024-01-31, \"2024-01-31 23:55\" or 2024-01-31T23:55+01:00; "
                "without a zone it is UTC"
            ),
        ),
        (
            "2024-01-01 09:15",
            "BTC/USDT",
            (
                "no bar of the run holds 2024-01-01 09:15 UTC: after the bar of 2024-01-01 08:00 UTC "
                "the next one opens at 2024-01-01 10:00 UTC"
            ),
        ),
        *(
            (
                time,
                "BTC/USDT",
                f"no bar of the run holds {time} UTC: its bars open from 2024-01-01 00:00 UTC to 2024-01-01 11:00 UTC",
            )
            for time in ("2023-12-31 23:59", "2024-01-01 12:00")
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(
    time: str, symbol: str, problem: str, site: FakeSite, run: Path
) -> None:
    done = why(site, run, time, symbol)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {problem}\n")


def test_a_run_without_trades_and_refusals_decided_nothing(site: FakeSite, run: Path) -> None:
    empty = {
        name: {column: values[:0] for column, values in columns.items()} if name != "equity" else columns
        for name, columns in made.result().tables.items()
    }
    made.write(run.parent / "quiet", made.result(tables=empty))
    done = site.quantsail("why", "quiet", "2024-01-01 05:00", "BTC/USDT", cwd=run.parent, load="")
    assert done.stdout.splitlines()[1:] == ["nothing was decided", "  before: nothing", "  after: nothing"]


def test_words_of_a_strategy_cannot_write_to_the_terminal(site: FakeSite, run: Path) -> None:
    tables = made.result().tables
    hostile = {**tables["trades"], "reason": made.np.array(["\x1b[2Jgone\nnothing was decided", None], object)}
    made.write(run.parent / "hostile", made.result(tables={**tables, "trades": hostile}))
    done = site.quantsail("why", "hostile", "2024-01-01 01:00", "BTC/USDT", cwd=run.parent, load="")
    assert "  reason: \ufffd[2Jgone nothing was decided\n" in done.stdout


def test_a_manifest_without_a_timeframe_is_refused(site: FakeSite, run: Path) -> None:
    made.write(run.parent / "timeless", made.result(facts={}))
    done = site.quantsail("why", "timeless", "2024-01-01", "BTC/USDT", cwd=run.parent, load="")
    problem = "the manifest in 'timeless' tells no timeframe: which bar holds a time is not known"
    assert (done.returncode, done.stderr) == (2, f"error: {problem}\n")


def test_a_result_of_another_shape_is_refused(site: FakeSite, run: Path) -> None:
    made.write(run.parent / "draws", made.result(kind="monte-carlo", tables={"draws": {"draw": made.np.arange(3)}}))
    done = site.quantsail("why", "draws", "2024-01-01", "BTC/USDT", cwd=run.parent, load="")
    assert (done.returncode, done.stderr) == (2, "error: no table 'trades' in 'draws'; it has draws\n")
