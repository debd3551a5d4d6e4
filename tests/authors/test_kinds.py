"""Each kind of plugin, as an author meets it: generated, installed beside the core alone, tested, used, uninstalled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from quantsail_framework import RunResult
from quantsail_framework.scaffold import KINDS
from tests.authors.pages import PARTS, tables
from tests.authors.pipelines import copied_fills, install_parts, pipeline, run, spied_trials, sweep
from tests.authors.workshop import Workshop

pytestmark = pytest.mark.slow


def own(made: Mapping[str, Path], kind: str) -> str:
    """What the plugin of that kind says in a pipeline, in the words of its README."""
    return tables(made[kind] / "README.md")


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
    clean.install_by_pip(made[kind])
    assert clean.plugins() == {f"made-{kind}": distribution}
    clean.test(made[kind])
    USES.get(kind, use_in_a_run)(kind, made, clean, desk)
    clean.uninstall_by_pip(distribution)
    assert f"made-{kind}" not in clean.plugins()


def use_in_a_run(kind: str, made: Mapping[str, Path], shop: Workshop, desk: Path) -> None:
    """What it is there for shows in what the run leaves."""
    install_parts(shop, made, kind)
    # A bar strategy stands in the place of the strategy.
    said = {} if kind in PARTS else {KINDS[kind].registers: own(made, kind)}
    result = run(shop, desk, pipeline(made, said), *CHANGED.get(kind, ())).result()
    assert len(result.trades["symbol"]) >= (0 if kind == "risk-rule" else 3)
    assert USED[kind](result, desk), result


def use_as_objective(kind: str, made: Mapping[str, Path], shop: Workshop, desk: Path) -> None:
    """The trials are ranked by it."""
    install_parts(shop, made, kind)
    trials = sweep(shop, made, desk, own(made, kind)).tables["trials"]
    expected = trials["total_return"] - 2.0 * trials["max_drawdown"]
    assert trials["score"].tolist() == pytest.approx(expected.tolist())


def use_as_executor(kind: str, made: Mapping[str, Path], shop: Workshop, desk: Path) -> None:
    """The trials run in its threads."""
    install_parts(shop, made, kind)
    names = spied_trials(shop, made, desk, own(made, kind), "threading.current_thread().name")
    assert all(name.startswith("ThreadPoolExecutor") for name in names), names


def use_as_an_option(kind: str, made: Mapping[str, Path], shop: Workshop, desk: Path) -> None:
    """What the run trades is filled at the price that the broker is given, far from that of the candles."""
    install_parts(shop, made, kind)
    result, fills = copied_fills(shop, made, desk, own(made, kind))
    assert {fill.price for fill in fills} == {50_000.0}
    bought = sum(fill.quantity for fill in fills if fill.side > 0)
    assert bought == pytest.approx(result.trades["quantity"].sum())


def use_as_a_verb(kind: str, made: Mapping[str, Path], shop: Workshop, desk: Path) -> None:
    """It counts the trades of a run of the other generated plugins."""
    install_parts(shop, made, kind)
    trades = run(shop, desk, pipeline(made)).result().trades
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
