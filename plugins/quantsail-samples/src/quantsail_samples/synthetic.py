"""A seeded market for tests, examples and plugin authors: volatility regimes, fat tails, volume, correlated symbols.

It shows the stylised facts that strategies stumble over, and no others (no trend, no seasonality, no leverage effect):

- returns have fat tails, and large ones come in clusters: R. Cont, "Empirical properties of asset returns: stylized
  facts and statistical issues", Quantitative Finance 1 (2001) 223-236. Tails: Student's t, as in P. D. Praetz, "The
  distribution of share price changes", Journal of Business 45 (1972) 49-55. Clusters: two volatility regimes that
  follow a Markov chain, as in J. D. Hamilton, "A new approach to the economic analysis of nonstationary time series
  and the business cycle", Econometrica 57 (1989) 357-384.
- volume grows with the size of the move: J. M. Karpoff, "The relation between price changes and trading volume: a
  survey", Journal of Financial and Quantitative Analysis 22 (1987) 109-126.
- symbols move together through one common factor: W. F. Sharpe, "A simplified model for portfolio analysis",
  Management Science 9 (1963) 277-293.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

import attrs
import numpy as np

from quantsail_framework import options
from quantsail_framework.domain.bars import Bars, Floats, Ints
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.timeframe import NS_PER_DAY, NS_PER_SECOND, Timeframe
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest

NS_PER_YEAR = 365.25 * NS_PER_DAY
_MAX_NS = 2**63 - 1
# A path that moves by more than exp(+-100) is no market any more, and still far inside what a float holds.
_MAX_LOG_MOVE = 100.0


def _check_first(_instance: object, _field: attrs.Attribute[datetime], value: datetime) -> None:
    if value.tzinfo is None:
        raise ValueError(f"first = {value} has no time zone; give it UTC")
    if not 1970 <= value.year <= 2200:
        raise ValueError(f"first = {value} must lie in the years 1970 to 2200")


@attrs.frozen
class SyntheticSource:
    """One path per (seed, symbol, timeframe), the same each time; every symbol has one.

    The first bars stay as they are when ``length`` grows. Two timeframes of one symbol are two
    paths: the hours are not made of the minutes. Each open is the close of the slot before.
    """

    seed: int = options.within(0, 2**63 - 1, 0, "each seed is another market")
    length: int = options.within(1, 100_000_000, 10_000, "bars per symbol, those that gap_share leaves out included")
    first: datetime = attrs.field(
        default=datetime(2023, 1, 1, tzinfo=UTC),
        validator=_check_first,
        metadata={"doc": "open of the first bar; a date is its 00:00 UTC"},
    )
    price: float = options.within(1e-6, 1e9, 100.0, "open of the first bar, quote currency")
    calm_volatility: float = options.within(0.0, 10.0, 0.4, "annualised volatility of the calm regime, as a fraction")
    wild_volatility: float = options.within(0.0, 10.0, 1.2, "annualised volatility of the wild regime, as a fraction")
    regime_bars: float = options.within(1.0, 1e9, 500.0, "mean length of a regime, bars; all symbols share the regimes")
    degrees_of_freedom: float = options.within(2.1, 1e6, 4.0, "of Student's t; the smaller, the fatter the tails")
    correlation: float = options.within(0.0, 1.0, 0.5, "between the returns of any two symbols of one timeframe")
    volume: float = options.within(
        0.0, 1e15, 1_000.0, "median volume of a bar without a move, base currency; 0 for none"
    )
    gap_share: float = options.within(0.0, 0.99, 0.0, "share of bars that are missing")
    silent_share: float = options.within(0.0, 1.0, 0.0, "share of bars without trades: volume 0, price unmoved")

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Nothing: no venue, no rules."""
        return {}

    def bars(self, requests: Sequence[BarRequest]) -> Iterator[Bars]:
        """One Bars per request, made up to the asked end."""
        for request in requests:
            yield request.cut(self._path(request))

    def _path(self, request: BarRequest) -> Bars:
        symbol, timeframe = request.symbol, request.timeframe
        time = self._times(request)
        size = len(time)
        deviation, shock = self._moves(symbol, timeframe, size)
        silent = self._random(symbol, timeframe, "silent").random(size) < self.silent_share
        deviation[silent] = 0.0
        move = deviation * shock - deviation**2 / 2.0
        opens, high, low, close = self._prices(symbol, timeframe, move, deviation)
        noise = self._random(symbol, timeframe, "volume").standard_normal(size)
        volume = np.where(silent, 0.0, self.volume * (1.0 + np.abs(shock)) * np.exp(0.5 * noise))
        there = self._random(symbol, timeframe, "gaps").random(size) >= self.gap_share
        columns = (column[there] for column in (time, opens, high, low, close, volume))
        return Bars(symbol, timeframe, *columns, origin=f"synthetic market {self.seed}")

    def _times(self, request: BarRequest) -> Ints:
        first, step = int(self.first.timestamp()) * NS_PER_SECOND, request.timeframe.ns
        size = self.length if request.end_ns is None else min(self.length, max(0, -((first - request.end_ns) // step)))
        if first + size * step > _MAX_NS:
            raise DataError(
                f"synthetic: {size} bars of {request.timeframe} from {self.first:%Y-%m-%d} end after 2262; lower length"
            )
        return first + np.arange(size, dtype=np.int64) * step

    def _moves(self, symbol: str, timeframe: Timeframe, size: int) -> tuple[Floats, Floats]:
        """Standard deviation of each bar's log return, and the return in such deviations (variance 1).

        shock = sqrt(correlation) * common + sqrt(1 - correlation) * own, both Student's t scaled by
        sqrt((df - 2) / df) to variance 1. The regimes alternate, each lasting ``regime_bars`` in the mean.
        """
        freedom = self.degrees_of_freedom
        switches = self._random("", timeframe, "regimes").random(size) < 1.0 / self.regime_bars
        wild = np.cumsum(switches) % 2 == 1
        yearly = np.where(wild, self.wild_volatility, self.calm_volatility)
        common = self._random("", timeframe, "shocks").standard_t(freedom, size)
        own = self._random(symbol, timeframe, "shocks").standard_t(freedom, size)
        mixed = math.sqrt(self.correlation) * common + math.sqrt(1.0 - self.correlation) * own
        return yearly * math.sqrt(timeframe.ns / NS_PER_YEAR), mixed * math.sqrt((freedom - 2.0) / freedom)

    def _prices(self, symbol: str, timeframe: Timeframe, move: Floats, deviation: Floats) -> tuple[Floats, ...]:
        """Open, high, low and close of a path with log returns ``move``.

        The extremes are those of a Brownian bridge from 0 to r with deviation s: the maximum exceeds m with
        probability exp(-2 m (m - r) / s^2), so it is (r + sqrt(r^2 + 2 s^2 E)) / 2 with E exponential, and the
        minimum mirrors it (P. Glasserman, Monte Carlo Methods in Financial Engineering, 2004, section 6.4). The
        two are drawn apart, which the true pair is not.
        """
        level = np.cumsum(move)
        if len(level) and max(-level.min(), level.max()) > _MAX_LOG_MOVE:
            raise DataError(f"synthetic: the price of {symbol} leaves all bounds; lower the volatilities or length")
        close = self.price * np.exp(level)
        opens = np.concatenate([[self.price], close[:-1]])[: len(close)]

        def reach(purpose: str) -> Floats:
            draws = self._random(symbol, timeframe, purpose).standard_exponential(len(move))
            return np.sqrt(move**2 + 2.0 * deviation**2 * draws)

        high = np.maximum(opens * np.exp((move + reach("highs")) / 2.0), np.maximum(opens, close))
        low = np.minimum(opens * np.exp((move - reach("lows")) / 2.0), np.minimum(opens, close))
        return opens, high, low, close

    def _random(self, symbol: str, timeframe: Timeframe, purpose: str) -> np.random.Generator:
        """The generator of one purpose; symbol "" is the market. Each draws one number a bar, in order."""
        words = (_word(symbol), timeframe.ns // NS_PER_SECOND, _word(purpose))
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=words))


def _word(text: str) -> int:
    """A number that stands for ``text`` in every process, unlike ``hash``."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")
