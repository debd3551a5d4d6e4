"""Half of job J6 in pybroker, which draws with replacement only: bounds of the deepest drawdown of every draw."""

from __future__ import annotations

import drawing
import numpy as np
from pybroker.eval import drawdown_conf


def bootstrap(returns: np.ndarray, draws: int) -> object:
    """In cash of an account of 10,000, and as a fraction."""
    return drawdown_conf(returns * 10_000.0, returns, draws)


if __name__ == "__main__":
    drawing.main(bootstrap=bootstrap)
