"""Candles with entries, exits, stops and targets: columns travel with the page, its script draws what is in view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import NS_PER_SECOND
from quantsail_html import block
from quantsail_html.markup import Html, details, join, select, tag
from quantsail_html.numbers import count
from quantsail_html.run import Run
from quantsail_html.section import Section
from quantsail_html.sections.trades import trade_list

# More bars than these (16 MB) are joined before they travel.
MOST_BARS = 600_000
_SAYS = "Drag to pan, zoom with the buttons or with Ctrl and the wheel."
_KEYS = (
    "With the chart focused: arrow keys pan, + and - zoom, n and p go from trade to trade, 0 shows everything. "
    "Of many bars some are joined to one candle."
)
_BUTTONS = (
    ("all", "Whole range"),
    ("in", "Zoom in"),
    ("out", "Zoom out"),
    ("left", "← Earlier"),
    ("right", "Later →"),
    ("previous", "Previous trade"),
    ("next", "Next trade"),
)


def candles(run: Run) -> Section | None:
    """The chart with its controls; None without candles."""
    if not run.market:
        return None
    symbols = tuple((str(number), symbol) for number, symbol in enumerate(run.market))
    buttons = (tag("button", text, type="button", data_go=name) for name, text in _BUTTONS)
    controls = tag(
        "div", select("candles-symbol", "Symbol", symbols), *buttons, class_="choosers", id="candles-controls"
    )
    plot = tag("div", id="candles-plot", class_="plot tall", tabindex="0", role="group", aria_label=f"Candles. {_KEYS}")
    said = tag("p", id="candles-said", class_="note", role="status")
    numbers = details("Trades in numbers", trade_list(run)) if run.trades else None
    keys = details("Keys", tag("p", _KEYS, class_="note"))
    figure = tag(
        "figure",
        tag("figcaption", tag("strong", "Candles"), " ", tag("span", _SAYS, class_="says")),
        controls,
        plot,
        said,
        keys,
        numbers,
        class_="wide",
    )
    return Section("candles", "Candles and trades", above=join((tag("div", figure, class_="grid"), _joined_note(run))))


def _joined_note(run: Run) -> Html | None:
    factor = _factor(run)
    if factor == 1:
        return None
    text = f"The run has {count(_bars(run))} bars; to keep this file small, {factor} are one candle here."
    return tag("p", text, class_="note")


def market_data(run: Run) -> list[dict[str, Any]]:
    """Per symbol the columns of its candles and of its trades, for the script."""
    factor = _factor(run)
    return [
        {"symbol": symbol, "candles": _candles(bars, factor), "trades": _trades(run, symbol)}
        for symbol, bars in run.market.items()
    ]


def _bars(run: Run) -> int:
    return sum(map(len, run.market.values()))


def _factor(run: Run) -> int:
    return -(-_bars(run) // MOST_BARS) or 1


def _candles(bars: Bars, factor: int) -> dict[str, Any]:
    """Times in seconds after the first bar (32 bits hold 136 years), prices with the seven digits of a float32."""
    starts = np.arange(0, len(bars), factor)
    ends = np.append(starts[1:], len(bars)) - 1
    columns = {
        "open": bars.open[starts],
        "high": np.maximum.reduceat(bars.high, starts),
        "low": np.minimum.reduceat(bars.low, starts),
        "close": bars.close[ends],
    }
    first = int(bars.time[0]) // NS_PER_SECOND
    return {
        "first": first,
        "step": bars.timeframe.ns // NS_PER_SECOND,
        "time": block.column(bars.time[starts] // NS_PER_SECOND - first, "u4"),
        **{name: block.column(values, "f4") for name, values in columns.items()},
    }


def _trades(run: Run, symbol: str) -> Mapping[str, Any]:
    """The symbol's trades by entry; times in seconds since 1970."""
    if run.trades is None:
        return {}
    table = run.trades
    own = np.flatnonzero(table["symbol"] == symbol)
    own = own[np.argsort(table["entry_time"][own], kind="stable")]
    numbers = ("entry_price", "exit_price", "stop", "target", "quantity", "net_pnl")
    texts = ("side", "exit_reason", "reason")
    return {
        **{name: block.column(table[name][own] / NS_PER_SECOND, "f8") for name in ("entry_time", "exit_time")},
        **{name: block.column(table[name][own].astype(np.float64), "f8") for name in numbers if name in table},
        **{name: block.words(table[name][own]) for name in texts if name in table},
    }
