"""The cost models of the reference: flat, Binance spot as semantics.md words it, the square-root law, and sums."""

from __future__ import annotations

from statistics import stdev
from typing import Any

from .values import Cost, Market, Paid

BPS = 1e-4
MAKER_BPS = (10.0, 9.0, 8.0, 7.0, 7.0)
TAKER_BPS = (10.0, 10.0, 10.0, 9.0, 9.0)
ATR_PERIOD = 14


def build(costs: tuple[str, dict[str, Any]] | Cost, markets: list[Market]) -> Cost:
    """The cost function that ``costs`` names, or ``costs`` itself."""
    if callable(costs):
        return costs
    name, options = costs
    if name == "basis-points":
        return basis_points(**options)
    if name == "binance-spot":
        return binance_spot(markets, **options)
    if name == "volume-slippage":
        return volume_slippage(markets, **options)
    if name == "composed":
        return added_up([build(part, markets) for part in options["models"]])
    raise ValueError(name)


def basis_points(fee_bps: float, spread_bps: float, slippage_bps: float) -> Cost:
    """Flat costs: fee on every fill; half of the quoted spread, and slippage, on taker fills."""

    def cost(_symbol: str, _side: int, quantity: float, price: float, liquidity: str, _index: int) -> Paid:
        notional = quantity * price
        fee = notional * fee_bps * BPS
        if liquidity == "maker":
            return fee, 0.0, 0.0
        return fee, notional * spread_bps * BPS / 2.0, notional * slippage_bps * BPS

    return cost


def binance_spot(
    markets: list[Market],
    vip_level: int = 0,
    pay_in_bnb: bool = True,
    volatility_window: int = 0,
    stepped_slippage: bool = True,
) -> Cost:
    """Fee by level (three quarters when paid in BNB), 1 bp of spread and stepped slippage on taker fills."""
    volatility = {market.symbol: atr_over_close(market) for market in markets}

    def cost(symbol: str, _side: int, quantity: float, price: float, liquidity: str, index: int) -> Paid:
        notional = quantity * price
        rate = (MAKER_BPS if liquidity == "maker" else TAKER_BPS)[vip_level] * BPS
        fee = notional * rate * (0.75 if pay_in_bnb else 1.0)
        if liquidity == "maker":
            return fee, 0.0, 0.0
        share = percentile(volatility[symbol], index, volatility_window)
        slippage = notional * slippage_step(notional) * BPS * (0.5 + share) if stepped_slippage else 0.0
        return fee, notional * 1.0 * BPS, slippage

    return cost


def volume_slippage(markets: list[Market], window: int, coefficient: float, fee_bps: float) -> Cost:
    """A fee, and on taker fills deviation of returns * sqrt(share of the mean volume), once the window is full."""
    known = {market.symbol: market for market in markets}

    def cost(symbol: str, _side: int, quantity: float, price: float, liquidity: str, index: int) -> Paid:
        market, notional = known[symbol], quantity * price
        fee = notional * fee_bps * BPS
        if liquidity == "maker" or index < window:
            return fee, 0.0, 0.0
        rows = range(index - window + 1, index + 1)
        returns = [market.close[i] / market.close[i - 1] - 1.0 for i in rows]
        volume = sum(market.volume[i] for i in rows) / window
        share = quantity / volume if volume else 1.0
        return fee, 0.0, notional * coefficient * stdev(returns) * share**0.5

    return cost


def added_up(parts: list[Cost]) -> Cost:
    """What all of ``parts`` charge."""

    def cost(*fill: Any) -> Paid:
        paid = [part(*fill) for part in parts]
        return sum(p[0] for p in paid), sum(p[1] for p in paid), sum(p[2] for p in paid)

    return cost


def slippage_step(notional: float) -> float:
    """Slippage in basis points before the volatility factor."""
    if notional < 100.0:
        return 1.0
    if notional < 500.0:
        return 2.0
    if notional < 1000.0:
        return 3.0
    return 5.0


def percentile(values: list[float | None], index: int, window: int) -> float:
    """Share of the last ``window`` values up to ``index`` that are <= the latest; 0.5 while there are fewer."""
    recent = [value for value in values[max(0, index - window + 1) : index + 1] if value is not None]
    if not window or len(recent) < window:
        return 0.5
    return len([value for value in recent if value <= recent[-1]]) / window


def atr_over_close(market: Market) -> list[float | None]:
    """Wilder's ATR(14) / close; None on the first 14 bars. The first ATR is the mean of true ranges 1 to 14."""
    values: list[float | None] = []
    ranges: list[float] = []
    atr = 0.0
    for i, close in enumerate(market.close):
        if i == 0:
            values.append(None)
            continue
        before = market.close[i - 1]
        high, low = market.high[i], market.low[i]
        ranges.append(max(high - low, abs(before - high), abs(before - low)))
        if i < ATR_PERIOD:
            values.append(None)
            continue
        atr = sum(ranges) / ATR_PERIOD if i == ATR_PERIOD else (atr * (ATR_PERIOD - 1) + ranges[-1]) / ATR_PERIOD
        values.append(atr / close)
    return values
