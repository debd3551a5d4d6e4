"""What came of the draws of one test: a row each, the fan of their equity, and the figures that sum them up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.domain.bars import Bools, Floats, Ints
from quantsail_framework.domain.result import Table
from quantsail_framework.metrics.undefined import Undefined, Value, finite

FAN_DRAWS = 10_000  # paths that a fan is made of, the first ones: memory stays bounded
_FAN_STEPS = 100
_CHUNK = 1 << 16  # numbers of a chunk: half a megabyte, which stays in the cache
_QUANTILES = (5, 25, 50, 75, 95)
Fan = tuple[Ints, Floats]  # steps; one row per step with the five quantiles


def _no_fan() -> Fan:
    return np.empty(0, np.int64), np.empty((0, len(_QUANTILES)))


@attrs.frozen(eq=False)
class Draws:
    """The draws of one test. Total return and drawdown are fractions, NaN where the test has none.

    ``level``: the multiplier of a cost jitter, NaN elsewhere. ``why_none``: why there are no draws.
    """

    test: str
    total_return: Floats
    max_drawdown: Floats
    ruined: Bools
    level: float = np.nan
    fan: Fan = attrs.field(factory=_no_fan)
    why_none: str = ""

    @classmethod
    def sized(cls, test: str, draws: int, level: float = np.nan) -> Draws:
        """Room for ``draws`` draws, to be filled."""
        return cls(test, np.full(draws, np.nan), np.full(draws, np.nan), np.zeros(draws, np.bool_), level)

    @classmethod
    def none(cls, test: str, why: str, level: float = np.nan) -> Draws:
        """No draws, and why."""
        return attrs.evolve(cls.sized(test, 0, level), why_none=why)

    def with_fan(self, fan: Fan) -> Draws:
        """The same draws with their fan."""
        return attrs.evolve(self, fan=fan)

    @property
    def prefix(self) -> str:
        """What the names of its metrics begin with: ``cost_jitter_1.5``."""
        name = self.test.removeprefix("parameter-").replace("-", "_")
        return name if np.isnan(self.level) else f"{name}_{float(self.level)}"

    @property
    def profitable_share(self) -> Value:
        """Draws with a total return above zero / all draws; one that has none is not profitable."""
        return self._mean(self.total_return > 0.0)

    @property
    def probability_of_ruin(self) -> Value:
        """Draws that lost everything / all draws."""
        return self._mean(self.ruined)

    def return_quantile(self, percent: int) -> Value:
        """Total return that so many percent of the draws do not exceed."""
        return self._quantile(self.total_return, percent)

    def drawdown_quantile(self, percent: int) -> Value:
        """Maximum drawdown that so many percent of the draws do not exceed."""
        return self._quantile(self.max_drawdown, percent)

    def _mean(self, flags: Bools) -> Value:
        return float(flags.mean()) if len(flags) else Undefined(self.why_none)

    def _quantile(self, values: Floats, percent: int) -> Value:
        """Linear between the two nearest of the sorted values; of runs that failed there is none."""
        known = values[~np.isnan(values)]
        if not len(known):
            return Undefined(self.why_none or "every run failed")
        return finite(float(np.quantile(known, percent / 100.0)))


def summary(draws: Draws) -> Iterator[tuple[str, Value]]:
    """The metrics of a test by name. A shuffle has no returns to tell of, a random entry no path."""
    prefix = draws.prefix
    if draws.test != "shuffle":
        yield f"{prefix}_profitable_share", draws.profitable_share
        for percent in (5, 50, 95):
            yield f"{prefix}_p{percent}_total_return", draws.return_quantile(percent)
    if draws.test != "random-entry":
        for percent in (50, 95):
            yield f"{prefix}_p{percent}_max_drawdown", draws.drawdown_quantile(percent)
    if draws.test == "bootstrap":
        yield "probability_of_ruin", draws.probability_of_ruin
    if draws.test == "block-bootstrap":
        yield f"{prefix}_probability_of_ruin", draws.probability_of_ruin


def chunks(draws: int, size: int) -> Iterator[slice]:
    """``draws`` rows of ``size`` numbers in chunks that fit the cache."""
    length = max(1, _CHUNK // max(1, size))
    for start in range(0, draws, length):
        yield slice(start, min(start + length, draws))


def fan_steps(last: int) -> Ints:
    """At most ``_FAN_STEPS`` + 1 steps from 0 to ``last``, evenly, both ends among them."""
    return np.unique(np.linspace(0, last, min(last, _FAN_STEPS) + 1).round().astype(np.int64))


def fan_of(steps: Ints, equity: Floats) -> Fan:
    """Quantiles of ``equity``, which has one row per step and one column per path."""
    ordered = np.sort(equity, axis=1)
    at = np.array(_QUANTILES) / 100.0 * (ordered.shape[1] - 1)
    low = np.floor(at).astype(np.intp)
    high = np.minimum(low + 1, ordered.shape[1] - 1)
    return steps, ordered[:, low] + (ordered[:, high] - ordered[:, low]) * (at - low)


def fan_table(tests: Iterable[Draws]) -> Table:
    """Equity as a multiple of capital by test and step: trades for shuffle and bootstrap, days for what is re-run."""
    fans = [(draws.test, *draws.fan) for draws in tests if len(draws.fan[0])]
    values = np.concatenate([np.empty((0, len(_QUANTILES))), *(rows for _, _, rows in fans)])
    return {
        "test": _texts([(name, len(steps)) for name, steps, _ in fans]),
        "step": np.concatenate([np.empty(0, np.int64), *(steps for _, steps, _ in fans)]),
        **{f"p{percent}": np.ascontiguousarray(values[:, at]) for at, percent in enumerate(_QUANTILES)},
    }


def draws_table(tests: Sequence[Draws]) -> Table:
    """Every draw of every test as a row; what a test does not tell is NaN."""
    sizes = [len(draws.ruined) for draws in tests]
    return {
        "test": _texts([(draws.test, size) for draws, size in zip(tests, sizes, strict=True)]),
        "draw": np.concatenate([np.empty(0, np.int64), *(np.arange(size, dtype=np.int64) for size in sizes)]),
        "level": np.repeat([draws.level for draws in tests], sizes).astype(np.float64),
        "total_return": _column([draws.total_return for draws in tests]),
        "max_drawdown": _column([draws.max_drawdown for draws in tests]),
        "ruined": np.concatenate([np.empty(0, np.int64), *(draws.ruined.astype(np.int64) for draws in tests)]),
    }


def _column(parts: Sequence[Floats]) -> Floats:
    return np.concatenate([np.empty(0), *parts])


def _texts(named: Sequence[tuple[str, int]]) -> npt.NDArray[np.object_]:
    texts = np.empty(sum(size for _, size in named), dtype=object)
    at = 0
    for name, size in named:
        texts[at : at + size] = name
        at += size
    return texts
