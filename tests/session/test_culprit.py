"""An error inside a component says which component it was, and which distribution it came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantsail_framework import load_pipeline, run

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
    assert caught.value.__notes__[-1].startswith("it arose in signals of strategy ")
    assert "Broken" in caught.value.__notes__[-1]


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
    assert caught.value.__notes__ == ["it arose in check of risk rule 'max-exposure' of quantsail-risk 0.1.0"]
