"""The longest winning and losing streaks of a run: the command `quantsail streaks`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import attrs
import click
import numpy as np
from quantsail_framework.domain.result import Table
from quantsail_framework.results import read_run


@attrs.frozen
class Streaks:
    """Of the trades of one symbol, or of all (None): how many there are, and the most in a row that won and that lost."""

    symbol: str | None
    trades: int
    winning: int
    losing: int


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, as_json: bool) -> None:
    """Tell the longest winning and losing streaks of the run in the folder RUN, by symbol and of all trades."""
    found = streaks(read_run(folder).table("trades"))
    if as_json:
        click.echo(json.dumps([attrs.asdict(each) for each in found], indent=2, ensure_ascii=False))
        return
    width = max(len(each.symbol or "SYMBOL") for each in found)
    click.echo(f"{'SYMBOL':{width}}  TRADES  WINNING  LOSING")
    for each in found:
        click.echo(f"{each.symbol or 'all':{width}}  {each.trades:6}  {each.winning:7}  {each.losing:6}")


def streaks(trades: Table) -> list[Streaks]:
    """Of each symbol, then of all, in the order in which the trades ended. A net result of zero ends either streak."""
    in_order = np.argsort(trades["exit_time"], kind="stable")
    ended = list(zip(trades["symbol"][in_order], np.sign(trades["net_pnl"][in_order]), strict=True))
    symbols = sorted({symbol for symbol, _ in ended})
    return [_streaks(each, [sign for symbol, sign in ended if each in (None, symbol)]) for each in (*symbols, None)]


def _streaks(symbol: str | None, signs: list[float]) -> Streaks:
    return Streaks(symbol, len(signs), _longest(signs, 1.0), _longest(signs, -1.0))


def _longest(signs: Iterable[float], wanted: float) -> int:
    return max((len(list(run)) for sign, run in groupby(signs) if sign == wanted), default=0)
