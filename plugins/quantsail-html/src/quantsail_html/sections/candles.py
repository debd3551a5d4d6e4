"""Candles with entries, exits, stops and targets: columns travel with the page, its script draws what is in view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.timeframe import NS_PER_SECOND
from quantsail_html import block
from quantsail_html.drawing import Ints
from quantsail_html.markup import Html, details, join, select, tag
from quantsail_html.numbers import count
from quantsail_html.run import Run
from quantsail_html.section import Section
from quantsail_html.sections.trades import trade_list

# More bars than these (16 MB) are joined before they travel.
MOST_BARS = 600_000
MOST_IN_VIEW = 480  # candles that the script shows at once
_OVERVIEWS = (60, 300, 1_800, 3_600, 43_200, 86_400)  # seconds; each divides those after it
_WORTHWHILE = 4  # bars that a candle of the overview joins at least
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
    """Per symbol what the script draws first: candles of the whole range, joined where they are many, and trades."""
    factor = _factor(run)
    return [_first_sight(run, symbol, bars, factor) for symbol, bars in run.market.items()]


def later_data(run: Run) -> list[dict[str, Any] | None]:
    """Per symbol the columns of all its candles, for who looks closer; None where the first sight has them all."""
    factor = _factor(run)
    return [
        None if overview_length(bars, factor) is None else _columns(bars, np.arange(0, len(bars), factor))
        for bars in run.market.values()
    ]


def _bars(run: Run) -> int:
    return sum(map(len, run.market.values()))


def _factor(run: Run) -> int:
    return -(-_bars(run) // MOST_BARS) or 1


def overview_length(bars: Bars, factor: int = 1) -> int | None:
    """Seconds of the candles that stand for all bars until somebody looks closer; None where the bars are few.

    Of some lengths that divide every longer one on the chart, the longest that still gives more candles than it shows.
    """
    step, span = bars.timeframe.ns // NS_PER_SECOND * factor, int(bars.time[-1] - bars.time[0]) // NS_PER_SECOND
    fit = [length for length in _OVERVIEWS if length % step == 0 and length * MOST_IN_VIEW <= span]
    return max((length for length in fit if length >= _WORTHWHILE * step), default=None)


def _first_sight(run: Run, symbol: str, bars: Bars, factor: int) -> dict[str, Any]:
    step, length = bars.timeframe.ns // NS_PER_SECOND, overview_length(bars, factor)
    slots = np.arange(len(bars)) // factor if length is None else bars.time // NS_PER_SECOND // length
    return {
        "symbol": symbol,
        "step": step,
        "start": int(bars.time[0]) // NS_PER_SECOND,
        "end": int(bars.time[-1]) // NS_PER_SECOND + step,
        "length": length or step,
        "candles": _columns(bars, np.flatnonzero(np.diff(slots, prepend=slots[0] - 1))),
        "trades": _trades(run, symbol),
    }


def _columns(bars: Bars, starts: Ints) -> dict[str, Any]:
    """Candles that begin with the bars ``starts``: times in seconds after the first bar (32 bits hold 136 years),
    prices with the seven digits of a float32."""
    columns = {
        "open": bars.open[starts],
        "high": np.maximum.reduceat(bars.high, starts),
        "low": np.minimum.reduceat(bars.low, starts),
        "close": bars.close[np.append(starts[1:], len(bars)) - 1],
    }
    time = (bars.time[starts] - bars.time[0]) // NS_PER_SECOND
    return {"time": block.column(time, "u4"), **{name: block.column(each, "f4") for name, each in columns.items()}}


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
