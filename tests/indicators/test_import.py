"""TA-Lib comes without pandas and polars, and does not spoil either for anybody else. Each in a fresh process."""

from __future__ import annotations

import subprocess
import sys

BARS = """
import sys
from quantsail_framework import indicators as ta
from quantsail_framework.testing import markets
bars = markets.trending(1, 100)
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BARS + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_talib_is_imported_at_first_use_only() -> None:
    assert run("print(any(name.startswith('talib') for name in sys.modules)); ta.adx(bars)") == "False"


def test_pandas_and_polars_stay_out() -> None:
    assert run("ta.adx(bars); print([name for name in ('pandas', 'polars') if name in sys.modules])") == "[]"


def test_pandas_can_be_imported_afterwards_and_talib_is_whole() -> None:
    code = """
before = ta.sma(bars, 5)
import pandas, talib
series = talib.SMA(pandas.Series(bars.close), 5)
print(type(series).__name__, bool((series.to_numpy()[4:] == before[4:]).all()))
print(ta.adx(bars)[-1] == ta.adx(markets.trending(1, 100))[-1], ta.ema(bars, 5)[-1] > 0)
"""
    assert run(code).split("\n") == ["Series True", "True True"]


def test_pandas_and_talib_imported_before_are_used_as_they_are() -> None:
    code = """
import pandas, talib
print(ta.sma(bars, 5)[-1] == talib.SMA(bars.close, 5)[-1])
print(sys.modules["talib"] is talib, sys.modules["pandas"] is pandas)
"""
    assert run(code).split() == ["True", "True", "True"]


def test_works_without_pandas_installed() -> None:
    code = """
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in ("pandas", "polars"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
finders = list(sys.meta_path)
print(ta.adx(bars)[-1] > 0, sys.meta_path == finders)
"""
    assert run(code) == "True True"


def test_other_threads_may_import_pandas_meanwhile() -> None:
    code = """
import threading
failed = []
def other():
    try:
        import pandas
    except ImportError as error:
        failed.append(error)
thread = threading.Thread(target=other)
thread.start()
ta.adx(bars)
thread.join()
print(failed, "pandas" in sys.modules)
"""
    assert run(code) == "[] True"
