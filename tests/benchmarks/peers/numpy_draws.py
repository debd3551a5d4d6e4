"""Job J6 in plain NumPy, as one writes it in ten lines: total return and deepest drawdown of every draw."""

from __future__ import annotations

import drawing
import numpy as np


def _judged(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    equity = np.cumprod(1.0 + drawn, axis=1)
    peak = np.maximum(np.maximum.accumulate(equity, axis=1), 1.0)
    return equity[:, -1] - 1.0, (1.0 - equity / peak).max(axis=1)


def shuffle(returns: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Every trade once, in random order."""
    return _judged(np.random.default_rng(1).permuted(np.tile(returns, (draws, 1)), axis=1))


def bootstrap(returns: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """As many trades, drawn with replacement."""
    return _judged(np.random.default_rng(2).choice(returns, (draws, len(returns))))


if __name__ == "__main__":
    drawing.main(shuffle=shuffle, bootstrap=bootstrap)
