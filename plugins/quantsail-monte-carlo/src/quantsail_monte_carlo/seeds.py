"""Where the randomness of each test comes from: the pipeline's seed, split once per test and again per run."""

from __future__ import annotations

import numpy as np

# The order is the seed's: a new test goes to the end, so that no other test changes its draws.
TESTS = ("shuffle", "bootstrap", "parameter-jitter", "cost-jitter", "price-path", "random-entry")


def seed_of(seed: int, test: str, *runs: int) -> np.random.SeedSequence:
    """What ``SeedSequence(seed).spawn`` gives the test, and ``spawn`` of that its run, without making the others.

    A run has the same randomness whichever tests are asked for, and in whichever process it runs.
    """
    return np.random.SeedSequence(seed, spawn_key=(TESTS.index(test), *runs))


def generator(seed: int, test: str, *runs: int) -> np.random.Generator:
    """A generator of ``seed_of``."""
    return np.random.default_rng(seed_of(seed, test, *runs))
