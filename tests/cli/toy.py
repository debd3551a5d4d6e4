"""A toy plugin with one component of every kind that a run needs, so that the command line is tested alone."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from tests.plugins_.site import FakeSite

HOOKS = """
@hookimpl
def quantsail_data_sources():
    yield Component("toy-data", "toy_parts:Data", "No candles.")

@hookimpl
def quantsail_strategies():
    yield Component("toy-strategy", "toy_parts:Strategy", "Never trades.")

@hookimpl
def quantsail_cost_models():
    yield Component("toy-costs", "toy_parts:Costs", "Free.")

@hookimpl
def quantsail_sizers():
    yield Component("toy-sizer", "toy_parts:Sizer", "Nothing.")

@hookimpl
def quantsail_runners():
    yield Component("toy", "toy_parts:Toy", "Runs nothing at all.")
    yield Component("other", "toy_parts:Toy", "Runs nothing else.")

@hookimpl
def quantsail_alert_sinks():
    yield Component("toy-sink", "toy_parts:Sink", "Appends to a file.")

@hookimpl
def quantsail_observers():
    yield Component("toy-observer", "toy_parts:Observer", "Appends to a file.")

@hookimpl
def quantsail_reporters():
    yield Component("toy-reporter", "toy_parts:Reporter", "Prints.")

@hookimpl
def quantsail_commands():
    yield Component("wave", "toy_parts:wave", "Waves.")
"""

PARTS = '''
import time
from pathlib import Path

import attrs
import click
import numpy as np

from quantsail_framework import Costs as CostValues, RunResult, Signals
from quantsail_framework.domain.order import Sizing
from quantsail_framework.errors import DeliveryError, RunError


def option(default, doc, **more):
    return attrs.field(default=default, metadata={"doc": doc}, **more)


@attrs.frozen
class Data:
    def instruments(self, symbols):
        return {}

    def bars(self, requests):
        return iter(())


@attrs.frozen
class Strategy:
    period: int = option(14, "Bars of the average.", validator=attrs.validators.ge(2))
    factor: float = option(1.5, "Stop distance in ATR.")

    @property
    def warmup(self):
        return self.period

    def signals(self, bars):
        return Signals(np.zeros(bars.size, np.int8), np.zeros(bars.size))


@attrs.frozen
class Costs:
    def costs(self, side, quantity, price, liquidity, market):
        return CostValues()


@attrs.frozen
class Sizer:
    def size(self, signal, instrument, portfolio, market):
        return Sizing(0.0, "toy")


@attrs.frozen
class Toy:
    mode: str = option("ok", "What becomes of the run.")

    def run(self, pipeline, session):
        (session.folder / "notes.txt").write_text("kept by the runner")
        session.progress(0.5, "half")
        print("chatter of a component")
        if self.mode == "fail":
            raise RunError("the toy broke at 2020-01-01")
        if self.mode == "ask":
            pipeline.strategy.signals(None)
        if self.mode == "crash":
            error = KeyError("bug")
            error.add_note("in runner 'toy' of quantsail-toy 1.0")
            raise error
        if self.mode == "hang":
            Path("hanging").touch()
            time.sleep(30)
        if session.events:
            session.events.trade_closed("a trade")
            session.events.equity_updated(1, 2.0)
        total_return = float("nan") if self.mode == "notanumber" else 0.0
        metrics = {"total_trades": 0, "total_return": total_return, "sharpe": None}
        tables = {
            "trades": {"symbol": np.array([], object), "entry_time": np.array([], np.int64)},
            "equity": {"time": np.array([0, 3_600_000_000_000]), "equity": np.array([1000.0, 1000.0])},
        }
        undefined, facts = {"sharpe": "no trades"}, {"data": {"A/USD": "none"}}
        return RunResult("toy", pipeline.name, tables, metrics, undefined, facts, ("A toy.",))


@attrs.frozen
class Sink:
    path: str = option("alerts.txt", "File.")
    broken: bool = option(False, "Raise instead of sending.")
    hang: bool = option(False, "Never come back from sending.")

    def open(self):
        Path(self.path).open("a").write("open ")

    def send(self, alert):
        if self.hang:
            Path("hanging").touch()
            time.sleep(30)
        if self.broken:
            raise DeliveryError("no such chat", permanent=True)
        Path(self.path).open("a").write(f"{alert.kind}:{alert.level}:{alert.text} ")

    def close(self):
        Path(self.path).open("a").write("close\\n")


@attrs.frozen
class Observer:
    path: str = option("events.txt", "File.")
    broken: bool = option(False, "Raise in trade_closed.")

    def open(self):
        self._write("open")

    def run_started(self, name):
        self._write(f"started {name}")

    def trade_closed(self, trade):
        if self.broken:
            raise ValueError("no disk")
        self._write(trade)

    def run_finished(self, result):
        self._write(f"finished {Path(result.facts['folder']).joinpath('manifest.json').exists()}")

    def close(self):
        self._write("close")

    def _write(self, text):
        with Path(self.path).open("a") as stream:
            stream.write(text + "\\n")


@attrs.frozen
class Reporter:
    fail: bool = option(False, "Raise.")

    def write(self, result, folder):
        if self.fail:
            raise RuntimeError("printer on fire")
        print(f"report of {result.name}, complete: {(folder / 'manifest.json').exists()}")


@click.command()
def wave():
    """Wave."""
    click.echo("o/")
'''

PIPELINE = """\
[pipeline]
name = "toy run"
runner = "toy"
capital = 1_000
[data]
use = "toy-data"
symbols = ["A/USD"]
timeframe = "1h"
[strategy]
use = "toy-strategy"
[costs]
use = "toy-costs"
[sizer]
use = "toy-sizer"
"""


def toy_site(folder: Path) -> FakeSite:
    """A site with the toy plugin installed."""
    site = FakeSite(folder / "site")
    site.install("toy", HOOKS)
    (site.folder / "toy_parts.py").write_text(dedent(PARTS))
    return site


def write_pipeline(folder: Path, more: str = "") -> Path:
    """A pipeline of toys, with further tables after it."""
    path = folder / "toy.toml"
    path.write_text(PIPELINE + dedent(more))
    return path
