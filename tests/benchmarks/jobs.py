"""The benchmark jobs: what each one runs, and how fast it shall be (seconds, two cores, Python 3.11).

TREND is the strategy ``trend`` with its defaults on seeded candles, entered at the next open with a 2 ATR stop and
a 3 ATR target, ``binance-spot`` costs, a fixed-fractional size and five risk rules. The limits of the rules are
chosen so that they refuse now and then without silencing the job.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from tests.benchmarks.market import CACHE, folder

HERE = Path(__file__).parent

_PIPELINE = """\
[pipeline]
name = "{name}"
capital = 10_000

[data]
use = "parquet"
path = "{path}"
symbols = [{symbols}]
timeframe = "{minutes}m"

[strategy]
{strategy}

[costs]
use = "binance-spot"

[sizer]
use = "fixed-fractional"

[[risk]]
use = "profitability-gate"
min_profit = 0.10

[[risk]]
use = "max-concurrent-positions"
limit = 8

[[risk]]
use = "max-daily-trades"
limit = {daily_trades}

[[risk]]
use = "max-daily-loss"
limit = {daily_loss:.1f}

[[risk]]
use = "max-exposure"
pct = 75.0

[[reporters]]
use = "console"
"""


@attrs.frozen
class Job:
    """One measured job. ``cold_s`` and ``warm_s`` are its targets; a cold target is None where there is none."""

    name: str
    title: str
    bars: int
    minutes: int
    symbols: int
    cold_s: float | None
    warm_s: float
    strategy: str = 'use = "trend"'
    daily_trades: int = 6
    daily_loss: float = 20.0
    peers: tuple[str, ...] = ()

    def data(self, cache: Path = CACHE) -> Path:
        """The folder of its candles, made when it is not there yet."""
        return folder(self.symbols, self.bars, self.minutes, cache=cache)

    def files(self, cache: Path = CACHE) -> list[Path]:
        """The Parquet files of its symbols, in pipeline order."""
        return [self.data(cache) / f"S{number:02d}_USDT-{self.minutes}m.parquet" for number in range(self.symbols)]

    def pipeline(self, home: Path, cache: Path = CACHE) -> Path:
        """Its pipeline file, written into ``home``."""
        (home / "every_bar.py").write_text((HERE / "every_bar.py").read_text(encoding="utf-8"), encoding="utf-8")
        text = _PIPELINE.format(
            name=self.name.lower(),
            path=self.data(cache).as_posix(),
            symbols=", ".join(f'"S{number:02d}/USDT"' for number in range(self.symbols)),
            minutes=self.minutes,
            strategy=self.strategy,
            daily_trades=self.daily_trades,
            daily_loss=self.daily_loss,
        )
        file = home / f"{self.name.lower()}.toml"
        file.write_text(text, encoding="utf-8")
        return file


BOTH = ("vectorbt", "backtesting.py")
JOBS = (
    Job("J1", "TREND, 105,120 5m bars", 105_120, 5, 1, 0.7, 0.016, peers=BOTH),
    Job("J2", "TREND, 525,600 1m bars", 525_600, 1, 1, 0.9, 0.050, peers=BOTH),
    Job("J5", "TREND, 20 symbols x 105,120 5m bars, one account", 105_120, 5, 20, 1.5, 0.35,
        daily_trades=40, daily_loss=100.0, peers=("vectorbt",)),
    Job("J8", "an entry on every bar of J2, levels 10 % and 15 % away", 525_600, 1, 1, None, 0.2,
        daily_loss=200.0, strategy='use = "every_bar.py:EveryBar"'),
)  # fmt: skip


def job_named(name: str) -> Job:
    """The job of that name. Raises KeyError for another."""
    return {job.name: job for job in JOBS}[name]
