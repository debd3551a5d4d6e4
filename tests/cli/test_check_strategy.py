"""``check-strategy``: planted leaks are caught by name and bar, honest strategies pass on real candles."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
from click.testing import CliRunner, Result

from quantsail_framework.cli.check_strategy import check_strategy
from quantsail_framework.errors import NetworkDeniedError

HEADER = """
import attrs
import numpy as np
import pandas as pd

from quantsail_framework import LONG, Enter, Exit, Signals


def entries(bars, rule, stop=None):
    levels = bars.close * 0.97 if stop is None else stop
    return Signals(entry=np.where(np.nan_to_num(rule) > 0, LONG, 0).astype(np.int8), stop=levels)
"""

PIPELINE = """
[pipeline]
name = "leaky"
capital = 10_000
[data]
use = "samples"
symbols = ["EUR/USD"]
timeframe = "1h"
start = 2017-06-01
[strategy]
use = "own.py:Own"
[costs]
use = "basis-points"
[sizer]
use = "fixed-fractional"
"""

LEAKS = {
    "shift": """
        mean = pd.Series(bars.close).rolling(20).mean()
        return entries(bars, pd.Series(bars.close).shift(-1) > mean)
        """,
    "centred": """
        smooth = pd.Series(bars.close).rolling(21, center=True).mean()
        return entries(bars, (bars.close > smooth).to_numpy())
        """,
    "whole-sample scaling": """
        score = (bars.close - bars.close.mean()) / bars.close.std()
        return entries(bars, score < -1.5)
        """,
    "one bar ahead": """
        rising = np.append(bars.close[1:] > bars.close[:-1] * 1.001, False)
        return entries(bars, rising)
        """,
    "filter from the last value": """
        mean = pd.Series(bars.close).rolling(20).mean().to_numpy()
        return entries(bars, (bars.close > mean) & (bars.close[-1] > bars.close[-500:].mean()))
        """,
    "stop alone": """
        mean = pd.Series(bars.close).rolling(20).mean().to_numpy()
        return entries(bars, bars.close > mean, stop=np.append(bars.low[1:], bars.low[-1]) * 0.99)
        """,
    "merge on open labels": """
        hours = bars.informative("4h").bars
        rows = hours.time.searchsorted(bars.time, side="right") - 1
        trend = pd.Series(hours.close).rolling(3).mean().to_numpy()
        return entries(bars, bars.close < trend[np.maximum(rows, 0)])
        """,
    "a forming informative bar": """
        hours = bars.informative("4h").bars
        rows = hours.time.searchsorted(bars.time, side="right") - 1
        return entries(bars, bars.close > hours.high[np.maximum(rows, 0)] * 0.9995)
        """,
}
INFORMATIVE = {"merge on open labels", "a forming informative bar"}


def _write(folder: Path, body: str, *, warmup: int = 25, informative: bool = False, more: str = "") -> Path:
    code = indent(dedent(body).strip(), " " * 8)
    cls = f"@attrs.frozen\nclass Own:\n    warmup: int = {warmup}\n\n    def signals(self, bars):\n{code}\n"
    return _pipeline(folder, cls, informative=informative, more=more)


def _pipeline(folder: Path, cls: str, *, informative: bool = False, more: str = "") -> Path:
    (folder / "own.py").write_text(f"{HEADER}\n\n{dedent(cls)}")
    declared = '[data]\ninformative = ["4h"]' if informative else "[data]"
    file = folder / "own.toml"
    file.write_text(PIPELINE.replace("[data]", declared) + dedent(more))
    return file


def _check(file: Path, *options: object) -> Result:
    return CliRunner().invoke(check_strategy, [str(file), *map(str, options)], catch_exceptions=False)


def _json(file: Path, *options: object) -> dict[str, Any]:
    done = _check(file, "--json", *options)
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (0 if report["ok"] else 1)
    return report


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_look_ahead(leak: str, seed: int, tmp_path: Path) -> None:
    report = _json(_write(tmp_path, LEAKS[leak], informative=leak in INFORMATIVE), "--seed", seed)
    assert {finding["kind"] for finding in report["findings"]} == {"look-ahead"}
    fields = {finding["field"] for finding in report["findings"]}
    assert fields == {"stop"} if leak == "stop alone" else "entry" in fields


def test_the_bar_the_field_and_both_values_are_named(tmp_path: Path) -> None:
    done = _check(_write(tmp_path, LEAKS["one bar ahead"]))
    assert done.exit_code == 1
    title, finding, *rest = done.stdout.splitlines()
    assert title == f"{tmp_path / 'own.toml'}: strategy 'own.py:Own' looks ahead"
    assert re.fullmatch(
        r"  EUR/USD \d{4}-\d\d-\d\d \d\d:00 UTC: entry is [01], and [01] when the bars after "
        r"\d{4}-\d\d-\d\d \d\d:00 UTC (are removed|have other prices) \(differs at \d+ points\)",
        finding,
    )
    assert "the warm-up was not tried" in rest[0]
    again = _check(tmp_path / "own.toml")
    assert again.stdout == done.stdout


def test_the_bar_named_is_the_last_that_a_leak_of_one_bar_can_change(tmp_path: Path) -> None:
    """With the next bar gone, ``shift(-1)`` has nothing to read at the very bar after which the candles end."""
    (finding,) = _json(_write(tmp_path, LEAKS["shift"]))["findings"]
    named = finding["time"].replace("T", " ").replace(":00+00:00", " UTC")
    assert f"the bars after {named} " in finding["change"]


def test_an_informative_leak_names_the_series(tmp_path: Path) -> None:
    done = _check(_write(tmp_path, LEAKS["a forming informative bar"], informative=True))
    assert done.exit_code == 1
    assert "4h bars that had not closed replaced" in done.stdout


ALIGNED = """
        hours = bars.informative("4h")
        trend = hours.align(pd.Series(hours.bars.close).rolling(3).mean().to_numpy())
        return entries(bars, bars.close > trend)
        """


def test_aligned_informative_series_are_honest(tmp_path: Path) -> None:
    report = _json(_write(tmp_path, ALIGNED, informative=True))
    assert report["ok"]
    assert report["checked"][0]["informative"] == ["4h"]


AVERAGE = """
        smooth = pd.Series(bars.close).ewm(span=60, adjust=False).mean().to_numpy()
        return entries(bars, bars.close > smooth, stop=smooth * 0.97)
        """


def test_a_short_warm_up_is_told_apart_from_look_ahead_with_how_many_bars_would_do(tmp_path: Path) -> None:
    # A span of 60 forgets 2 / 61 a bar. The start weighs (59 / 61) ** n and is up to a percent away:
    # 1e-9 of the price is reached where n is about 480. Doubling from 60 that is 480 or 960.
    file = _write(tmp_path, AVERAGE, warmup=60)
    report = _json(file)
    assert {finding["kind"] for finding in report["findings"]} == {"warm-up"}
    assert "stop" in {finding["field"] for finding in report["findings"]}
    assert {finding["enough"] for finding in report["findings"]} <= {480, 960}
    text = _check(file).stdout
    assert "own.py:Own' needs more bars to warm up than it says\n" in text
    assert re.search(r"the declared warm-up is 60 bars; (480|960) would do here", text)
    assert _json(_write(tmp_path, AVERAGE, warmup=1_000))["ok"]


def test_what_never_settles_is_said_not_to(tmp_path: Path) -> None:
    body = "return entries(bars, bars.close > 0, stop=np.cumsum(bars.close - bars.open) + bars.close * 0.5)"
    done = _check(_write(tmp_path, body))
    assert done.exit_code == 1
    assert "no doubling of it that these candles have room for would do" in done.stdout


def test_a_strategy_that_remembers_is_neither(tmp_path: Path) -> None:
    body = """
        self.seen.append(1)
        return entries(bars, bars.close > 0, stop=bars.close * (1 - 0.01 * len(self.seen)))
        """
    code = indent(dedent(body).strip(), " " * 8)
    cls = f"class Own:\n    warmup = 5\n    seen = []\n\n    def signals(self, bars):\n{code}\n"
    report = _json(_pipeline(tmp_path, f"@attrs.define\n{cls}"))
    assert {finding["kind"] for finding in report["findings"]} == {"unrepeatable"}


BY_BAR = """
@attrs.frozen
class Own:
    warmup: int = 30

    def prepare(self, bars):
        closes = pd.Series(bars.close)
        return {{"mean": closes.rolling(20, center={centred}).mean().to_numpy()}}

    def on_bar(self, view, position):
        {decide}
        return None
