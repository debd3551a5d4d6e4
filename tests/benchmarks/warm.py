"""Times the engine with its signals in one process: ``python -m tests.benchmarks.warm PIPELINE N`` prints JSON.

The candles are loaded beforehand, and what is remembered of them (indicators, extremes) is forgotten before each run.
"""

from __future__ import annotations

import gc
import json
import sys
import time

from quantsail_framework import load_pipeline
from quantsail_framework.backtest import backtest
from quantsail_framework.engine import load_market


def main(file: str, rounds: int) -> None:
    """Print the seconds of each of ``rounds`` runs."""
    pipeline = load_pipeline(file)
    market = load_market(pipeline)
    seconds = []
    for number in range(rounds + 1):
        for bars in market.bars.values():
            bars.memo.clear()
            vars(bars).pop("extremes", None)
        gc.collect()
        began = time.perf_counter()
        backtest(pipeline, market)
        if number:  # the first run imports what is imported at first use
            seconds.append(time.perf_counter() - began)
    print(json.dumps({"warm_s": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
