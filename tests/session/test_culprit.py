"""An error inside a component says which component it was, and which distribution it came from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from quantsail_framework import load_pipeline, run
from quantsail_framework.cli import main

PIPELINE = """
[pipeline]
capital = 10_000
[data]
use = "synthetic"
length = 600
symbols = ["TEST/USDT"]
timeframe = "1h"
[strategy]
use = "{strategy}"
[costs]
use = "basis-points"
[sizer]
use = "fixed-fractional"
[[risk]]
use = "max-exposure"
pct = 50
"""
BROKEN = """
import attrs
from quantsail_framework import Signals

@attrs.frozen
class Broken:
    warmup: int = 0

    def signals(self, bars):
        return Signals(bars.close[5:] > 0, bars.close - 1 / 0)
"""


def test_a_local_strategy_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(BROKEN, encoding="utf-8")
    file = tmp_path / "pipeline.toml"
    file.write_text(PIPELINE.format(strategy="mine.py:Broken"), encoding="utf-8")
    with pytest.raises(ZeroDivisionError) as caught:
        run(load_pipeline(file))
    # Line 10 of the file divides by zero.
    assert caught.value.__notes__ == [f"it arose in signals of strategy 'mine.py:Broken' ({tmp_path / 'mine.py'}:10)"]


HELPER = """
import attrs

@attrs.frozen
class Mine:
    warmup: int = 0

    def prepare(self, bars):
        return {}

    def on_bar(self, bars, now):
        return helper(bars)

def helper(bars):
    return clos > 1
"""


def test_the_command_line_names_the_line_of_the_component_s_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QUANTSAIL_DEBUG", raising=False)
    (tmp_path / "s2.py").write_text(HELPER, encoding="utf-8")
    (tmp_path / "pipeline.toml").write_text(PIPELINE.format(strategy="s2.py:Mine"), encoding="utf-8")
    with pytest.raises(SystemExit) as exit_:
        main(["run", "pipeline.toml"])
    # on_bar called the helper, whose line 15 has the misspelt name.
    assert (exit_.value.code, capsys.readouterr().err.splitlines()) == (
        1,
        [
            "error: unexpected NameError: name 'clos' is not defined (QUANTSAIL_DEBUG=1 shows where)",
            "  it arose in on_bar of strategy 's2.py:Mine' (s2.py:15)",
        ],
    )


TYPO = """
import attrs
from quantsail_framework import Costs, Signals

@attrs.frozen
class Mistyped:
    period: int = 5

    @property
    def warmup(self):
        return self.perod

    def signals(self, bars):
        return Signals(bars.close > 0, bars.close)

    def costs(self, side, quantity, price, liquidity, market):
        return Costs(1.0)
"""


@pytest.mark.parametrize(
    ("table", "culprit"),
    [
        ('[strategy]\nuse = "mine.py:Mistyped"', "strategy 'mine.py:Mistyped' (mine.py:11)"),
        ('[costs]\nuse = "mine.py:Mistyped"', "cost model 'mine.py:Mistyped' (mine.py:11)"),
        ('[costs]\nuse = "per-symbol"\nsymbols = {}\ndefault = { use = "mine.py:Mistyped" }', "'per-symbol'"),
        ('[costs]\nuse = "composed"\nmodels = [{ use = "mine.py:Mistyped" }]', "'composed'"),
    ],
    ids=["strategy", "costs", "per-symbol", "composed"],
)
@pytest.mark.parametrize("command", ["run", "check-strategy"])
def test_a_mistake_inside_warmup_is_not_taken_for_none_declared(
    command: str,
    table: str,
    culprit: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It stops the run and is named, where the run would go on without a warm-up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QUANTSAIL_DEBUG", raising=False)
    (tmp_path / "mine.py").write_text(TYPO, encoding="utf-8")
    name = table.partition("\n")[0]
    before = {"[strategy]": '[strategy]\nuse = "trend"', "[costs]": '[costs]\nuse = "basis-points"'}[name]
    text = PIPELINE.format(strategy="trend").replace(before, table)
    (tmp_path / "pipeline.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as exit_:
        main([command, "pipeline.toml"])
    told = capsys.readouterr().err
    assert exit_.value.code == 1
    assert "AttributeError: 'Mistyped' object has no attribute 'perod'" in told
    assert "it arose in warmup of " in told
    assert culprit in told


def test_a_local_observer_is_called_by_its_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    source = """
import attrs

@attrs.frozen
class Ear:
    def open(self):
        raise OSError("deaf")

    def close(self):
        pass
"""
    (tmp_path / "ear.py").write_text(source, encoding="utf-8")
    file = tmp_path / "pipeline.toml"
    observers = '[[observers]]\nuse = "ear.py:Ear"\n'
    file.write_text(PIPELINE.format(strategy="trend") + observers, encoding="utf-8")
    run(load_pipeline(file))
    assert caplog.messages == ["observer 'ear.py:Ear' failed in open: OSError: deaf"]


def test_a_plugin_s_component_is_named_with_its_distribution(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text(PIPELINE.format(strategy="trend"), encoding="utf-8")
    pipeline = load_pipeline(file)

    class Odd:
        """A sizer whose answer makes the exposure rule fail."""

        def size(self, *_args: object) -> object:
            from quantsail_framework import Sizing

            return Sizing(1.0, "risk")

    rule = pipeline.risk[0].rule
    object.__setattr__(rule, "pct", "fifty")  # what strict loading would never let in
    with pytest.raises(TypeError) as caught:
        run(pipeline, sizer=Odd())
    (note,) = caught.value.__notes__
    where = r"\(.*quantsail_risk.limits\.py:\d+\)"
    assert re.fullmatch(rf"it arose in check of risk rule 'max-exposure' of quantsail-risk 0\.1\.0 {where}", note)