"""
CAUSAL_DECISION = 'if view.close[-1] > view.now("mean"): return Enter(LONG, stop=view.low[-1] * 0.99)'
BEHIND_THE_VIEW = (
    "later = view._bars.close[view.index + 1 : view.index + 2]\n"
    "        if len(later) and later[0] > view.close[-1]: return Enter(LONG, stop=view.low[-1] * 0.99)"
)


def test_a_bar_strategy_is_caught_by_what_it_prepares(tmp_path: Path) -> None:
    findings = _json(_pipeline(tmp_path, BY_BAR.format(centred=True, decide=CAUSAL_DECISION)))["findings"]
    assert {"prepare 'mean'", "entry"} <= {finding["field"] for finding in findings}


def test_a_bar_strategy_is_caught_by_what_it_decides(tmp_path: Path) -> None:
    findings = _json(_pipeline(tmp_path, BY_BAR.format(centred=False, decide=BEHIND_THE_VIEW)))["findings"]
    assert "entry" in {finding["field"] for finding in findings}
    assert {finding["kind"] for finding in findings} == {"look-ahead"}


def test_an_honest_bar_strategy_passes(tmp_path: Path) -> None:
    assert _json(_pipeline(tmp_path, BY_BAR.format(centred=False, decide=CAUSAL_DECISION)))["ok"]


SHORT_ONLY = (
    'if position is not None and position.side != -1: raise ValueError("it never buys")\n'
    '        if position is not None: return Exit() if view.close[-1] < view.now("mean") else None\n'
    '        if view.close[-1] < view.now("mean"): return Enter(-1, stop=view.high[-1] * 1.01)'
)


def test_a_bar_strategy_that_only_sells_short_is_asked_about_a_short_position(tmp_path: Path) -> None:
    file = _pipeline(tmp_path, BY_BAR.format(centred=False, decide=SHORT_ONLY))
    report = _json(file)
    assert report["ok"]
    assert report["checked"][0]["entries"] > 0


COSTS = """
@attrs.frozen
class Ranked:
    def prepare(self, bars):
        return bars.volume / {whole}

    def costs(self, side, quantity, price, liquidity, market):
        from quantsail_framework import Costs
        return Costs(0.0)


