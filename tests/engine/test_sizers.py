"""Sizers in a run: what the trades table shows follows from what had happened by each signal's close."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from quantsail_framework import load_pipeline
from quantsail_framework.engine import MarketData, Simulation, load_market, replay, simulate
from tests.engine.test_reference import assert_alike, assert_identical

PIPELINE = """
[pipeline]
capital = 10_000
[data]
use = "synthetic"
symbols = ["A/USD", "B/USD"]
timeframe = "1h"
start = 2023-01-01
end = 2023-10-01
[strategy]
use = "trend"
allow_short = true
[costs]
use = "basis-points"
[sizer]
"""
SIZERS = {
    "fixed-notional": "notional = 700",
    "volatility-target": "target_volatility_pct = 4.0\nwindow = 60",
    "kelly-fraction": "fraction = 0.2\nmin_trades = 12\nwindow = 25\nmax_position_pct_equity = 100.0",
    "fixed-fractional": "max_participation_pct = 0.5\nparticipation_window = 30",
}


def run(tmp_path: Path, name: str) -> tuple[Simulation, MarketData]:
    file = tmp_path / "pipeline.toml"
    file.write_text(f'{PIPELINE}use = "{name}"\n{SIZERS[name]}\n', encoding="utf-8")
    pipeline = load_pipeline(file)
    data = load_market(pipeline)
    jumped = simulate(pipeline, data)
    assert_identical(jumped, replay(pipeline, data))
    assert_alike(jumped, replay(pipeline, data, feed="rolling"))
    return jumped, data


@pytest.mark.slow
def test_kelly_follows_from_the_trades_that_had_closed(tmp_path: Path) -> None:
    simulation, _ = run(tmp_path, "kelly-fraction")
    table = simulation.trades
    result = table["net_pnl"] / table["risk"]
    words = set()
    for k in range(len(result)):
        # Closed by the close of the signal bar: in that bar or before.
        known = result[table["exit_time"] <= table["signal_time"][k]][-25:]
        wins, losses = known[known > 0.0], -known[known < 0.0]
        share, word = 0.005, "fallback"
        if len(known) >= 12:
            p = len(wins) / len(known)
            kelly = 0.2 * (p / losses.mean() - (1.0 - p) / wins.mean())
            share, word = min(kelly, 0.02), "kelly" if kelly <= 0.02 else "risk"
        assert table["bound_by"][k] in (word, "position", "cash"), k
        if table["bound_by"][k] == word:
            assert table["risk"][k] == pytest.approx(table["equity_at_entry"][k] * share, rel=1e-9)
            words.add(word)
    assert {"fallback", "kelly"} <= words
    assert np.isfinite(result).all()


@pytest.mark.slow
def test_the_cap_on_participation_is_a_share_of_the_volume_before(tmp_path: Path) -> None:
    simulation, data = run(tmp_path, "fixed-fractional")
    table = simulation.trades
    capped = np.flatnonzero(table["bound_by"] == "participation")
    assert len(capped) > 10
    for k in capped:
        bars = data.bars[table["symbol"][k]]
        row = bars.index_at(int(table["signal_time"][k]))
        assert table["quantity"][k] == pytest.approx(0.005 * bars.volume[row - 29 : row + 1].mean(), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name, word", [("fixed-notional", "notional"), ("volatility-target", "volatility")])
def test_the_others_bind_by_their_own_word(name: str, word: str, tmp_path: Path) -> None:
    simulation, _ = run(tmp_path, name)
    assert word in set(simulation.trades["bound_by"])
