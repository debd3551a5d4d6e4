"""Ctrl-C stops a search wherever it comes, also where Python drops what it raises."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from quantsail_framework.search.interrupt import interrupts_noticed
from quantsail_framework.search.journal import Journal, run_trials
from quantsail_framework.search.study import make_study
from quantsail_framework.testing.examples import example_pipeline, example_session

TRIALS = [{"sizer.max_position_pct_equity": float(percent)} for percent in range(1, 6)]


def interrupted_in_a_callback() -> None:
    """Ctrl-C while garbage is collected, as a library's callback looks on."""

    def callback(phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            gc.callbacks.remove(callback)
            signal.raise_signal(signal.SIGINT)

    gc.callbacks.append(callback)
    gc.collect()


class Collecting:
    """Runs the items here; after the second, Ctrl-C comes in a callback of the garbage collector."""

    def map(
        self, function: Callable[[Any, Any], Any], items: Sequence[Any], *, shared: Any
    ) -> Iterator[tuple[int, Any]]:
        for index, item in enumerate(items):
            if index == 2:
                interrupted_in_a_callback()
            yield index, function(item, shared)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_search_stops_for_ctrl_c_that_python_drops(tmp_path: Path) -> None:
    study = make_study(example_pipeline(), TRIALS)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as stopped:
        run_trials(study, TRIALS, example_session(executor=Collecting()), Journal(tmp_path / "trials"))
    assert stopped.value.__notes__ == ["3 of 5 trials are kept: the same command goes on from there"]
    assert len((tmp_path / "trials").read_bytes().splitlines()) == 3
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_noticed() as interrupted:
            signal.raise_signal(signal.SIGINT)
            assert not interrupted()
    finally:
        signal.signal(signal.SIGINT, before)
