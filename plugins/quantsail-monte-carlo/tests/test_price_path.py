"""Candles that could have come instead: real moves, valid candles, symbols that move together."""

from __future__ import annotations

from itertools import pairwise

import attrs
import numpy as np
import pytest

from quantsail_framework import Bars, Timeframe
from quantsail_framework.domain.resample import resample
from quantsail_framework.engine import MarketData, load_market
from quantsail_framework.errors import PipelineError
from quantsail_framework.testing.examples import example_pipeline
from quantsail_framework.testing.fakes import FakeSource
from quantsail_framework.testing.markets import gapping, random_walk
from quantsail_monte_carlo.price_path import check_can_be_resampled, resampled

ONE, TWO = "ONE/USDT", "TWO/USDT"


def data_of(*series: Bars) -> MarketData:
    by_symbol = {bars.symbol: bars for bars in series}
    spec = attrs.evolve(example_pipeline().data, symbols=tuple(by_symbol))
    return load_market(example_pipeline(source=FakeSource(by_symbol), data=spec))


def path_of(data: MarketData, seed: int = 1) -> MarketData:
    return resampled(data, np.random.default_rng(seed))


def moves(bars: Bars) -> list[tuple[float, ...]]:
    """Open, high, low, close over the close before, and the volume, of each bar but the first."""
    before = bars.close[:-1]
    columns = [getattr(bars, name)[1:] / before for name in ("open", "high", "low", "close")]
    return list(zip(*(column.round(9).tolist() for column in columns), bars.volume[1:].tolist(), strict=True))


def test_a_path_is_made_of_real_moves_in_other_order() -> None:
    bars = random_walk(3, 500, symbol=ONE)
    path = path_of(data_of(bars)).bars[ONE]
    assert path.time.tolist() == bars.time.tolist()
    assert path.close[0] == bars.close[0]
    real, drawn = moves(bars), moves(path)
    assert set(drawn) < set(real)
    assert drawn != real
    # Most bars are followed by the one that did follow: blocks of about sqrt(500) = 22 bars.
    follows = dict(pairwise(real))
    kept = np.mean([follows.get(one) == two for one, two in pairwise(drawn)])
    assert 0.85 < kept < 1.0


def test_symbols_share_the_blocks() -> None:
    """A market that is always three times the other still is after drawing."""
    one = random_walk(3, 400, symbol=ONE)
    columns = {name: getattr(one, name) * 3.0 for name in ("open", "high", "low", "close")}
    two = Bars(TWO, one.timeframe, one.time, **columns, volume=one.volume)
    paths = path_of(data_of(one, two)).bars
    for name in columns:
        assert getattr(paths[TWO], name) == pytest.approx(3.0 * getattr(paths[ONE], name))


def test_gaps_and_late_listings_travel_with_the_blocks() -> None:
    whole, gappy = random_walk(3, 400, symbol=ONE), gapping(4, 400, symbol=TWO)
    late = gappy.slice(100, 400)
    paths = path_of(data_of(whole, late)).bars
    assert paths[TWO].time[0] == late.time[0]
    assert set(moves(paths[TWO])) <= set(moves(late))
    assert set(moves(paths[ONE])) <= set(moves(whole))
    everything = {*whole.time.tolist(), *late.time.tolist()}
    assert {*paths[ONE].time.tolist(), *paths[TWO].time.tolist()} <= everything


def test_zero_volume_and_made_bars_stay_what_they_are() -> None:
    bars = random_walk(3, 300, symbol=ONE)
    synthetic = np.arange(300) % 3 == 2
    made = attrs.evolve(bars, volume=np.where(synthetic, 0.0, bars.volume), synthetic=synthetic)
    path = path_of(data_of(made)).bars[ONE]
    assert path.synthetic is not None
    assert path.synthetic.tolist() == (path.volume == 0.0).tolist()
    assert 0 < path.synthetic.sum() < 300


def test_informative_series_are_made_of_the_path() -> None:
    hour = Timeframe("1h")
    bars = random_walk(3, 600, symbol=ONE)
    with_hours = attrs.evolve(bars, others={(ONE, "1h"): resample(bars, hour).bars, (ONE, "5m"): bars})
    data = data_of(with_hours)
    assert len(data.bars[ONE].others) == 2
    path = path_of(data).bars[ONE]
    longer = path.others[ONE, "1h"]
    assert longer.close.tolist() == resample(path, hour).bars.close.tolist()
    assert path.others[ONE, "5m"].close.tolist() == path.close.tolist()
    check_can_be_resampled(data)


def test_an_informative_series_of_another_market_cannot_be_made() -> None:
    bars, other = random_walk(3, 100, symbol=ONE), random_walk(4, 100, symbol="BTC/USDT")
    spec = attrs.evolve(example_pipeline().data, symbols=(ONE,), informative=(("BTC/USDT", bars.timeframe),))
    data = load_market(example_pipeline(source=FakeSource({ONE: bars, "BTC/USDT": other}), data=spec))
    with pytest.raises(PipelineError, match="price-path: the informative series BTC/USDT@5m cannot be made"):
        check_can_be_resampled(data)


def test_one_seed_gives_one_path() -> None:
    data = data_of(random_walk(3, 200, symbol=ONE))
    one, again, other = (path_of(data, seed).bars[ONE].content_hash for seed in (1, 1, 2))
    assert one == again != other
