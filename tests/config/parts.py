"""Tiny components of every kind that a pipeline names, with options of every type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs.validators import ge, gt, in_, min_len, optional

from quantsail_framework import ClassReference, Component, hookimpl
from quantsail_framework.config import Secret
from quantsail_framework.domain.timeframe import Timeframe
from quantsail_framework.ports.cost_model import CostModel


def option(doc: str = "An option.", **more: Any) -> Any:
    return attrs.field(metadata={"doc": doc}, **more)


@attrs.frozen
class Folder:
    path: Path = option("Folder of the candles.", default=Path("candles"))
    extra: tuple[Path, ...] = option("Further folders.", default=())

    def instruments(self, symbols: Any) -> Any:
        return {}

    def bars(self, requests: Any) -> Any:
        return iter(())


@attrs.frozen
class Trend:
    adx_period: int = option("Period of the ADX, in bars.", default=14, validator=ge(2))
    stop_atr: float = option("Distance of the stop, in ATR.", default=2.0, validator=gt(0))
    allow_short: bool = option("Whether it goes short.", default=False)
    mode: Literal["fast", "slow"] = option("How it enters.", default="fast")

    warmup = 0

    def signals(self, bars: Any) -> Any:
        raise AssertionError("config never runs a strategy")


@attrs.frozen
class Crossing:
    fast: int = option("Bars of the fast average.", validator=ge(1))
    slow: int = option("Bars of the slow average.", default=50)

    warmup = 0

    def __attrs_post_init__(self) -> None:
        if self.fast >= self.slow:
            raise ValueError(f"fast must be below slow, but {self.fast} >= {self.slow}")

    def prepare(self, bars: Any) -> Any:
        return {}

    def on_bar(self, view: Any, position: Any) -> Any:
        return None


@attrs.frozen
class Level:
    price: float = option("Price of the level.", validator=gt(0))
    weight: int = option("How much it counts.", default=1)


@attrs.frozen
class Levels:
    """A strategy with one option of every type there is."""

    levels: tuple[Level, ...] = option("Prices to watch.", default=())
    names: list[str] = option("Words.", factory=list, validator=min_len(0))
    weights: Mapping[str, float] = option("Weight by name.", factory=dict)
    band: tuple[float, float] = option("Lower and upper bound.", default=(0.0, 1.0))
    cap: float | None = option("Upper bound, none without.", default=None, validator=optional(gt(0)))
    size: int | str = option("A count, or a word.", default="auto")
    day: dt.date | None = option("A day.", default=None)
    moment: dt.datetime | None = option("A moment.", default=None)
    other: Timeframe = option("Another timeframe.", default=Timeframe("1h"))
    grade: str = option("A grade.", default="a", validator=in_(("a", "b")))

    warmup = 0

    def signals(self, bars: Any) -> Any:
        raise AssertionError("config never runs a strategy")


@attrs.frozen
class Wrapper:
    inner: ClassReference = option("The class that it wraps.")

    warmup = 0

    def signals(self, bars: Any) -> Any:
        raise AssertionError("config never runs a strategy")


@attrs.frozen
class Flat:
    fee_bps: float = option("Fee, in basis points.", default=10.0, validator=ge(0))

    def costs(self, side: int, quantity: float, price: float, liquidity: Any, market: Any) -> Any:
        raise AssertionError("config never asks for costs")


@attrs.frozen
class Sum:
    """A cost model of cost models: in a list, by name, and alone."""

    models: tuple[CostModel, ...] = option("What adds up.", validator=min_len(1))
    named: Mapping[str, CostModel] = attrs.field(factory=dict, metadata={"doc": "By market.", "symbols": True})
    last: CostModel = option("What comes on top.", factory=Flat)

    def costs(self, side: int, quantity: float, price: float, liquidity: Any, market: Any) -> Any:
        raise AssertionError("config never asks for costs")


@attrs.frozen
class Fixed:
    quantity: float = option("Units per trade.", default=1.0)

    def size(self, signal: Any, instrument: Any, portfolio: Any, market: Any) -> Any:
        raise AssertionError("config never sizes")


@attrs.frozen
class MaxLoss:
    limit: float = option("Loss of a day, in quote currency.", validator=ge(0))

    def check(self, request: Any, portfolio: Any, market: Any) -> Any:
        return None


@attrs.frozen
class MaxExposure:
    pct: float = option("Of equity, in percent.", default=100.0)

    def check(self, request: Any, portfolio: Any, market: Any) -> Any:
        return None


@attrs.frozen
class Messenger:
    token: Secret = option("Access token.")

    def open(self) -> None: ...

    def send(self, alert: Any) -> None: ...

    def close(self) -> None: ...


@attrs.frozen
class Listener:
    def open(self) -> None: ...

    def close(self) -> None: ...


@attrs.frozen
class Printer:
    width: int = option("Columns.", default=80)

    def write(self, result: Any, folder: Any) -> None: ...


@attrs.frozen
class Pool:
    workers: int = option("Processes.", default=2)

    def map(self, function: Any, items: Any, *, shared: Any) -> Any: ...


@attrs.frozen
class Backtest:
    both_touched: Literal["stop_first", "target_first"] = option("Which exit counts.", default="stop_first")

    def run(self, pipeline: Any, session: Any) -> Any: ...


@attrs.frozen
class Portless:
    """Fits no port."""


class Plain:
    """No attrs class, so it has no options."""

    warmup = 0

    def signals(self, bars: Any) -> Any: ...


def _offer(name: str, cls: type, summary: str = "A part of the tests.") -> Component:
    return Component(name, f"{__name__}:{cls.__name__}", summary)


class Parts:
    """The plugin that offers them."""

    @hookimpl
    def quantsail_data_sources(self) -> Iterable[Component]:
        yield _offer("folder", Folder)

    @hookimpl
    def quantsail_strategies(self) -> Iterable[Component]:
        yield _offer("trend", Trend, "Follows the trend.")
        yield _offer("crossing", Crossing)
        yield _offer("wrapper", Wrapper)
        yield _offer("levels", Levels)
        yield _offer("portless", Portless)
        yield _offer("plain", Plain)
        yield Component("hollow", "no_such_module:Hollow", "Cannot be imported.")

    @hookimpl
    def quantsail_cost_models(self) -> Iterable[Component]:
        yield _offer("flat", Flat)
        yield _offer("sum", Sum)

    @hookimpl
    def quantsail_sizers(self) -> Iterable[Component]:
        yield _offer("fixed", Fixed)

    @hookimpl
    def quantsail_risk_rules(self) -> Iterable[Component]:
        yield _offer("max-loss", MaxLoss)
        yield _offer("max-exposure", MaxExposure)

    @hookimpl
    def quantsail_alert_sinks(self) -> Iterable[Component]:
        yield _offer("messenger", Messenger)

    @hookimpl
    def quantsail_observers(self) -> Iterable[Component]:
        yield _offer("listener", Listener)

    @hookimpl
    def quantsail_reporters(self) -> Iterable[Component]:
        yield _offer("printer", Printer)

    @hookimpl
    def quantsail_executors(self) -> Iterable[Component]:
        yield _offer("pool", Pool)

    @hookimpl
    def quantsail_runners(self) -> Iterable[Component]:
        yield _offer("backtest", Backtest, "Looks back.")
