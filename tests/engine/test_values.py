"""What a run tells Python's garbage collector."""

from __future__ import annotations

import gc

from quantsail_framework.engine.values import seldom_collected


def test_of_runs_at_once_the_last_to_end_leaves_the_collector_as_it_was() -> None:
    before = gc.get_threshold()
    first, second = seldom_collected(), seldom_collected()
    with first:
        assert gc.get_threshold()[0] > before[0]
        second.__enter__()
    assert gc.get_threshold()[0] > before[0]
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before
