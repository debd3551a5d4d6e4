"""The synthetic market: the same each time, always valid, and with the properties that its options ask for."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.errors import DataError
from quantsail_framework.ports.data_source import BarRequest
from quantsail_samples.synthetic import NS_PER_YEAR, SyntheticSource

COLUMNS = ("time", "open", "high", "low", "close", "volume")
START = 1_672_531_200_000_000_000  # 2023-01-01 00:00 UTC


def make(symbol: str = "A/USDT", timeframe: str = "5m", *, end_ns: int | None = None, **options: Any) -> Bars:
    return next(SyntheticSource(**options).bars([BarRequest(symbol, Timeframe(timeframe), end_ns=end_ns)]))


def returns(bars: Bars) -> np.ndarray:
    return np.diff(np.log(bars.close))


def test_first_values_stay_as_they_are() -> None:
    """Any change to the generator changes every result that was made with it: it must be deliberate."""
    bars = make(seed=7, length=3)
    assert bars.time.tolist() == [START, START + 300_000_000_000, START + 600_000_000_000]
    assert bars.open[0] == 100.0
    assert bars.high.tolist() == pytest.approx([100.08803232242765, 100.11877547177178, 100.16972863068177], rel=1e-12)
    assert bars.low.tolist() == pytest.approx([99.93439263099046, 99.86716980057435, 100.02284997518908], rel=1e-12)
    assert bars.close.tolist() == pytest.approx([100.0265249815642, 100.11430210915222, 100.10589168028683], rel=1e-12)
    assert bars.volume.tolist() == pytest.approx([573.6077767260596, 966.6247030962232, 2810.139943240777], rel=1e-12)


def test_same_in_another_process() -> None:
    code = (
        "from quantsail_samples.synthetic import SyntheticSource;"
        "from quantsail_framework.domain.timeframe import Timeframe;"
        "from quantsail_framework.ports.data_source import BarRequest;"
        "print(next(SyntheticSource(seed=5, length=500).bars([BarRequest('A/USDT', Timeframe('5m'))])).content_hash)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == make(seed=5, length=500).content_hash


def test_seed_symbol_and_timeframe_each_give_another_path() -> None:
    paths = [make(), make(seed=1), make("B/USDT"), make(timeframe="1h"), make("A/USDT:USDT")]
    assert len({bars.close[-1] for bars in paths}) == len(paths)
    assert make(timeframe="60m").close.tolist() == make(timeframe="1h").close.tolist()


@pytest.mark.parametrize("length", [1, 2, 7, 1_000, 4_999])
def test_more_bars_keep_the_first_ones(length: int) -> None:
    whole, part = make(length=5_000), make(length=length)
    assert all(getattr(part, name).tolist() == getattr(whole, name)[:length].tolist() for name in COLUMNS)
    early = make(length=5_000, end_ns=int(whole.time[0]) + length * 300_000_000_000)
    assert early.content_hash == part.content_hash


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "seed": st.integers(0, 2**63 - 1),
            "length": st.integers(1, 300),
            "price": st.floats(1e-6, 1e9),
            "calm_volatility": st.floats(0.0, 3.0),
            "wild_volatility": st.floats(0.0, 10.0),
            "regime_bars": st.floats(1.0, 1e9),
            "degrees_of_freedom": st.floats(2.1, 100.0),
            "correlation": st.floats(0.0, 1.0),
            "volume": st.floats(0.0, 1e15),
            "gap_share": st.floats(0.0, 0.99),
            "silent_share": st.floats(0.0, 1.0),
        }
    ),
    st.sampled_from(["1s", "1m", "5m", "1h", "1d"]),
    st.text(min_size=1, max_size=12),
)
def test_whatever_the_options_the_bars_are_valid(options: dict[str, Any], timeframe: str, symbol: str) -> None:
    """Bars refuses what breaks its rules, so making one is the test; and every bar opens on its slot."""
    bars = make(symbol, timeframe, **options)
    assert len(bars) <= options["length"]
    assert not ((bars.time - START) % Timeframe(timeframe).ns).any()


def test_volatility_is_annualised() -> None:
    # One regime: the deviation of 5 m returns is volatility * sqrt(5 m / 1 y), 0.8 * sqrt(300 / 31,557,600) = 0.2467 %.
    bars = make(length=200_000, calm_volatility=0.8, wild_volatility=0.8, degrees_of_freedom=10.0)
    assert returns(bars).std() == pytest.approx(0.8 * np.sqrt(300e9 / NS_PER_YEAR), rel=0.02)
    assert returns(bars).std() == pytest.approx(0.002467, rel=0.02)


def test_regimes_cluster_the_large_moves() -> None:
    one = make(length=100_000, calm_volatility=0.8, wild_volatility=0.8, degrees_of_freedom=10.0)
    two = make(length=100_000, calm_volatility=0.2, wild_volatility=1.6, degrees_of_freedom=10.0)

    def clustering(bars: Bars) -> float:
        size = np.abs(returns(bars))
        return float(np.corrcoef(size[100:], size[:-100])[0, 1])

    assert abs(clustering(one)) < 0.02
    assert clustering(two) > 0.2


def test_regimes_last_as_long_as_asked() -> None:
    # With no calm volatility a bar moves exactly when the regime is wild.
    moves = returns(make(length=200_000, calm_volatility=0.0, regime_bars=50.0)) != 0.0
    switches = np.count_nonzero(np.diff(moves))
    assert 200_000 / switches == pytest.approx(50.0, rel=0.05)


def test_tails_grow_as_degrees_of_freedom_shrink() -> None:
    def kurtosis(freedom: float) -> float:
        options = {"calm_volatility": 0.5, "wild_volatility": 0.5, "correlation": 0.0}
        moves = returns(make(length=200_000, degrees_of_freedom=freedom, **options))
        return float(((moves - moves.mean()) ** 4).mean() / moves.var() ** 2)

    # Student's t has kurtosis 3 + 6 / (df - 4): 3.06 at 100, 4 at 10.
    assert kurtosis(100.0) == pytest.approx(3.06, abs=0.1)
    assert kurtosis(10.0) == pytest.approx(4.0, abs=0.3)
    assert kurtosis(3.0) > 10.0


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
def test_symbols_are_correlated_as_asked(correlation: float) -> None:
    options = {"length": 100_000, "correlation": correlation, "degrees_of_freedom": 8.0}
    moves = [returns(make(symbol, **options)) for symbol in ("A/USDT", "B/USDT", "C/USDT")]
    found = np.corrcoef(moves)
    assert found[np.triu_indices(3, 1)] == pytest.approx([correlation] * 3, abs=0.03)


def test_volume_grows_with_the_move() -> None:
    bars = make(length=50_000, volume=200.0)
    size, volume = np.abs(returns(bars)), bars.volume[1:]
    assert np.corrcoef(size, np.log(volume))[0, 1] > 0.3
    still = volume[size < np.quantile(size, 0.02)]
    assert np.median(still) == pytest.approx(200.0, rel=0.05)
    assert not make(volume=0.0).volume.any()


def test_gaps_and_silent_bars() -> None:
    bars = make(length=50_000, gap_share=0.2, silent_share=0.1)
    assert len(bars) == pytest.approx(40_000, rel=0.02)
    silent = bars.volume == 0.0
    assert silent.mean() == pytest.approx(0.1, abs=0.01)
    for name in ("open", "high", "low"):
        assert (getattr(bars, name)[silent] == bars.close[silent]).all()
    assert (make("B/USDT", length=50_000, gap_share=0.2).time[:1_000] != bars.time[:1_000]).any()


def test_an_open_is_the_close_before_and_the_range_is_that_of_a_random_walk() -> None:
    bars = make(length=100_000, calm_volatility=0.8, wild_volatility=0.8, degrees_of_freedom=100.0)
    assert (bars.open[1:] == bars.close[:-1]).all()
    # A Brownian motion's mean range over one unit of time is sqrt(8 / pi) = 1.596 standard deviations (Feller 1951).
    span = np.log(bars.high / bars.low).mean() / returns(bars).std()
    assert span == pytest.approx(1.596, rel=0.03)


def test_first_and_range() -> None:
    source = SyntheticSource(length=100, first=datetime(2020, 2, 29, 12, tzinfo=UTC))
    begin = 1_582_977_600_000_000_000
    wanted = BarRequest("A/USDT", Timeframe("1h"), begin + 36_000_000_000_000, begin + 72_000_000_000_000, warmup=4)
    bars = next(source.bars([wanted]))
    assert bars.time[0] == begin + 6 * 3_600_000_000_000
    assert len(bars) == 14
    whole = next(source.bars([BarRequest("A/USDT", Timeframe("1h"))]))
    assert whole.close[6:20].tolist() == bars.close.tolist()
    before = BarRequest("A/USDT", Timeframe("1h"), end_ns=begin)
    assert len(next(source.bars([before]))) == 0


def test_refused_options() -> None:
    for options in ({"seed": -1}, {"length": 0}, {"degrees_of_freedom": 2.0}, {"correlation": 1.5}, {"gap_share": 1.0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            SyntheticSource(**options)
    with pytest.raises(ValueError, match="has no time zone; give it UTC"):
        SyntheticSource(first=datetime(2023, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="must lie in the years 1970 to 2200"):
        SyntheticSource(first=datetime(1969, 1, 1, tzinfo=UTC))


def test_paths_that_run_away_and_times_beyond_2262_are_refused() -> None:
    with pytest.raises(DataError, match="the price of A/USDT leaves all bounds; lower the volatilities or length"):
        make(timeframe="1d", length=10_000, calm_volatility=10.0, wild_volatility=10.0)
    with pytest.raises(DataError, match="synthetic: 100000 bars of 1w from 2023-01-01 end after 2262; lower length"):
        make(timeframe="1w", length=100_000)
