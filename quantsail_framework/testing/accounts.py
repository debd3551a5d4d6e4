"""Random accounts, signals and requests for the cases of sizers and risk rules, from a seeded generator."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import attrs
import numpy as np

from quantsail_framework.domain.fill import Costs
from quantsail_framework.domain.instrument import Instrument
from quantsail_framework.domain.order import Liquidity, Request, Signal
from quantsail_framework.domain.timeframe import NS_PER_DAY, NS_PER_SECOND
from quantsail_framework.domain.trade import EXIT_REASONS, Trade
from quantsail_framework.ports.market import Market
from quantsail_framework.testing import markets
from quantsail_framework.testing.contract import expect
from quantsail_framework.testing.fakes import (
    CAPITAL,
    FakeMarket,
    FakePortfolio,
    entry_order,
    position,
    request,
    signal,
    trade,
)

BAR_NS = 300 * NS_PER_SECOND
SYMBOLS = ("TEST/USDT", "BTC/USDT", "ADA/USDT")


@attrs.frozen(eq=False)
class Situation:
    """One question to a sizer or a risk rule, and the account and market it is asked in."""

    signal: Signal
    instrument: Instrument
    request: Request
    portfolio: FakePortfolio
    market: Market


def situations(count: int, seed: int, *, bars: int = 600) -> Iterator[Situation]:
    """``count`` situations on a market of three symbols with ``bars`` bars each, at random moments of it.

    Prices reach from 1e-6 to 1e5 quote, stops from a hundredth of a percent to 30 %, accounts from ruined
    to rich; some hold positions and waiting entries of either side.
    """
    rng = np.random.default_rng(seed)
    series = {name: markets.random_walk(seed + row, bars, symbol=name) for row, name in enumerate(SYMBOLS)}
    length = series[SYMBOLS[0]].timeframe.ns
    for _ in range(count):
        seen = int(rng.integers(bars // 2, bars + 1))
        now_ns = markets.START_NS + seen * length
        asked = _signal(rng, now_ns - length)
        quantity = float(CAPITAL * rng.uniform(0.001, 0.5) / asked.price)
        given = {name: getattr(asked, name) for name in ("symbol", "side", "price", "stop", "target")}
        yield Situation(
            asked,
            _instrument(rng, asked),
            request(_ten_bps(quantity), quantity=quantity, **given),
            portfolio(rng, now_ns),
            FakeMarket(series, now_ns, asked.symbol),
        )


def extreme_situations(warmup: int) -> Iterator[Situation]:
    """Situations on markets at the edge of what there is, with ``warmup`` bars and 60 more: each with a stop 1 % and a
    ten-billionth away, and with accounts from a millionth to a quadrillion, and one that owes money."""
    for bars in markets.extremes(warmup + 60).values():
        price = float(bars.close[-1])
        now_ns = int(bars.time[-1]) + bars.timeframe.ns
        for distance, cash in itertools.product((1e-2, 1e-10), (1e-6, CAPITAL, 1e15, -1e3)):
            levels = {"price": price, "stop": price * (1.0 - distance), "target": price * (1.0 + distance)}
            asked = signal(symbol=bars.symbol, time_ns=int(bars.time[-1]), **levels)
            quantity = abs(cash) / price
            wanted = request(_ten_bps(quantity), symbol=bars.symbol, quantity=quantity, **levels)
            account = FakePortfolio(cash=cash, day_end_ns=now_ns - now_ns % NS_PER_DAY + NS_PER_DAY)
            yield Situation(asked, Instrument(bars.symbol), wanted, account, FakeMarket(bars, now_ns))


def scaled_account(situation: Situation, factor: float) -> Situation:
    """The same question to an account with ``factor`` times the cash, equity and available cash."""
    account = situation.portfolio
    figures = {name: getattr(account, name) * factor for name in ("capital", "cash", "equity", "available")}
    return attrs.evolve(situation, portfolio=attrs.evolve(account, **figures))


def _ten_bps(quantity: float) -> Callable[[int, float, Liquidity], Costs]:
    return lambda _side, price, _liquidity: Costs(quantity * price * 0.001)


def portfolio(rng: np.random.Generator, now_ns: int) -> FakePortfolio:
    """An account at ``now_ns``; its figures need not add up, they need only be possible."""
    cash = CAPITAL * float(rng.choice([0.0, 0.01, rng.uniform(0.1, 3.0)]))
    sides = rng.choice([1, -1], len(SYMBOLS))
    drawn = [position(symbol=name, side=int(side)) for name, side in zip(SYMBOLS, sides, strict=True)]
    held = {each.symbol: each for each in drawn[1:] if rng.random() < 0.4}
    waiting = {name: entry_order(symbol=name) for name in SYMBOLS[1:] if name not in held and rng.random() < 0.2}
    day_start = now_ns - now_ns % NS_PER_DAY
    return FakePortfolio(
        cash=cash,
        positions=held,
        pending=waiting,
        equity=cash + float(rng.normal(0.0, 500.0)),
        available=cash * float(rng.uniform(-0.2, 1.0)),
        exposure=100.0 * (len(held) + len(waiting)),
        unrealised=float(rng.normal(0.0, 50.0)) if held else 0.0,
        trades_today=int(rng.integers(0, 6)),
        realised_today=float(rng.normal(0.0, 60.0)),
        day_end_ns=day_start + NS_PER_DAY,
        trades=_closed_trades(rng, now_ns),
    )


def _closed_trades(rng: np.random.Generator, now_ns: int) -> list[Trade]:
    """Up to 60 trades of the last two days, some of the bar that has just closed; a list, as the engine's own is."""
    closed = int(rng.integers(0, 60) * rng.integers(0, 2))
    bars_ago = rng.integers(1, 2 * NS_PER_DAY // BAR_NS, closed)
    bars_ago[rng.random(closed) < 0.2] = 1
    times = now_ns - BAR_NS * np.sort(bars_ago)[::-1]
    nets = np.where(rng.random(closed) < 0.5, 0.0, rng.normal(0.0, 30.0, closed))
    columns = rng.choice(SYMBOLS, closed), times, rng.choice(EXIT_REASONS, closed), nets, rng.uniform(1.0, 50.0, closed)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        trade(symbol=symbol, exit_time=time, exit_reason=reason, net_pnl=net, risk=risk)
        for symbol, time, reason, net, risk in rows
    ]


