"""How much a Sharpe ratio proves: its own uncertainty, and what the best of many trials shows by luck alone.

Sharpe ratios here are per period of the returns, not annualised: sharpe / sqrt(periods a year).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import attrs
import numpy as np
import numpy.typing as npt

from quantsail_framework.metrics.undefined import ROUNDING, Undefined, Value, finite

Floats = npt.NDArray[np.float64]

EULER_GAMMA = 0.5772156649015329
_NORMAL = NormalDist()


@attrs.frozen
class SharpeMoments:
    """What the Sharpe ratio of ``observations`` returns rests on.

    ``sharpe``: per period, mean / sample deviation. ``skewness``: third standardised moment, 0 for a normal
    distribution. ``kurtosis``: fourth standardised moment, 3 (not 0) for a normal distribution.
    """

    observations: int
    sharpe: float
    skewness: float = 0.0
    kurtosis: float = 3.0


def sharpe_moments(returns: Floats) -> SharpeMoments | Undefined:
    """The moments of simple returns, one per period; skewness and kurtosis are those of the population.

    Undefined below two returns and without variance.
    """
    found = _sharpe(returns)
    if isinstance(found, Undefined):
        return found
    ratio, apart, variance = found
    scaled = apart / math.sqrt(variance)
    return SharpeMoments(returns.size, ratio, float((scaled**3).mean()), float((scaled**4).mean()))


def period_sharpe(returns: Floats) -> Value:
    """The ``sharpe`` of ``sharpe_moments`` alone, in a third of the time."""
    found = _sharpe(returns)
    return found if isinstance(found, Undefined) else found[0]


def _sharpe(returns: Floats) -> tuple[float, Floats, float] | Undefined:
    """Mean / sample deviation, how far each return is from the mean, and the variance of the population."""
    if returns.size < 2:
        return Undefined("fewer than two returns")
    mean = float(returns.mean())
    apart = returns - mean
    variance = float(np.square(apart).mean())
    if math.sqrt(variance) <= ROUNDING:
        return Undefined("returns do not vary")
    return mean / math.sqrt(variance * returns.size / (returns.size - 1)), apart, variance


def probabilistic_sharpe(moments: SharpeMoments, benchmark: float = 0.0) -> Value:
    """Probability that the true Sharpe ratio exceeds ``benchmark`` (per period): in [0, 1].

    PSR = Z[(SR - benchmark) * sqrt(T - 1) / sqrt(1 - skewness * SR + (kurtosis - 1) / 4 * SR ** 2)], Z the
    normal distribution function, T observations. Undefined below two observations and where the moments
    leave the Sharpe ratio no variance. Source: Bailey and Lopez de Prado, The Sharpe Ratio Efficient
    Frontier, Journal of Risk, 2012.
    """
    spread = _sharpe_spread(moments)
    if isinstance(spread, Undefined):
        return spread
    score = finite((moments.sharpe - benchmark) * math.sqrt(moments.observations - 1) / spread)
    return score if isinstance(score, Undefined) else _NORMAL.cdf(score)


def min_track_record_length(moments: SharpeMoments, benchmark: float = 0.0, confidence: float = 0.95) -> Value:
    """Observations after which a Sharpe ratio of this size exceeds ``benchmark`` with ``confidence`` in (0, 1).

    MinTRL = 1 + (1 - skewness * SR + (kurtosis - 1) / 4 * SR ** 2) * (Z^-1[confidence] / (SR - benchmark)) ** 2,
    in periods of the returns; compare with ``observations``. Undefined where SR is not above the benchmark:
    no length would prove it. Source: Bailey and Lopez de Prado, 2012, as for ``probabilistic_sharpe``.
    """
    spread = _sharpe_spread(moments)
    if isinstance(spread, Undefined):
        return spread
    if moments.sharpe <= benchmark:
        return Undefined("the Sharpe ratio is not above the benchmark")
    root = spread * _NORMAL.inv_cdf(confidence) / (moments.sharpe - benchmark)
    return finite(1.0 + root * root)


def expected_max_sharpe(trials: int, variance: float) -> float:
    """The Sharpe ratio that the best of ``trials`` independent trials without any skill is expected to show.

    sqrt(variance) * ((1 - gamma) * Z^-1[1 - 1 / N] + gamma * Z^-1[1 - 1 / (N * e)]), gamma the
    Euler-Mascheroni constant, ``variance`` that of the trials' Sharpe ratios (per period); 0 for one trial.
    Close from about ten trials on. Raises ValueError for less than one trial or a variance below zero.
    Source: Bailey and Lopez de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management, 2014.
    """
    if trials < 1:
        raise ValueError(f"trials is {trials!r}; there must be at least one")
    if not 0.0 <= variance < math.inf:
        raise ValueError(f"variance is {variance!r}; it must be a finite number from 0")
    if trials == 1:
        return 0.0
    # Z^-1[1 - p] = -Z^-1[p], and 1 - p would round to 1 for many trials.
    typical, late = -_NORMAL.inv_cdf(1.0 / trials), -_NORMAL.inv_cdf(1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER_GAMMA) * typical + EULER_GAMMA * late)


def deflated_sharpe(moments: SharpeMoments, trials: int, variance: float) -> Value:
    """Probability that the true Sharpe ratio exceeds what the best of ``trials`` shows by luck: in [0, 1].

    DSR = PSR with ``expected_max_sharpe(trials, variance)`` as the benchmark; ``variance`` is that of the
    Sharpe ratios (per period) of all trials, ``moments`` those of the chosen one. Trials that resemble each
    other count as fewer. Undefined as ``probabilistic_sharpe``, raises as ``expected_max_sharpe``.
    Source: Bailey and Lopez de Prado, 2014, as there.
    """
    return probabilistic_sharpe(moments, expected_max_sharpe(trials, variance))


def _sharpe_spread(moments: SharpeMoments) -> Value:
    """sqrt(T - 1) times the standard deviation of the estimated Sharpe ratio."""
    if moments.observations < 2:
        return Undefined("fewer than two returns")
    sharpe = moments.sharpe
    variance = finite(1.0 - moments.skewness * sharpe + (moments.kurtosis - 1.0) / 4.0 * sharpe * sharpe)
    if isinstance(variance, Undefined):
        return variance
    return math.sqrt(variance) if variance > ROUNDING else Undefined("the Sharpe ratio has no variance")
