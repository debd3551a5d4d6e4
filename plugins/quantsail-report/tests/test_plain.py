"""The plain summary, word for word, and what it is independent of."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import attrs
import numpy as np
import pytest

from quantsail_framework.domain.result import RunResult
from quantsail_report.console import ConsoleReporter

GOLDEN = Path(__file__).parent / "golden"
RESULTS = [
    *("full_run", "quiet_run", "long_run", "other_result"),
    *("sweep_result", "pareto_result", "monte_carlo_result"),
]


@pytest.mark.parametrize("name", RESULTS)
def test_summary_word_for_word(name: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleReporter().write(request.getfixturevalue(name), Path("runs") / name)
    assert capsys.readouterr().out == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_the_folder_is_the_last_line(full_run: RunResult, capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleReporter().write(full_run, Path("runs") / "trend-majors")
    assert capsys.readouterr().out.splitlines()[-1] == str(Path("runs") / "trend-majors")


def test_a_folder_known_from_the_facts_is_named(full_run: RunResult, capsys: pytest.CaptureFixture[str]) -> None:
    kept = attrs.evolve(full_run, facts={**full_run.facts, "folder": "runs/from-facts"})
    ConsoleReporter().write(kept, None)
    assert capsys.readouterr().out.splitlines()[-1] == "runs/from-facts"


def test_without_a_folder_the_summary_ends_with_its_last_section(
    full_run: RunResult, capsys: pytest.CaptureFixture[str]
) -> None:
    ConsoleReporter().write(full_run, None)
    assert capsys.readouterr().out.endswith("- ETH/USDT: 2 gaps (7 bars missing), kept\n")


def test_a_bare_result_prints_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    ConsoleReporter().write(RunResult("sweep", "idea", verdict="passed"), None)
    assert capsys.readouterr().out == "idea (sweep)\nverdict  passed\n"


def test_small_accounts_show_small_amounts(full_run: RunResult, capsys: pytest.CaptureFixture[str]) -> None:
    in_btc = {"capital": 0.5, "currency": "BTC"}
    ConsoleReporter().write(attrs.evolve(full_run, facts=in_btc, metrics={"final_equity": 0.50123}), None)
    out = capsys.readouterr().out
    assert "0.50000000 BTC" in out
    assert "0.50123000" in out


def test_losing_trades_have_no_share_of_gross(full_run: RunResult, capsys: pytest.CaptureFixture[str]) -> None:
    # net -500 with costs 225 + 30 + 45 = 300: gross -200
    lost = attrs.evolve(full_run, metrics={**full_run.metrics, "total_net_pnl": -500.0})
    ConsoleReporter().write(lost, None)
    out = capsys.readouterr().out
    assert "gross -200.00 - costs 300.00 = net -500.00" in out
    assert "No share of gross: the trades gained nothing before costs." in out


def test_ruin_is_explained_once_however_many_months_follow(
    full_run: RunResult, capsys: pytest.CaptureFixture[str]
) -> None:
    months = {f"2024-0{month}": {"total_trades": 0, "total_return": None} for month in (3, 4)}
    reasons = {f"by_month.{month}.total_return": "the month started without equity" for month in months}
    ConsoleReporter().write(attrs.evolve(full_run, metrics={"by_month": months}, undefined=reasons), None)
    assert "\nreturn of a month: the month started without equity\n" in capsys.readouterr().out


def test_a_stream_without_the_characters_still_gets_the_summary(
    full_run: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    ConsoleReporter().write(attrs.evolve(full_run, name="Aufwärtstrend"), None)
    assert written.getvalue().startswith(b"Aufw?rtstrend (backtest)")


def test_plain_output_needs_neither_rich_nor_pandas() -> None:
    code = """
