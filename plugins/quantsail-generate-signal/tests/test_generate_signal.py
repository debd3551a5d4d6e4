"""What ``generate-signal`` hands to a class of the other form, and what it makes of its answers."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework import LONG, Bars, BarView, ClassReference, Enter, Exit, load_pipeline
from quantsail_framework.config import build
from quantsail_framework.errors import ComponentError, PipelineError
from quantsail_framework.testing import markets
from quantsail_framework.testing.fakes import position
from quantsail_generate_signal.strategy import GenerateSignalStrategy

# A class whose answer, and whatever else it does, a test writes into the file.
TEMPLATE = """\
class Old:
    def __init__(self, symbol="ADA/USDT", answer=None):
        self.symbol, self.answer = symbol, answer

    def generate_signal(self, candles):
        {body}
"""
ENTRY = {
    "signal": "ENTER_LONG",
    "entry": 1.0,
    "stop": 90.0,
    "target": 110.0,
    "confidence": 0.7,
    "rationale": "because",
}
MARKET = markets.random_walk(1, 30)


def adapter(folder: Path, body: str = "return self.answer", **options: Any) -> GenerateSignalStrategy:
    (folder / "old.py").write_text(TEMPLATE.format(body=body), encoding="utf-8")
    return GenerateSignalStrategy(ClassReference("old.py:Old", folder), **options)


def answered(folder: Path, answer: Any, *, held: bool = False) -> Any:
    strategy = adapter(folder, parameters={"answer": answer})
    return strategy.on_bar(BarView(MARKET, {}, 29), position() if held else None)


def test_an_entry_becomes_an_entry(tmp_path: Path) -> None:
    assert answered(tmp_path, ENTRY) == Enter(LONG, stop=90.0, target=110.0, confidence=0.7, reason="because")


def test_what_the_interface_lets_out_may_be_left_out(tmp_path: Path) -> None:
    assert answered(tmp_path, {"signal": "NO_TRADE"}) is None
    assert answered(tmp_path, {"signal": "NO_TRADE", "stop": None, "rationale": "ADX=nan"}) is None
    assert answered(tmp_path, {"signal": "ENTER_LONG", "stop": np.float32(90)}) == Enter(LONG, stop=90.0)
    assert answered(tmp_path, {"signal": "ENTER_LONG", "stop": 90, "target": None}) == Enter(LONG, stop=90.0)


def test_an_exit_closes_what_is_open_and_nothing_else(tmp_path: Path) -> None:
    assert answered(tmp_path, {"signal": "EXIT"}, held=True) == Exit()
    assert answered(tmp_path, {"signal": "EXIT"}) is None


@pytest.mark.parametrize(
    "answer, problem",
    [
        (None, "generate_signal returned None; it must return a dict with 'signal'"),
        ("EXIT", "generate_signal returned 'EXIT'; it must return a dict with 'signal'"),
        ({}, "'signal' is None; it must be ENTER_LONG, EXIT or NO_TRADE"),
        ({"signal": "ENTER_SHORT"}, "'signal' is 'ENTER_SHORT'; it must be ENTER_LONG, EXIT or NO_TRADE"),
        ({"signal": ["EXIT"]}, "'signal' is ['EXIT']; it must be ENTER_LONG, EXIT or NO_TRADE"),
        ({"signal": "ENTER_LONG"}, "'stop' is missing; an entry needs a finite number there"),
        (ENTRY | {"stop": None}, "'stop' is None; an entry needs a finite number there"),
        (ENTRY | {"stop": float("nan")}, "'stop' is nan; an entry needs a finite number there"),
        (ENTRY | {"stop": "90"}, "'stop' is '90'; an entry needs a finite number there"),
        (ENTRY | {"stop": True}, "'stop' is True; an entry needs a finite number there"),
        (ENTRY | {"target": float("inf")}, "'target' is inf; an entry needs a finite number there"),
        (ENTRY | {"confidence": 7}, "'confidence' is 7.0; it must lie between 0 and 1"),
        (ENTRY | {"confidence": None}, "'confidence' is None; an entry needs a finite number there"),
    ],
)
def test_d081_what_is_no_answer_names_class_symbol_and_bar(tmp_path: Path, answer: Any, problem: str) -> None:
    with pytest.raises(ComponentError) as caught:
        answered(tmp_path, answer)
    assert str(caught.value) == f"old.py:Old at TEST/USDT 2023-01-02 02:25 UTC: {problem}"


def test_what_the_class_raises_is_noted_with_the_bar(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="vwap") as caught:
        adapter(tmp_path, "return candles['vwap']").on_bar(BarView(MARKET, {}, 29), None)
    assert caught.value.__notes__ == ["raised by old.py:Old at TEST/USDT 2023-01-02 02:25 UTC"]


def seen(folder: Path, body: str, bars: Bars = MARKET, index: int = 29, **options: Any) -> str:
    """What the class words about its candles."""
    body = f"return {{'signal': 'ENTER_LONG', 'stop': 1.0, 'rationale': str({body})}}"
    decision = adapter(folder, body, **options).on_bar(BarView(bars, {}, index), None)
    assert isinstance(decision, Enter)
    return decision.reason


def test_the_frame_has_the_columns_and_times_that_such_classes_know(tmp_path: Path) -> None:
    assert seen(tmp_path, "list(candles.columns)") == "['open', 'high', 'low', 'close', 'volume']"
    assert seen(tmp_path, "(candles.index.name, candles.index.tz)") == "('timestamp', None)"
    assert seen(tmp_path, "candles.index[-1]") == "2023-01-02 02:25:00"
    for column in ("open", "high", "low", "close", "volume"):
        assert seen(tmp_path, f"float(candles[{column!r}].iloc[-1])") == str(getattr(MARKET, column)[29])


def test_d075_the_frame_ends_with_the_bar_and_is_as_long_as_its_history(tmp_path: Path) -> None:
    assert seen(tmp_path, "(len(candles), candles.index[0])", history=10, index=20) == (
        "(10, Timestamp('2023-01-02 00:55:00'))"
    )
    assert adapter(tmp_path, history=10).warmup == 9
    window = MARKET.slice(11, 21)
    assert seen(tmp_path, "candles.to_dict()", history=10, index=20) == seen(
        tmp_path, "candles.to_dict()", window, index=9, history=10
    )


def test_writing_into_the_frame_changes_no_candle(tmp_path: Path) -> None:
    before = MARKET.close.copy()
    strategy = adapter(tmp_path, "candles.loc[:, 'close'] = 1.0; candles['x'] = 2.0; return {'signal': 'NO_TRADE'}")
    for _ in range(2):
        assert strategy.on_bar(BarView(MARKET, {}, 29), None) is None
    np.testing.assert_array_equal(MARKET.close, before)
    assert float(seen(tmp_path, "candles['close'].iloc[-1]")) == before[-1]


def test_d069_the_symbol_is_that_of_the_market(tmp_path: Path) -> None:
    assert seen(tmp_path, "self.symbol", attrs.evolve(MARKET, symbol="SOL/USDT")) == "SOL/USDT"
    with pytest.raises(ValueError, match="must be without a symbol"):
        adapter(tmp_path, parameters={"symbol": "BNB/USDT"})


def test_nothing_that_the_object_remembers_reaches_the_next_bar(tmp_path: Path) -> None:
    strategy = adapter(
        tmp_path, "self.n = getattr(self, 'n', 0) + 1; return {'signal': 'ENTER_LONG', 'stop': float(self.n)}"
    )
    decisions = [strategy.on_bar(BarView(MARKET, {}, index), None) for index in (27, 28, 29)]
    assert [decision.stop for decision in decisions if isinstance(decision, Enter)] == [1.0, 1.0, 1.0]


def test_d080_parameters_that_the_class_does_not_take_are_told_at_once(tmp_path: Path) -> None:
    adapter(tmp_path)
    values = {"class_name": ClassReference("old.py:Old", tmp_path), "parameters": {"perod": 3}}
    with pytest.raises(PipelineError) as caught:
        build(GenerateSignalStrategy, values)
    expected = "must be those of old.py:Old (answer), but got an unexpected keyword argument 'perod'"
    assert str(caught.value) == f"options: parameters: {expected}"


def test_a_class_without_the_method_is_told_at_the_line_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("class Old:\n    def signal(self, candles): ...\n")
    pipeline = (
        '[data]\nuse = "synthetic"\nsymbols = ["A/USDT"]\ntimeframe = "1h"\n'
        '[strategy]\nuse = "generate-signal"\nhistory = 20\nclass_name = "old.py:Old"\n'
        '[costs]\nuse = "basis-points"\n[sizer]\nuse = "fixed-fractional"\n'
    )
    (tmp_path / "p.toml").write_text(pipeline)
    with pytest.raises(PipelineError) as caught:
        load_pipeline(tmp_path / "p.toml")
    [problem] = [line for line in caught.value.problems if "strategy" in line]
    assert problem.endswith(
        "p.toml:8: strategy.class_name: must be a class with a method generate_signal(self, candles), "
        "but old.py:Old has none; add it, or name another class"
    )


def test_a_class_from_a_file_reaches_another_process(tmp_path: Path) -> None:
    strategy = adapter(tmp_path, parameters={"answer": {"signal": "EXIT"}}, history=20)
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer)._class.__name__)"
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(strategy), capture_output=True, check=True)
    assert done.stdout.split() == [b"Old"]
