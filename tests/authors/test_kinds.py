"""Each kind of plugin, as an author meets it: generated, installed beside the core alone, tested, used, uninstalled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from quantsail_framework import RunResult
from quantsail_framework.scaffold import KINDS
from tests.authors.pages import tables
from tests.authors.uses import install_with_parts, pipeline, run, run_its_tests, trials_of
from tests.authors.workshop import Workshop

pytestmark = pytest.mark.slow


Used = Callable[[RunResult, Path], bool]
# What a run leaves that only the generated component can have left.
USED: Mapping[str, Used] = {
    "data-source": lambda result, _: result.facts["symbols"][0]["bars"] == 600,
    "strategy": lambda result, _: all("falling closes" in reason for reason in result.trades["reason"]),
    "bar-strategy": lambda result, _: all("20-bar high" in reason for reason in result.trades["reason"]),
    "cost-model": lambda result, _: bool((result.trades["fees"] > 0.0).all()),
    "sizer": lambda result, _: set(result.trades["bound_by"]) == {"share"},
    "risk-rule": lambda result, _: set(result.refusals["rule"]) == {"made-risk-rule"},
    "alert-sink": lambda _, desk: "Run finished" in (desk / "alerts.txt").read_text(encoding="utf-8"),
    "runner": lambda result, _: result.verdict in ("pass", "fail"),
    "reporter": lambda _, desk: "total_return" in (desk / "run" / "made-reporter.md").read_text(encoding="utf-8"),
    "observer": lambda result, desk: _lines(desk / "trades.txt") == len(result.trades["symbol"]),
}
# A stop at 2 % is refused by a limit of 1 %.
CHANGED = {"risk-rule": ("--set", "risk.made-risk-rule.max_stop_pct=1")}


def _lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("kind", KINDS)
def test_a_generated_plugin_is_installed_tested_used_and_uninstalled(
    kind: str, made: Mapping[str, Path], clean: Workshop, desk: Path
) -> None:
    distribution = f"quantsail-made-{kind}"
    clean.install_plugins([made[kind]])
    assert clean.plugins() == {f"made-{kind}": distribution}
    run_its_tests(clean, made[kind])
    USES.get(kind, use_in_a_run)(kind, made, clean, desk)
    clean.uninstall(distribution)
    assert f"made-{kind}" not in clean.plugins()


def use_in_a_run(kind: str, made: Mapping[str, Path], shop: Workshop, desk: Path) -> None:
    """What it is there for shows in what the run leaves."""
    install_with_parts(shop, made, kind)
    result = run(shop, desk, pipeline(made, kind), *CHANGED.get(kind, ())).result()
    assert len(result.trades["symbol"]) >= (0 if kind == "risk-rule" else 3)
    assert USED[kind](result, desk), result


def use_as_objective(kind: str, made: Mapping[str, Path], shop: Workshop, desk: Path) -> None:
    """The trials are ranked by it."""
    trials = trials_of(kind, made, shop, desk, tables(made[kind] / "README.md")).tables["trials"]
    expected = trials["total_return"] - 2.0 * trials["max_drawdown"]
    assert trials["score"].tolist() == pytest.approx(expected.tolist())


def use_as_executor(kind: str, made: Mapping[str, Path], shop: Workshop, desk: Path) -> None:
    """The trials run in its threads: an objective writes down in which."""
    (desk / "spy.py").write_text(_SPY, encoding="utf-8")
    own = tables(made[kind] / "README.md")
    trials_of(kind, made, shop, desk, f'{own}\n[sweep]\nobjective = {{ use = "spy.py:Spy" }}\n')
    names = (desk / "threads.txt").read_text(encoding="utf-8").split()
    assert len(names) >= 3
    assert all(name.startswith("ThreadPoolExecutor") for name in names[:3]), names


_SPY = """
import threading
import attrs

@attrs.frozen
class Spy:
    def score(self, result):
        with open("threads.txt", "a", encoding="utf-8") as file:
            file.write(threading.current_thread().name + "\\n")
        return result.metrics["total_return"]
"""


def use_as_an_option(kind: str, made: Mapping[str, Path], shop: Workshop, desk: Path) -> None:
    """A local observer sends what the run trades to the broker that the pipeline gives it."""
    install_with_parts(shop, made, kind)
    (desk / "copier.py").write_text(_COPIER, encoding="utf-8")
    option = tables(made[kind] / "README.md").replace("BTC/USDT", "TEST/USDT")
    text = pipeline(made, "runner") + f'\n[[observers]]\nuse = "copier.py:Copier"\npath = "copied.txt"\n{option}'
    filled = run(shop, desk, text).result().trades["quantity"].sum()
    assert float((desk / "copied.txt").read_text(encoding="utf-8")) == pytest.approx(filled)


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
        order_id = f"{position.symbol}-{position.entry_time_ns}"
        self.broker.submit(Order(order_id, position.symbol, position.side, position.quantity, "market"))

    def close(self):
        self.path.write_text(str(self.broker.balances()["TEST/USDT"]), encoding="utf-8")
"""


def use_as_a_verb(kind: str, made: Mapping[str, Path], shop: Workshop, desk: Path) -> None:
    """It counts the trades of a run of the other generated plugins."""
    install_with_parts(shop, made, kind)
    trades = run(shop, desk, pipeline(made, "runner")).result().trades
    counted = shop.quantsail(f"made-{kind}", "run", cwd=desk).split()
    assert dict(zip(counted[1::2], map(int, counted[::2]), strict=True)) == {
        reason: trades["exit_reason"].tolist().count(reason) for reason in set(trades["exit_reason"])
    }


USES = {
    "executor": use_as_executor,
    "objective": use_as_objective,
    "broker": use_as_an_option,
    "command": use_as_a_verb,
}


def test_every_kind_is_used_somehow() -> None:
    assert set(USED) | set(USES) == set(KINDS)