@attrs.frozen
class Own:
    warmup: int = 25

    def signals(self, bars):
        return entries(bars, bars.close > bars.open)
"""


def test_what_a_cost_model_prepares_is_checked_too(tmp_path: Path) -> None:
    leaky = _pipeline(tmp_path, COSTS.format(whole="bars.close.max()"))
    leaky.write_text(leaky.read_text().replace('"basis-points"', '"own.py:Ranked"'))
    done = _check(
        leaky, "--set", 'data.symbols=["GOOGL/USD"]', "--set", "data.timeframe=1d", "--set", "data.start=2010-01-01"
    )
    assert done.exit_code == 1
    assert "cost model 'own.py:Ranked' looks ahead\n  GOOGL/USD" in done.stdout
    assert ": prepare is " in done.stdout


def test_a_strategy_that_never_enters_is_said_to_prove_little(tmp_path: Path) -> None:
    done = _check(_write(tmp_path, "return entries(bars, bars.close < 0)"))
    assert done.exit_code == 0
    assert "no entry seen, so one that looks ahead could not show" in done.stdout


def test_what_is_checked_is_said(tmp_path: Path) -> None:
    done = _check(_write(tmp_path, ALIGNED, informative=True), "--points", 12, "--seed", 3)
    assert done.exit_code == 0
    first, checked, changed = done.stdout.splitlines()
    assert first == f"{tmp_path / 'own.toml'}: no look-ahead, and the warm-up holds"
    assert "12 futures, 12 histories of 25 bars" in checked
    assert changed.endswith("the history begun later; seed 3")


def test_too_few_candles_to_check_are_refused(tmp_path: Path) -> None:
    from quantsail_framework.errors import DataError

    with pytest.raises(DataError, match="nothing is left to check; get more candles"):
        _check(_write(tmp_path, ALIGNED, warmup=50_000, informative=True))


def test_a_strategy_that_fails_on_a_shorter_history_is_told_when(tmp_path: Path) -> None:
    file = _write(tmp_path, "return entries(bars, bars.close > bars.close[3_000])")
    with pytest.raises(IndexError) as caught:
        _check(file)
    assert re.fullmatch(
        r"raised by strategy 'own.py:Own' on EUR/USD when the bars after .* UTC are removed", caught.value.__notes__[0]
    )


REAL = """
[pipeline]
name = "real"
capital = 10_000
[data]
use = "parquet"
path = "{path}"
symbols = ["BTC/USDT", "BNB/USDT"]
timeframe = "1h"
start = 2021-01-01
[strategy]
{strategy}
[costs]
use = "binance-spot"
volatility_window = 200
[sizer]
use = "fixed-fractional"
"""
ADAPTED = """
import numpy as np


