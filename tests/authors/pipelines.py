"""Runs in the clean environment: pipelines of generated plugins, with a component that a test is about among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from quantsail_framework import RunResult
from quantsail_framework.results import StoredRun, read_run
from tests.authors.pages import PARTS, parts
from tests.authors.workshop import ROOT, Workshop


def pipeline(made: Mapping[str, Path], said: Mapping[str, str] | None = None) -> str:
    """A pipeline of generated plugins, nothing else being there; ``said``: kind of component to other words for it."""
    whole = "\n".join((parts(made) | dict(said or {})).values())
    return whole.replace("[pipeline]\n", '[pipeline]\nname = "made"\ncapital = 10_000\n')


def install_parts(shop: Workshop, made: Mapping[str, Path], without: str) -> None:
    """Install what such a pipeline needs beside a plugin of that kind."""
    shop.install_plugins([made[part] for part in PARTS if part != without])


def run(shop: Workshop, desk: Path, text: str, *arguments: str, **environment: str) -> StoredRun:
    """Run a pipeline into the folder ``run`` of the desk."""
    (desk / "made.toml").write_text(text, encoding="utf-8")
    shop.quantsail("run", "made.toml", "--out", "run", "--quiet", *arguments, cwd=desk, **environment)
    return read_run(desk / "run")


def sweep(shop: Workshop, made: Mapping[str, Path], desk: Path, said: str) -> RunResult:
    """Three trials of the generated strategy by the first-party runner; ``said`` is what the file says beside."""
    shop.install_plugins([ROOT / "plugins" / "quantsail-sweep"])
    base = pipeline(made).replace('runner = "made-runner"', 'runner = "sweep"')
    parameters = ("--set", "sweep.parameters.strategy.falls=[2,3,4]", "--set", "sweep.min_trades=1")
    result = run(shop, desk, f"{base}\n{said}", *parameters).result()
    assert sorted(result.tables["trials"]["strategy.falls"].tolist()) == [2, 3, 4]
    return result


def spied_trials(shop: Workshop, made: Mapping[str, Path], desk: Path, executor: str, what: str) -> list[str]:
    """Where the three trials of a sweep ran: ``what`` is Python that an objective evaluates for each of them."""
    (desk / "spy.py").write_text(_SPY.replace("WHAT", what), encoding="utf-8")
    sweep(shop, made, desk, f'{executor}\n[sweep]\nobjective = {{ use = "spy.py:Spy" }}\n')
    lines = (desk / "spied.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 3
    return lines[:3]


_SPY = """
import os
import threading
import attrs

@attrs.frozen
class Spy:
    def score(self, result):
        with open("spied.txt", "a", encoding="utf-8") as file:
            file.write(f"{WHAT}\\n")
        return result.metrics["total_return"]
"""


class CopiedFill(NamedTuple):
    """What a broker made of an order."""

    side: int
    quantity: float
    price: float


def copied_fills(
    shop: Workshop, made: Mapping[str, Path], desk: Path, broker: str
) -> tuple[RunResult, list[CopiedFill]]:
    """A run whose entries and exits a local observer sends to the broker that the pipeline gives it, and its fills."""
    (desk / "copier.py").write_text(_COPIER, encoding="utf-8")
    option = broker.replace("BTC/USDT", "TEST/USDT")
    observer = f'[[observers]]\nuse = "copier.py:Copier"\npath = "copied.txt"\n{option}'
    result = run(shop, desk, pipeline(made, {"observer": observer})).result()
    rows = (line.split() for line in (desk / "copied.txt").read_text(encoding="utf-8").splitlines())
    return result, [CopiedFill(int(side), float(quantity), float(price)) for side, quantity, price in rows]


_COPIER = """
from pathlib import Path
import attrs
from quantsail_framework.ports.broker import Broker, Order

@attrs.frozen
class Copier:
    broker: Broker
    path: Path

    def open(self):
        pass

    def order_filled(self, position):
        self._send("in", position, position.side, position.entry_time_ns)

    def trade_closed(self, trade):
        self._send("out", trade, -1 if trade.side == "long" else 1, trade.entry_time)

    def _send(self, what, each, side, entered):
        self.broker.submit(Order(f"{what}-{entered}", each.symbol, side, each.quantity, "market"))

    def close(self):
        lines = [f"{fill.side} {fill.quantity} {fill.price}" for fill in self.broker.fills_since(0)]
        self.path.write_text("\\n".join(lines), encoding="utf-8")
"""