import sys
from quantsail_framework.domain.result import RunResult
from quantsail_report.console import ConsoleReporter
ConsoleReporter().write(RunResult("backtest", "demo", metrics={"total_trades": 3}), None)
print([name for name in ("rich", "pandas", "pyarrow") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "demo (backtest)"
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_walk_forward_shows_what_its_verdict_rests_on_and_its_windows(capsys: pytest.CaptureFixture[str]) -> None:
    day = 86_400 * 10**9
    windows = {
        "window": np.array([1, 2]),
        "test_start_time": np.array([19_723, 19_753]) * day,
        "test_end_time": np.array([19_753, 19_783]) * day,
        "status": np.array(["chosen", "flat"], object),
        "strategy.atr_period": np.array([14.0, np.nan]),
        "risk.max-exposure.pct": np.array([62.5, np.nan]),
        "score": np.array([3.456, np.nan]),
        "train_return": np.array([0.1, np.nan]),
        "test_return": np.array([-0.02, 0.0]),
        "test_trades": np.array([7, 0]),
        "test_net_pnl": np.array([-200.0, 0.0]),
    }
    criteria = [
        {"name": "positive_windows", "value": 0.5, "limit": 0.7, "passed": False},
        {"name": "pooled_profit_factor", "value": None, "limit": 1.1, "passed": True},
    ]
    facts = {"parameters": ["strategy.atr_period", "risk.max-exposure.pct"], "criteria": criteria}
    drifts = {"strategy.atr_period": 0.25, "risk.max-exposure.pct": None}
    metrics = {"windows": 2, "positive_windows": 0.5, "parameter_drift": 0.25, "drift_by_parameter": drifts}
    result = RunResult("walk-forward", "wf", {"windows": windows}, metrics, facts=facts, verdict="fail")
    ConsoleReporter().write(result, None)
    assert capsys.readouterr().out.startswith(
        """\
wf (walk-forward)
verdict  fail

Criteria
criterion             value  limit  met
positive windows        0.5    0.7  no
pooled profit factor      -    1.1  yes

Windows
window  test                      chosen                   score    train  test return  trades      net
     1  2024-01-01 to 2024-01-31  atr_period 14, pct 62.5   3.46  +10.00%       -2.00%       7  -200.00
     2  2024-01-31 to 2024-03-01  stays flat                   -        -        0.00%       0     0.00

Walk-forward
windows                                        2
share of windows with a profit            50.00%
drift of the parameters, of their ranges  25.00%
drift of atr_period                       25.00%
drift of pct                                   -
"""
    )


def test_any_result_with_criteria_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    criteria = [{"name": "p95_max_drawdown", "value": 0.12, "limit": 0.2, "passed": True}]
    ConsoleReporter().write(RunResult("monte-carlo", "mc", facts={"criteria": criteria}, verdict="pass"), None)
    assert "p95 max drawdown   0.12    0.2  yes" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["sweep", "walk-forward"])
def test_d033_the_return_at_both_ends_of_ambiguous_bars_is_shown(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    ends = {"total_return_stop_first": 0.1, "total_return_target_first": 0.125}
    metrics = {"total_return": 0.1, "ambiguous_trades": 3, **ends}
    ConsoleReporter().write(RunResult(kind, "s", metrics=metrics), None)
    out = capsys.readouterr().out
    said = "Stop and target in one bar: +10.00% if the stop came first each time, +12.50% if the target did.\n"
    assert said in out
    assert "total_return_" not in out  # nor once more among the figures without a label
    ConsoleReporter().write(RunResult(kind, "s", metrics=metrics | {"ambiguous_trades": 0}), None)
    assert said not in capsys.readouterr().out


def test_figures_of_a_foreign_runner_are_left_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Names that a section knows may hold something else elsewhere."""
    trials = {"trial": np.array([0, 1]), "score": np.array([None, 2.0], object), "sharpe": np.array([np.nan, np.inf])}
    metrics = {"x_p50_max_drawdown": "deep", "intervals_95": 0.5, "bootstrap_p50_max_drawdown": float("nan")}
    facts = {"parameters": ["a.width", "b.width"]}
    walk = {"drift_by_parameter": {"a.width": 0.5, "b.width": 0.25}}
    ConsoleReporter().write(RunResult("foreign", "f", {"trials": trials}, metrics, facts=facts), None)
    ConsoleReporter().write(RunResult("walk-forward", "w", metrics=walk), None)
    out = capsys.readouterr().out
    assert "1      1   2.00       -\n" in out
    assert "x_p50_max_drawdown  deep\n" in out
    assert "intervals_95         0.5\n" in out
    assert "drift of b.width  25.00%\n" in out
    assert "nan" not in out
