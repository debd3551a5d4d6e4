"""The halves of the probability of overfitting in machine code are those of NumPy, to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantsail_framework.compiled import choice
from quantsail_framework.compiled.halves import judge_for
from quantsail_framework.metrics import Overfitting, backtest_overfitting
from quantsail_framework.metrics.halves import Judge, judged


@pytest.fixture(scope="module")
def machine() -> Judge:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUANTSAIL_COMPILED", "make")
        found = judge_for(2, lambda _: None)
    assert found is not judged
    return found


def both(machine: Judge, returns: np.ndarray, blocks: int) -> None:
    plain, quick = backtest_overfitting(returns, blocks), backtest_overfitting(returns, blocks, judge=machine)
    assert isinstance(plain, Overfitting)
    assert isinstance(quick, Overfitting)
    for name in ("logits", "in_sample", "out_of_sample"):
        np.testing.assert_array_equal(getattr(quick, name), getattr(plain, name), err_msg=name)
    assert np.isfinite(quick.in_sample).all()
    assert quick.pbo == plain.pbo
    assert quick.degradation_slope == plain.degradation_slope


@given(
    seed=st.integers(0, 2**32),
    periods=st.integers(8, 120),
    trials=st.integers(2, 40),
    blocks=st.sampled_from([4, 6, 8]),
    still=st.lists(st.integers(0, 39), max_size=5),
    alike=st.booleans(),
)
def test_any_trials(
    machine: Judge, seed: int, periods: int, trials: int, blocks: int, still: list[int], alike: bool
) -> None:
    """Some that never vary, at 0 or elsewhere, some that do so late, and some that are alike."""
    random = np.random.default_rng(seed)
    returns = random.normal(0.0, 0.01, (periods, trials))
    for number, trial in enumerate(still):
        if trial < trials:
            returns[: periods if number % 2 else 3 * periods // 4, trial] = 0.01 * (number // 2)
    if alike:
        returns[:, 1::2] = returns[:, 0:1]
    both(machine, returns, blocks)


def test_many_trials_in_sixteen_blocks(machine: Judge) -> None:
    both(machine, np.random.default_rng(3).normal(0.0002, 0.01, (700, 333)), 16)


def test_a_few_trials_are_left_to_numpy(machine: Judge) -> None:
    assert machine is not judged  # it has been made
    assert judge_for(299, _never) is judged
    assert judge_for(300, _never) is not judged


def test_it_is_made_for_thousands_of_trials_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(choice, "_chooser", choice._Chooser())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told: list[str] = []
    assert judge_for(3_999, told.append) is judged
    assert told == []
    assert judge_for(4_000, told.append) is not judged
    assert told == ["compiling, once on this machine"]
    assert judge_for(300, told.append) is not judged


def test_the_switch_leaves_all_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTSAIL_COMPILED", "off")
    assert judge_for(10_000, _never) is judged


def _never(text: str) -> None:
    raise AssertionError(text)
