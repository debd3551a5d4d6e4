"""Nasty random markets, signals, accounts and rules: by seed, or as a hypothesis strategy that shrinks.

A Recipe says what kind of case it is, in a few plain choices that go from simple to nasty (so
hypothesis shrinks towards the simple end); ``build`` turns it into markets and settings. All numbers
come from generators seeded by the recipe's seed, one per symbol and purpose, so fewer bars or
symbols leave the rest of a case as it was.

Limits are odd numbers on purpose: a share of 10 % against a limit of 50 % would be decided by the
last bit of a float, about which two right programs may differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st

from .values import FREE, Action, Market, Plan, Settings, follow_plans

MINUTE = 60_000_000_000
TIMEFRAMES = {"5m": 5 * MINUTE, "15m": 15 * MINUTE, "1h": 60 * MINUTE, "4h": 240 * MINUTE, "1d": 1440 * MINUTE}
# Around changes of summer time, a year's end, and a leap day.
DAYS = ((2023, 3, 10), (2022, 10, 27), (2021, 12, 29), (2024, 2, 27))
SYMBOLS = ("AAA/USD", "BBB/USD", "CCC/USD", "DDD/USD")
# Standard deviation of one bar's return.
MOVES = {"calm": 0.004, "gappy": 0.012, "coarse": 0.03, "stuck": 0.008, "wild": 0.06, "soaring": 0.05}
ON_HALVES = ("coarse", "stuck")  # every price a multiple of 0.5
RULES = (
    "profitability-gate",
    "max-concurrent-positions",
    "max-daily-trades",
    "max-daily-loss",
    "max-exposure",
    "max-correlated-positions",
    "max-drawdown",
    "max-consecutive-losses",
    "stop-loss-guard",
    "cooldown",
    "daily-target",
    "volatility-spike",
    "test-breaker-losses",
    "test-breaker-drawdown",
    "test-breaker-range",
    "test-breaker-locked",
)
ACTIONS = ("refuse", "flatten")
CHOICES: dict[str, Sequence[Any]] = {
    "bars": range(3, 121),
    "symbols": (1, 2, 3, 4),
    "timeframe": ("1h", "5m", "15m", "4h", "1d"),
    "zone": ("UTC", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe"),
    "calendar": ("same", "starts_and_ends", "holes", "sessions"),
    "prices": tuple(MOVES),
    "volume": ("full", "none", "silent_bars"),
    "synthetic": (False, True),
    "instruments": (False, True),
    "warmup": (0, 0, 1, 5, 20),
    "density": (0.05, 0.2, 0.6, 1.0),
    "sides": ("long", "short", "both"),
    "levels": ("normal", "near", "far", "broken"),
    "trails": (False, True),
    "max_bars": (False, True),
    "exits": (0.0, 0.05, 0.3),
    "strategy": ("columns", "bar"),
    "both_touched": ("stop_first", "target_first"),
    "capital": (10_007.0, 10_007.0, 1_003.0, 211.0, 57.0),
    "sizer": ("default", "eager", "all_in"),
    "costs": ("none", "flat", "binance", "binance_volatility", "volume", "composed", "huge"),
}
DAILY = {"capital": 10_007.0, "warmup": 0, "sizer": "eager", "rules": ("max-daily-trades", "max-daily-loss")}
# Shorts in a soaring market with far stops, or costs beyond all measure. Few get there: they are laid twice.
RUIN: tuple[dict[str, Any], ...] = (
    {"prices": "soaring", "sides": "short", "levels": "remote", "sizer": "eager", "exits": 0.0, "rules": ()},
    {"prices": "soaring", "levels": "remote", "sizer": "eager", "costs": "huge", "calendar": "holes", "rules": ()},
)
PLAIN: dict[str, Any] = {
    "bars": 120,
    "calendar": "same",
    "volume": "full",
    "synthetic": False,
    "sides": "long",
    "levels": "normal",
    "strategy": "columns",
    "trails": False,
    "max_bars": False,
    "exits": 0.0,
    "capital": 10_007.0,
}
# Choices that only together lead somewhere: one of these is laid over each case.
STORIES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {},
    *RUIN,
    *RUIN,
    # Entries and exits that wait for late bars while another symbol trips a breaker.
    {"symbols": 4, "calendar": "holes", "density": 1.0, "levels": "near", "rules": ("test-breaker-losses",)},
    {"symbols": 4, "volume": "silent_bars", "density": 0.6, "levels": "near", "rules": ("test-breaker-drawdown",)},
    # What most strategies are: entries with levels, and nothing else to look at; alone, and with others' trails.
    PLAIN | {"symbols": 1, "density": 0.6},
    PLAIN | {"symbols": 2, "density": 0.2, "rules": ("max-daily-loss", "test-breaker-losses")},
    PLAIN | {"symbols": 3, "density": 0.6, "trails": True, "rules": ("test-breaker-locked",)},
    # Trails and bar strategies with room to move.
    {"trails": True, "levels": "far", "exits": 0.0, "max_bars": False, "rules": ()},
    {"strategy": "bar", "levels": "far", "exits": 0.05, "density": 0.6},
    # Several days of many trades, gaps and refused fills among them.
    {"timeframe": "1h", "bars": 100, "symbols": 3, "prices": "gappy", "levels": "near", "density": 1.0} | DAILY,
    {"timeframe": "4h", "bars": 60, "symbols": 2, "prices": "wild", "levels": "near", "density": 0.6} | DAILY,
    # Breakers that have something to do, several at once.
    {"symbols": 3, "bars": 120, "density": 0.6, "levels": "near", "rules": ("cooldown", "stop-loss-guard")},
    {"symbols": 3, "bars": 100, "density": 1.0, "levels": "near", "rules": ("max-consecutive-losses", "daily-target")},
    {"symbols": 2, "bars": 120, "density": 0.6, "sizer": "eager", "rules": ("max-drawdown", "volatility-spike")},
    # Crowded accounts, where every unit of exposure and of cost counts.
    {"symbols": 4, "density": 1.0, "sizer": "eager", "costs": "flat", "rules": ("max-exposure", "profitability-gate")},
    # Prices that hardly move: returns without variance, levels met exactly.
    {"symbols": 4, "density": 0.6, "prices": "stuck", "rules": ("max-correlated-positions",)},
)


@dataclass(frozen=True)
class Recipe:
    """What kind of case; the words are those of CHOICES."""

    seed: int
    bars: int
    symbols: int
    timeframe: str
    zone: str
    calendar: str
    prices: str
    volume: str
    synthetic: bool
    instruments: bool
    warmup: int
    density: float
    sides: str
    levels: str
    trails: bool
    max_bars: bool
    exits: float
    strategy: str
    both_touched: str
    capital: float
    sizer: str
    costs: str
    rules: tuple[str, ...]

    def random(self, *purpose: object) -> Random:
        """A generator of its own for each purpose."""
        return Random("/".join(str(part) for part in (self.seed, *purpose)))


@dataclass(frozen=True)
class Case:
    """A run for both sides: build bars, instruments and signals (or a bar strategy) from ``markets``."""

    recipe: Recipe
    markets: list[Market]
    settings: Settings


def seeded(seed: int) -> Case:
    """The case of a seed."""
    draw = Random(f"recipe/{seed}")
    chosen = {name: draw.choice(choices) for name, choices in CHOICES.items()}
    wanted = draw.choice((0, 0, 1, 1, 2, 3, len(RULES)))
    chosen |= {"seed": seed, "rules": tuple(draw.sample(RULES, wanted))}
    return build(Recipe(**(chosen | draw.choice(STORIES))))


def recipes() -> st.SearchStrategy[Recipe]:
    """Recipes for hypothesis; they shrink to few bars of one symbol and simple choices."""
    drawn: dict[str, Any] = {name: st.sampled_from(choices) for name, choices in CHOICES.items()}
    drawn["rules"] = st.lists(st.sampled_from(RULES), unique=True, max_size=len(RULES)).map(tuple)
    drawn["seed"] = st.integers(0, 2**32 - 1)
    stories = st.sampled_from(STORIES)
    return st.builds(lambda plain, story: Recipe(**(plain | story)), st.fixed_dictionaries(drawn), stories)


def cases() -> st.SearchStrategy[Case]:
    """Whole cases for hypothesis."""
    return recipes().map(build)


def build(recipe: Recipe) -> Case:
    """Markets and settings of a recipe."""
    start = _start(recipe)
    common = recipe.random("common")
    factor = [common.gauss(0.0, 1.0) for _ in range(CHOICES["bars"][-1])]
    markets = [_market(recipe, number, start, factor) for number in range(recipe.symbols)]
    settings = Settings(
        timeframe=TIMEFRAMES[recipe.timeframe],
        capital=recipe.capital,
        both_touched=recipe.both_touched,
        zone=recipe.zone,
        sizer=_sizer(recipe),
        costs=_costs(recipe),
        rules=[(name, _rule(recipe, name)) for name in recipe.rules],
        on_bar=follow_plans(markets) if recipe.strategy == "bar" else None,
    )
    return Case(recipe, markets, settings)


# ---- bars ----------------------------------------------------------------------------------


def _start(recipe: Recipe) -> int:
    """A bar open time at some hour of one of DAYS."""
    draw = recipe.random("start")
    day = datetime(*draw.choice(DAYS), tzinfo=UTC)
    time = int(day.timestamp()) * 1_000_000_000 + draw.randrange(24) * 60 * MINUTE
    return time - time % TIMEFRAMES[recipe.timeframe]


def _slots(recipe: Recipe, number: int) -> list[float]:
    """Which bars of the common clock a symbol has; halves lie between two of the others' bars."""
    draw, everything = recipe.random("calendar", number), range(recipe.bars)
    if recipe.calendar == "starts_and_ends":
        first = draw.randrange(max(1, recipe.bars // 2))
        chosen: list[float] = list(everything[first : first + draw.randrange(2, recipe.bars + 1)])
    elif recipe.calendar == "holes":
        share = draw.choice((0.05, 0.3, 0.7))
        chosen = [slot for slot in everything if draw.random() >= share]
    elif recipe.calendar == "sessions" and number % 2:
        # Opens half a bar after the even symbols' session has closed, and closes half a bar before their next.
        chosen = [slot + 0.5 for slot in everything if slot // 8 % 2 and slot % 8 != 7]
    elif recipe.calendar == "sessions":
        chosen = [slot for slot in everything if slot // 8 % 2 == 0]
    else:
        chosen = list(everything)
    return chosen or [0]


def _market(recipe: Recipe, number: int, start: int, factor: list[float]) -> Market:
    slots = _slots(recipe, number)
    draw = recipe.random("instrument", number)
    digits = draw.choice((2, 3)) if recipe.instruments else None
    rows = _prices(recipe, number, slots, factor, digits)
    market = Market(
        symbol=SYMBOLS[number],
        time=[start + int(slot * TIMEFRAMES[recipe.timeframe]) for slot in slots],
        open=[row[0] for row in rows],
        high=[row[1] for row in rows],
        low=[row[2] for row in rows],
        close=[row[3] for row in rows],
        volume=_volume(recipe, number, len(slots)),
        synthetic=_synthetic(recipe, number, len(slots)),
        first=recipe.warmup,
    )
    if digits is not None:
        market.tick = Decimal(1).scaleb(-draw.choice((digits, digits - 1)))
        market.lot = draw.choice((Decimal("0.001"), Decimal("0.03"), Decimal("0.25"), None))
        market.min_notional = draw.choice((0.0, 0.0, 5.3, 37.7))
    if recipe.strategy == "bar":
        market.plan = _plan(recipe, number, market)
    else:
        _signals(recipe, number, market)
    return market


def _prices(
    recipe: Recipe, number: int, slots: list[float], factor: list[float], digits: int | None
) -> list[tuple[float, float, float, float]]:
    """Open, high, low, close of a walk with a common part, gaps between bars, and sometimes a coarse grid."""
    draw = recipe.random("prices", number)
    sigma, drift = MOVES[recipe.prices], 0.07 if recipe.prices == "soaring" else 0.0
    weight = draw.choice((-0.8, 0.0, 0.6, 0.95))
    price = 20.0 if recipe.prices in ON_HALVES else draw.choice((100.0, 23.7, 7.1, 1_731.0))
    rows = []
    for slot in slots:
        jump = draw.gauss(0.0, 3.0 * sigma) if draw.random() < (0.3 if recipe.prices != "calm" else 0.05) else 0.0
        own = math.sqrt(1.0 - weight * weight) * draw.gauss(0.0, 1.0)
        open_ = price * math.exp(jump)
        close = open_ * math.exp(drift + sigma * (weight * factor[int(slot)] + own))
        high = max(open_, close) * (1.0 + abs(draw.gauss(0.0, sigma)))
        low = min(open_, close) / (1.0 + abs(draw.gauss(0.0, sigma)))
        price = min(max(close, 1.0), 1e6)
        rows.append(_on_grid(recipe, (open_, high, low, close), digits))
    return rows


def _on_grid(
    recipe: Recipe, row: tuple[float, float, float, float], digits: int | None
) -> tuple[float, float, float, float]:
    """Prices in halves (so that levels are met exactly), on the tick, or as they are."""
    if recipe.prices in ON_HALVES:
        values = [max(0.5, round(value * 2.0) / 2.0) for value in row]
    elif digits is not None:
        values = [max(0.1, round(value, digits)) for value in row]
    else:
        values = [max(0.01, value) for value in row]
    return values[0], max(values), min(values), values[3]


def _volume(recipe: Recipe, number: int, size: int) -> list[float]:
    draw = recipe.random("volume", number)
    if recipe.volume == "none":
        return [0.0] * size
    return [
        0.0 if recipe.volume == "silent_bars" and draw.random() < 0.2 else draw.uniform(1.0, 9.0) for _ in range(size)
    ]


def _synthetic(recipe: Recipe, number: int, size: int) -> list[bool]:
    draw = recipe.random("synthetic", number)
    return [draw.random() < 0.15 for _ in range(size)] if recipe.synthetic else []


# ---- signals -------------------------------------------------------------------------------


def _entry(recipe: Recipe, draw: Random, close: float) -> dict[str, Any]:
    """One entry signal at ``close``, in units of the market's usual move; sometimes broken."""
    side = {"long": 1, "short": -1}.get(recipe.sides) or draw.choice((1, -1))
    near, wide = {"near": (0.2, 1.5), "far": (5.0, 30.0), "remote": (20.0, 200.0)}.get(recipe.levels, (0.8, 4.0))
    unit = MOVES[recipe.prices] * close

    def away() -> float:
        distance = draw.uniform(near, wide) * unit
        return max(0.5, round(distance * 2.0) / 2.0) if recipe.prices in ON_HALVES else distance

    stop, target = close - side * away(), close + side * away()
    signal: dict[str, Any] = {
        "side": side,
        "stop": max(stop, close * 0.03) if side > 0 else stop,
        "target": draw.choice((None, math.nan)) if draw.random() < 0.25 else max(target, close * 0.03),
        "confidence": round(draw.random(), 2),
        "trail": away() + 0.5 * unit if recipe.trails and draw.random() < 0.6 else None,
        "max_bars": draw.randrange(7) if recipe.max_bars else 0,
        "reason": f"{draw.randrange(1000)}",
    }
    if recipe.levels == "broken" and draw.random() < 0.4:
        signal |= draw.choice(
            (
                {"stop": close},
                {"stop": math.nan},
                {"stop": close + side * unit},
                {"target": close - 0.5 * side * unit},
                {"target": close},
                {"confidence": 1.2},
                {"confidence": math.nan},
            )
        )
    return signal


def _signals(recipe: Recipe, number: int, market: Market) -> None:
    draw = recipe.random("signals", number)
    for close in market.close:
        wanted, signal = draw.random() < recipe.density, _entry(recipe, draw, close)
        market.entry.append(signal["side"] if wanted else 0)
        market.exit.append(draw.random() < recipe.exits)
        for name in ("stop", "target", "confidence", "trail", "max_bars", "reason"):
            getattr(market, name).append(signal[name])


def _plan(recipe: Recipe, number: int, market: Market) -> Plan:
    """A bar strategy's actions by bar and by what it holds; Adjust tightens, loosens and errs."""
    draw = recipe.random("plan", number)
    plan: Plan = []
    for close in market.close:
        actions: dict[str, Action] = {}
        signal, unit = _entry(recipe, draw, close), MOVES[recipe.prices] * close
        if draw.random() < recipe.density:
            actions["flat"] = ("enter", signal)
        for name, side in (("long", 1), ("short", -1)):
            adjusted = (
                close - side * draw.uniform(-0.3, 3.0) * unit if draw.random() < 0.7 else None,
                close + side * draw.uniform(-0.3, 4.0) * unit if draw.random() < 0.4 else None,
            )
            doing = draw.random()
            if doing < recipe.exits:
                actions[name] = ("exit",)
            elif doing < recipe.exits + 0.3:
                actions[name] = ("adjust", *adjusted)
            elif doing < recipe.exits + 0.35:
                actions[name] = ("enter", signal)
        plan.append(actions or None)
    return plan


# ---- the account ---------------------------------------------------------------------------


def _sizer(recipe: Recipe) -> dict[str, float]:
    if recipe.sizer == "eager":
        return {"max_risk_per_trade_pct": 100.0, "max_position_pct_equity": 37.3, "min_notional": 5.9}
    if recipe.sizer == "all_in":
        # Less than most costs, so that the cash check bites; nothing at all would leave it to the last bit.
        greedy = {"max_risk_per_trade_pct": 9.1, "max_position_pct_equity": 97.9}
        return greedy | {"min_notional": 10.0, "cash_buffer_pct": 0.05}
    return {"max_risk_per_trade_pct": 0.5, "max_position_pct_equity": 10.3, "min_notional": 3.1}


def _costs(recipe: Recipe) -> tuple[str, dict[str, Any]]:
    draw = recipe.random("costs")
    if recipe.costs == "flat":
        return "basis-points", {"fee_bps": 7.5, "spread_bps": 2.0, "slippage_bps": draw.choice((0.0, 3.0))}
    if recipe.costs == "binance":
        return "binance-spot", {"vip_level": draw.randrange(5), "pay_in_bnb": draw.choice((True, False))}
    if recipe.costs == "binance_volatility":
        return "binance-spot", {"volatility_window": draw.choice((3, 10, 50))}
    volume = {"window": draw.choice((3, 10)), "coefficient": draw.choice((0.11, 0.83)), "fee_bps": 3.0}
    if recipe.costs == "volume":
        return "volume-slippage", volume
    if recipe.costs == "composed":
        spot = {
            "vip_level": 3,
            "volatility_window": draw.choice((0, 5)),
            "stepped_slippage": draw.choice((True, False)),
        }
        return "composed", {"models": [("binance-spot", spot), FREE, ("volume-slippage", volume)]}
    if recipe.costs == "huge":
        return "basis-points", {
            "fee_bps": draw.choice((300.0, 2_000.0, 9_000.0)),
            "spread_bps": 70.0,
            "slippage_bps": 0.0,
        }
    return FREE


def _rule(recipe: Recipe, name: str) -> dict[str, Any]:
    """Options of one rule, tight enough to bite."""
    draw = recipe.random("rule", name)
    if name == "profitability-gate":
        return {"min_profit": recipe.capital * draw.choice((0.00001, 0.0013, 0.0051))}
    if name in ("max-concurrent-positions", "max-daily-trades"):
        return {"limit": draw.choice((0, 1, 1, 2, 2, 3, 3, 5))}
    if name == "max-daily-loss":
        limit = recipe.capital * draw.choice((0.0, 0.00131, 0.00131, 0.00713, 0.00713, 0.0317))
        return {"limit": limit, "include_open": draw.choice((False, True)), "action": draw.choice(ACTIONS)}
    if name == "max-exposure":
        return {"pct": draw.choice((0.0, 7.37, 23.71, 23.71, 61.31, 61.31))}
    if name == "max-correlated-positions":
        return {
            "limit": draw.choice((1, 1, 2)),
            "window": draw.choice((3, 8)),
            "threshold": draw.choice((-0.5, 0.13, 0.71)),
        }
    return _breaker(recipe, name, draw)


def _breaker(recipe: Recipe, name: str, draw: Random) -> dict[str, Any]:
    """Options of a rule that acts by itself."""
    action = {"action": draw.choice(ACTIONS)}
    duration = {"duration": int(TIMEFRAMES[recipe.timeframe] * draw.choice((1, 2.5, 7, 30)))}
    longer = {"duration": draw.choice((duration["duration"], "day", "run"))}
    if name == "max-drawdown":
        return {"pct": draw.choice((0.27, 1.31, 4.73))} | action | longer
    if name == "max-consecutive-losses":
        return {"limit": draw.choice((1, 2, 3))} | action | longer
    if name == "stop-loss-guard":
        window = int(TIMEFRAMES[recipe.timeframe] * draw.choice((1, 3, 12)))
        return {"limit": draw.choice((1, 2, 3)), "window": window} | action | longer
    if name == "cooldown":
        scope = draw.choice(("symbol", "all"))
        return {"scope": scope} | (action if scope == "all" else {}) | longer
    if name == "daily-target":
        target = recipe.capital * draw.choice((0.00071, 0.00313, 0.0217))
        return {"target": target, "include_open": draw.choice((False, True))} | action
    if name == "volatility-spike":
        # The ATR of one bar settles at once, that of two within 40 bars.
        period, needs = draw.choice(((1, 3), (2, 41)))
        multiple = {"atr_multiple": draw.choice((1.37, 2.03))}
        return {"atr_period": period, "needs": needs} | multiple | action | longer
    if name == "test-breaker-losses":
        return {"watches": "trades", "losses": draw.choice((1, 2, 3))} | action | duration
    if name == "test-breaker-drawdown":
        return {"watches": "equity", "drawdown_pct": draw.choice((0.31, 1.73, 6.17))} | action | duration
    if name == "test-breaker-locked":
        return {"watches": "trades", "locked": True} | action | duration
    wide = 100.0 * MOVES[recipe.prices] * draw.choice((2.03, 3.07))
    return {"watches": "bars", "symbol": SYMBOLS[0], "range_pct": wide} | action | duration
