"""Seeded candles for the benchmark jobs, written once as Parquet into a cache folder that git ignores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

Columns = dict[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]]

START_MS = 1_640_995_200_000  # 2022-01-01 00:00 UTC
MINUTE_MS = 60_000
# Raise it when the figures below change, so that cached files are made anew.
GENERATION = 1
CACHE = Path(__file__).parents[2] / ".benchmarks" / "data"


def candles(seed: int, size: int, minutes: int) -> Columns:
    """``size`` candles of ``minutes`` minutes: volatility and drift change by regime, tails are fat.

    Prices start near 1 in quote currency, so that a tool which trades whole units only can take part.
    """
    random = np.random.default_rng([GENERATION, seed, size, minutes])
    regime = np.cumsum(random.random(size) < 1 / 700)
    scale = random.choice([0.5, 1.0, 1.8], regime[-1] + 1)[regime] * 0.0008 * np.sqrt(minutes)
    drift = random.choice([-0.05, 0.0, 0.05], regime[-1] + 1)[regime] * scale
    noise = random.standard_t(5, size) * np.sqrt(3 / 5)
    # A pull towards 1 keeps the price in a range where tick and lot do not matter.
    close = np.exp(_pulled(drift + scale * noise))
    open_ = np.concatenate([[1.0], close[:-1]]) * np.exp(random.normal(0, 0.05, size) * scale)
    reach = random.exponential(0.4, (2, size)) * scale
    high = np.maximum(open_, close) * np.exp(reach[0])
    low = np.minimum(open_, close) * np.exp(-reach[1])
    volume = random.lognormal(10, 0.6, size) * (1 + np.abs(noise))
    time = START_MS + np.arange(size, dtype=np.int64) * minutes * MINUTE_MS
    return {"timestamp": time, "open": open_, "high": high, "low": low, "close": close, "volume": volume}


def _pulled(steps: npt.NDArray[np.float64], strength: float = 2e-5) -> npt.NDArray[np.float64]:
    level, levels = 0.0, np.empty(len(steps))
    for index, step in enumerate(steps.tolist()):
        level += step - strength * level
        levels[index] = level
    return levels


def folder(symbols: int, size: int, minutes: int, *, cache: Path = CACHE) -> Path:
    """A folder with ``S00_USDT-<minutes>m.parquet`` and so on, as the data source ``parquet`` reads it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    home = cache / f"generation{GENERATION}-{size}x{minutes}m"
    home.mkdir(parents=True, exist_ok=True)
    for number in range(symbols):
        path = home / f"S{number:02d}_USDT-{minutes}m.parquet"
        if not path.exists():
            part = path.with_suffix(".part")
            pq.write_table(pa.table(candles(number, size, minutes)), part, compression="zstd")
            part.rename(path)
    return home