class Dips:
    def generate_signal(self, candles):
        close = candles["close"]
        low = close.rolling(20).mean() - 2 * close.rolling(20).std()
        if close.iloc[-1] < low.iloc[-1]:
            return {"signal": "ENTER_LONG", "stop": close.iloc[-1] * 0.98}
        return {"signal": "EXIT" if close.iloc[-1] > close.rolling(20).mean().iloc[-1] else "NO_TRADE"}
"""
SHIPPED = {
    "trend": 'use = "trend"\nallow_short = true',
    "mean-reversion": 'use = "mean-reversion"\nallow_short = true',
    "volatility-expansion": 'use = "volatility-expansion"\nallow_short = true',
    "generate-signal": 'use = "generate-signal"\nclass_name = "dips.py:Dips"\nhistory = 60',
}


POINTS = dict.fromkeys(SHIPPED, 40) | {"generate-signal": 8}  # a frame for each bar takes its time


@pytest.mark.parametrize("strategy", SHIPPED)
def test_no_false_alarm_on_real_candles(strategy: str, shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "dips.py").write_text(ADAPTED)
    file = tmp_path / "real.toml"
    file.write_text(REAL.format(path=(shared_data / "ohlcv" / "binance").resolve(), strategy=SHIPPED[strategy]))
    report = _json(file, "--points", POINTS[strategy])
    assert report["findings"] == []
    assert all(checked["entries"] > 0 for checked in report["checked"][:2])
    assert [checked["component"] for checked in report["checked"]][2:] == ["cost model 'binance-spot'"] * 2


@pytest.mark.parametrize("strategy", SHIPPED)
def test_no_false_alarm_on_the_samples(strategy: str, tmp_path: Path) -> None:
    (tmp_path / "dips.py").write_text(ADAPTED)
    file = tmp_path / "samples.toml"
    options = SHIPPED[strategy] + ("\nvolume_period = 0" if strategy in ("trend", "volatility-expansion") else "")
    file.write_text(PIPELINE.replace('use = "own.py:Own"', options))
    report = _json(file, "--points", POINTS[strategy])
    assert report["findings"] == []
    assert report["checked"][0]["entries"] > 0


@pytest.mark.parametrize("swallowed", [False, True])
def test_a_strategy_has_no_network_here_either(swallowed: bool, tmp_path: Path) -> None:
    asks = """
        import contextlib, socket
        with contextlib.suppress(ERROR):
            socket.create_connection(("127.0.0.1", 9), timeout=1.0)
        return entries(bars, bars.close - bars.open)
        """
    asks = asks.replace("ERROR", "Exception" if swallowed else "LookupError")
    file = _write(tmp_path, asks, warmup=1)
    denied = "strategy 'own.py:Own' tried to look up 127.0.0.1: in a run only components that declare the network"
    if swallowed:
        assert denied in _check(file).stdout.splitlines()[-1]
        (note,) = _json(file)["notes"]
        assert note.startswith(denied)
    else:
        with pytest.raises(NetworkDeniedError, match=re.escape(denied)):
            _check(file)