def figures(account: FakePortfolio) -> dict[str, Any]:
    """All that a component can see of an account, spelt out so that a change inside a position shows."""
    return {field.name: _spelt_out(getattr(account, field.name)) for field in attrs.fields(FakePortfolio)}


def _spelt_out(value: Any) -> Any:
    if isinstance(value, str | int | float | Trade):  # what cannot change is its own copy
        return value
    if attrs.has(type(value)):
        return [_spelt_out(getattr(value, field.name)) for field in attrs.fields(type(value))]
    if isinstance(value, Mapping):
        return {name: _spelt_out(each) for name, each in value.items()}
    return [_spelt_out(each) for each in value] if isinstance(value, list | tuple) else value


def expect_unchanged(who: str, before: dict[str, Any], account: FakePortfolio) -> None:
    """Raise ContractError when ``account`` no longer has the figures of ``before``."""
    changed = [f"portfolio.{name}" for name, value in figures(account).items() if value != before[name]]
    expect(not changed, f"{who} changed {', '.join(changed)}")


def _signal(rng: np.random.Generator, time_ns: int) -> Signal:
    side = int(rng.choice([1, -1]))
    price = float(10.0 ** rng.uniform(-6.0, 5.0))
    risk, gain = 10.0 ** rng.uniform(-4.0, -0.5, 2)
    target = price * (1.0 + side * gain) if rng.random() < 0.8 else None
    return signal(
        symbol=SYMBOLS[0],
        side=side,
        price=price,
        stop=float(price * (1.0 - side * risk)),
        target=None if target is None else float(target),
        confidence=float(rng.uniform()),
        time_ns=time_ns,
    )


def _instrument(rng: np.random.Generator, asked: Signal) -> Instrument:
    if rng.random() < 0.5:
        return Instrument(asked.symbol)
    return Instrument(asked.symbol, tick=Decimal("0.00000001"), lot=Decimal("0.001"), min_notional=10.0)
