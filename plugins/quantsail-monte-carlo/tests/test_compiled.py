"""The draws in machine code are those of plain NumPy, to the last bit."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quantsail_framework import RunResult, load_pipeline, run
from quantsail_framework.compiled import choice
from quantsail_monte_carlo import compiled
from quantsail_monte_carlo.compiled import Machine, draws_as_numpy, machine_for
from quantsail_monte_carlo.draws import FAN_DRAWS, Draws
from quantsail_monte_carlo.paths import bootstrapped, shuffled

ROOT = Path(__file__).parents[3]
KINDS = {"shuffle": shuffled, "bootstrap": bootstrapped}


@pytest.fixture(scope="module")
def machine() -> Machine:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUANTSAIL_COMPILED", "make")
        found = machine_for(1_000, 10_000, lambda _: None)
    assert found is not None
    return found


def assert_same(own: Draws, expected: Draws) -> None:
    assert own.test == expected.test
    for name in ("total_return", "max_drawdown", "ruined"):
        np.testing.assert_array_equal(getattr(own, name), getattr(expected, name), err_msg=name)
    for ours, theirs in zip(own.fan, expected.fan, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg="fan")


def both(kind: str, machine: Machine, returns: Any, draws: int, seed: int, **how: Any) -> None:
    """The draws of both and, where the generator is then, the next number of it."""
    own, random = np.random.default_rng(seed), np.random.default_rng(seed)
    if seed % 2:  # half of a word is left
        own.integers(0, 10, 1, dtype=np.uint32), random.integers(0, 10, 1, dtype=np.uint32)
    assert_same(KINDS[kind](returns, draws, own, machine=machine, **how), KINDS[kind](returns, draws, random, **how))
    assert own.bit_generator.state == random.bit_generator.state


@given(
    returns=st.lists(st.floats(-1.5, 2.0), min_size=1, max_size=300),
    draws=st.integers(1, 40),
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(["shuffle", "bootstrap"]),
    additive=st.booleans(),
)
@example([-1.0, 0.5], 20, 1, "bootstrap", False)  # ruined
@example([-1.0, 3.0], 20, 2, "shuffle", True)
@example([0.1], 3, 3, "bootstrap", False)  # nothing to choose
@example([1.0] * 1_100, 3, 4, "shuffle", False)  # more than a float holds
@example([1.0] * 1_030 + [-0.5] * 10, 20, 5, "bootstrap", False)
@example([1.0] * 1_030 + [-1.0, -2.0], 20, 6, "shuffle", False)  # and ruined
@example([1e308] * 5 + [-1e308] * 9, 20, 7, "shuffle", True)
@example([-1.0, inf], 20, 8, "shuffle", False)
@example([0.1, nan, 0.2], 20, 9, "bootstrap", False)
@example([0.1, nan, -2.0], 20, 10, "shuffle", True)
def test_any_draws(machine: Machine, returns: list[float], draws: int, seed: int, kind: str, additive: bool) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        both(kind, machine, np.array(returns), draws, seed, additive=additive)


@pytest.mark.parametrize("kind", KINDS)
def test_more_draws_than_the_fan_takes_and_a_chunk_holds(kind: str, machine: Machine) -> None:
    returns = np.random.default_rng(5).normal(0.0, 0.02, 250)
    assert FAN_DRAWS * 250 > compiled._AT_ONCE
    both(kind, machine, returns, FAN_DRAWS + 700, 8)


@pytest.mark.parametrize("kind", KINDS)
def test_trades_whose_number_lets_many_draws_be_drawn_again(kind: str, machine: Machine) -> None:
    """Of 2^31 + 1 numbers half would be refused; of 100,003 one in 43,000 is, and of a shuffle a third."""
    both(kind, machine, np.random.default_rng(6).normal(0.0, 1e-3, 100_003), 12, 9)


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("trades", [compiled._BITS, compiled._BITS // 2, compiled._BITS - 1])
def test_where_the_generator_is_when_what_was_drawn_ahead_is_used_up_or_not(
    trades: int, seed: int, machine: Machine
) -> None:
    """Of a power of two no draw is drawn again: after four bootstraps nothing is left of it."""
    both("bootstrap", machine, np.random.default_rng(7).normal(0.0, 0.01, trades), 4, seed)


def test_returns_that_do_not_lie_in_a_row(machine: Machine) -> None:
    both("bootstrap", machine, np.random.default_rng(7).normal(0.0, 0.01, 200)[::2], 50, 4)


def test_a_few_draws_are_left_to_numpy(machine: Machine) -> None:
    assert machine_for(100, 1_000, _never) is None
    assert machine_for(1_000, 10_000, _never) is not None  # it is there


def test_it_is_made_for_many_draws_alone(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Making it takes as long as what two tests of a hundred million trades save."""
    monkeypatch.setattr(choice, "_chooser", choice._Chooser())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told: list[str] = []
    assert machine_for(1_000, 10_000, told.append) is None
    assert told == []
    assert machine_for(5_000, 10_000, told.append) is not None
    assert told == ["compiling, once on this machine"]
    assert machine_for(1_000, 10_000, told.append) is not None


def _never(text: str) -> None:
    raise AssertionError(text)


def test_the_switch_leaves_all_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTSAIL_COMPILED", "off")
    assert machine_for(1_000, 10_000, _never) is None


def test_a_machine_that_draws_in_another_way_is_found_out(machine: Machine) -> None:
    def draws_nothing(*_: int) -> None:
        return

    assert draws_as_numpy(machine)
    assert not draws_as_numpy(draws_nothing)


def test_a_run_has_the_same_draws_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(switch: str) -> RunResult:
        monkeypatch.setenv("QUANTSAIL_COMPILED", switch)
        overrides = {"monte-carlo.tests": ["shuffle", "bootstrap"], "monte-carlo.draws": 2_000}
        file = ROOT / "examples" / "monte-carlo.toml"
        return run(load_pipeline(file, overrides=overrides))

    plain, fast = made("off"), made("make")
    assert plain.metrics == fast.metrics
    for name in ("draws", "fan"):
        for column, values in plain.tables[name].items():
            np.testing.assert_array_equal(values, fast.tables[name][column], err_msg=f"{name} {column}")
