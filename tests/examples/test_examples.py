"""Every example runs as its first lines say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from quantsail_framework import RunResult, load_pipeline, run
from quantsail_framework.results import read_run

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
STARTER = ROOT / "quantsail_framework" / "cli" / "starter.toml"
FILES = {"manifest.json", "metrics.json", "trades.parquet", "equity.parquet", "refusals.parquet"}


def _quantsail(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "quantsail", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _ended(result: RunResult) -> dict[str, int]:
    """How many trades ended for each reason."""
    reasons = list(result.trades["exit_reason"])
    return {reason: reasons.count(reason) for reason in sorted(set(reasons))}


def test_the_quickstart_prints_a_summary_and_the_path_of_a_complete_run_folder(tmp_path: Path) -> None:
    done = _quantsail("run", EXAMPLES / "quickstart.toml", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "run") in done.stdout.splitlines()[-1]
    assert "EUR/USD" in done.stdout
    assert {path.name for path in (tmp_path / "run").iterdir()} >= FILES
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert "total_return" in json.dumps(metrics)


def test_the_quickstart_trades_both_ways_often_enough_to_look_at() -> None:
    result = run(load_pipeline(EXAMPLES / "quickstart.toml"))
    assert len(result.trades["symbol"]) >= 100
    assert set(result.trades["side"]) == {"long", "short"}
    assert {"stop", "target"} <= set(_ended(result))
    assert "profitability-gate" in set(result.refusals["rule"])


def test_the_quickstart_risks_what_its_comment_says() -> None:
    """A tenth of a percent of equity at most, and exactly that in most trades; the others reach half of the equity."""
    trades = run(load_pipeline(EXAMPLES / "quickstart.toml")).trades
    share = trades["risk"] / trades["equity_at_entry"]
    assert share.max() == pytest.approx(0.001)
    by_risk = trades["bound_by"] == "risk"
    assert by_risk.sum() > len(share) / 2
    assert share[by_risk] == pytest.approx(0.001)
    assert set(trades["bound_by"][~by_risk]) == {"position"}


def test_the_cautious_profile_of_the_starter_risks_half_as_much() -> None:
    usual, cautious = (run(load_pipeline(STARTER, profile=profile)) for profile in (None, "cautious"))
    risks = [(result.trades["risk"] / result.trades["equity_at_entry"]).max() for result in (usual, cautious)]
    assert risks == pytest.approx([0.001, 0.0005])
    assert 0.0 < cautious.metrics["max_drawdown"] < usual.metrics["max_drawdown"]
    assert "max-daily-loss" in set(usual.refusals["rule"])


def test_two_runs_of_the_quickstart_leave_the_same_bytes_but_for_times_in_the_manifest(tmp_path: Path) -> None:
    for name in ("one", "two"):
        run(load_pipeline(EXAMPLES / "quickstart.toml"), out=tmp_path / name)
    for file in FILES - {"manifest.json"}:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_the_local_strategy_protects_what_it_has_won() -> None:
    result = run(load_pipeline(EXAMPLES / "local-strategy.toml"))
    assert _ended(result)["signal"] >= 10
    # A stop that was moved to the entry price ends the trade there: nothing lost but the costs.
    at_entry = (result.trades["exit_reason"] == "stop") & (result.trades["exit_price"] == result.trades["entry_price"])
    assert at_entry.any()
    assert (result.trades["stop"] < result.trades["entry_price"]).all()


def test_the_crypto_example_runs_on_a_folder_of_binance_candles(shared_data: Path) -> None:
    overrides = {"data.path": str(shared_data / "ohlcv" / "binance")}
    result = run(load_pipeline(EXAMPLES / "crypto-trend.toml", overrides=overrides))
    assert set(result.trades["symbol"]) == {f"{name}/USDT" for name in ("BTC", "ETH", "BNB", "SOL", "XRP", "ADA")}
    assert set(result.refusals["rule"]) >= {"max-daily-trades", "max-correlated-positions"}


def test_a_profile_of_the_crypto_example_trades_one_market(shared_data: Path) -> None:
    overrides = {"data.path": str(shared_data / "ohlcv" / "binance"), "data.start": "2023-06-01"}
    result = run(load_pipeline(EXAMPLES / "crypto-trend.toml", profile="btc", overrides=overrides))
    assert set(result.trades["symbol"]) == {"BTC/USDT"}


def test_the_crypto_example_without_candles_says_where_it_looked() -> None:
    done = _quantsail("run", EXAMPLES / "crypto-trend.toml")
    assert done.returncode == 2
    assert "binance" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_sweep_tries_every_combination_that_its_constraint_allows(tmp_path: Path) -> None:
    result = run(load_pipeline(EXAMPLES / "sweep.toml"), out=tmp_path / "run")
    trials = result.tables["trials"]
    # Stops of 1, 1.5, 2, 2.5 and 3 ATR: two are below a target of 2, four below 3, all below 4; three lookbacks each.
    assert len(trials["trial"]) == 3 * (2 + 4 + 5)
    assert set(trials["status"]) == {"ok"}
    assert result.facts["best"] is not None
    assert (tmp_path / "run" / "trials.parquet").is_file()


def test_the_walk_forward_example_ends_with_a_verdict_and_its_criteria(tmp_path: Path) -> None:
    done = _quantsail("run", EXAMPLES / "walk-forward.toml", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    for shown in ("verdict   fail", "positive windows", "pooled profit factor", "stays flat"):
        assert shown in done.stdout
    assert {path.name for path in (tmp_path / "run").iterdir()} >= FILES | {"trials.parquet", "windows.parquet"}
    assert list(tmp_path.iterdir()) == [tmp_path / "run"]  # the journal of trials is gone with the need for it


def test_the_quickstart_walks_forward_with_one_more_table(tmp_path: Path) -> None:
    table = "[walk-forward]\nparameters = { strategy.lookback = [10, 20, 40], strategy.adx_threshold = [20, 25, 30] }\n"
    file = tmp_path / "mine.toml"
    file.write_text((EXAMPLES / "quickstart.toml").read_text(encoding="utf-8") + table, encoding="utf-8")
    done = _quantsail("walk-forward", file, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    walked, example = read_run(tmp_path / "run").result(), run(load_pipeline(EXAMPLES / "walk-forward.toml"))
    assert walked.verdict == example.verdict == "fail"
    assert walked.trades["entry_time"].tolist() == example.trades["entry_time"].tolist()
    assert len(walked.tables["trials"]["score"]) == 9 * len(walked.tables["windows"]["window"])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("step_days=0", "walk-forward.step_days: must be > 0, got 0"),
        ("step_days=10", "test windows would overlap and count bars twice"),
        ("train_days=400", "the first window needs 415 days"),
        ("parameters.strategy.lookbak=[1]", "strategy.lookbak: unknown option; did you mean lookback?"),
    ],
)
def test_a_walk_that_cannot_be_made_says_why(options: str, text: str, tmp_path: Path) -> None:
    done = _quantsail(
        "run", EXAMPLES / "walk-forward.toml", "--out", tmp_path / "run", "--set", f"walk-forward.{options}"
    )
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_monte_carlo_example_tests_the_quickstart() -> None:
    fewer = {"monte-carlo.draws": 500, "monte-carlo.jitter_draws": 10, "monte-carlo.cost_runs": 4}
    result = run(load_pipeline(EXAMPLES / "monte-carlo.toml", overrides=fewer))
    quickstart = run(load_pipeline(EXAMPLES / "quickstart.toml"))
    assert result.trades["net_pnl"].tolist() == quickstart.trades["net_pnl"].tolist()
    assert result.verdict == "pass"
    assert len(result.facts["criteria"]) == 3
    # Dearer fills leave less.
    medians = [result.metrics[f"cost_jitter_{level}_p50_total_return"] for level in (1.0, 1.5, 2.0)]
    assert quickstart.metrics["total_return"] == pytest.approx(medians[0], rel=0.05)
    assert medians[0] > medians[1] > medians[2] > 0.0


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_example_is_named_in_a_test_here(file: Path) -> None:
    assert file.name in Path(__file__).read_text(encoding="utf-8")
