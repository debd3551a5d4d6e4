"""Reports opened in a browser: they draw, quickly, say nothing to the console and ask nobody for anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from quantsail_framework.domain.result import RunResult

pytestmark = pytest.mark.slow

Write = Callable[[RunResult, Path], Path]

PLOT = "document.getElementById('candles-plot')"
CANDLES = f"{PLOT}.data[2].x"  # after the paths of rising and of falling candles comes what is told of each
NAMES = f"{PLOT}.data.filter(trace => trace.showlegend !== false).map(trace => trace.name)"
LAZY = "[...document.querySelectorAll('[data-figure]')]"
# Generous, since the machine may be busy: what was measured is in docs/performance.md.
MOST_MS = 5_000
MOST_PAN_MS = 2_000
MOST_CANDLES = 1_500


def click(name: str) -> str:
    return f"document.querySelector('[data-go={name}]').click()"


def draw_all(browser: Any) -> None:
    """Look at every figure, from the top to the bottom of the page, with the mouse over it."""
    for number in range(browser.value(f"{LAZY}.length")):
        browser.value(f"{LAZY}[{number}].scrollIntoView({{ block: 'center', behavior: 'instant' }})")
        browser.wait(f"!!{LAZY}[{number}].data")
        browser.point_at(f"{LAZY}[{number}]")


def assert_quiet(browser: Any, path: Path) -> None:
    assert browser.said == []
    outside = [url for url in browser.asked if url != path.as_uri() and not url.startswith(("data:", "blob:"))]
    assert outside == []


@pytest.fixture(scope="session")
def long_report(long_run: tuple[RunResult, Path], written: Write) -> Path:
    return written(*long_run)


def test_100_000_bars_are_soon_ready_and_few_of_them_are_drawn(browser: Any, long_report: Path) -> None:
    times = [browser.open(long_report) for _ in range(3)]
    print(f"ready after {times} ms")
    assert min(times) < MOST_MS  # the first page also pays for compiling plotly
    assert 100 < browser.value(f"{CANDLES}.length") <= MOST_CANDLES
    assert_quiet(browser, long_report)


def test_zooming_in_joins_fewer_bars_to_a_candle(browser: Any, long_report: Path) -> None:
    browser.open(long_report)
    step = f"{CANDLES}[1] - {CANDLES}[0]"
    before = browser.value(step)
    for _ in range(12):
        browser.value(click("in"))
        assert browser.value(f"{CANDLES}.length") <= MOST_CANDLES
    assert before > browser.value(step) == 5 * 60 * 1_000
    assert "one candle is 5 min." in browser.value("document.getElementById('candles-said').textContent")


def test_who_zooms_in_before_the_page_is_read_gets_the_bars_when_it_is(browser: Any, long_report: Path) -> None:
    """The chart is drawn before the browser has read the data behind the scripts."""
    early = f"""new MutationObserver(() => {{
        if (!document.documentElement.dataset.ready || window.early) return;
        window.early = document.readyState;
        for (let times = 0; times < 12; times++) {click("in")};
        window.seen = {CANDLES}.length;
    }}).observe(document, {{ subtree: true, attributes: true, attributeFilter: ["data-ready"] }});"""
    with browser.beforehand(early):
        browser.open(long_report)
        browser.wait("document.readyState === 'complete'")
    assert browser.value("window.early") == "loading"
    assert browser.value(f"{CANDLES}.length > window.seen")
    assert browser.value(f"{CANDLES}[1] - {CANDLES}[0]") == 5 * 60 * 1_000
    assert_quiet(browser, long_report)


def test_the_candles_drawn_are_those_of_the_data(
    browser: Any, long_run: tuple[RunResult, Path], written: Write
) -> None:
    """The first candle of the whole range against the bars that it joins."""
    bars = long_run[0].market["AAA/USDT"]
    browser.open(written(*long_run))
    first, second = browser.value(f"[{CANDLES}[0], {CANDLES}[1]]")
    size = int(second - first) // (5 * 60 * 1_000)
    text = browser.value(f"{PLOT}.data[2].text[0]")
    opened, *lines = text.split("<br>")
    assert opened == "2023-01-01 00:00"
    values = [float(line.split()[1]) for line in lines]
    part = slice(0, size)
    expected = [bars.open[0], bars.high[part].max(), bars.low[part].min(), bars.close[size - 1]]
    assert values == pytest.approx([float(value) for value in expected], rel=1e-6)


def test_a_pan_redraws_at_once(browser: Any, long_report: Path) -> None:
    browser.open(long_report)
    browser.value(f"{click('in')}; {click('in')}; {click('in')}")
    start = "const start = performance.now();"
    painted = "await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));"
    pans = [
        browser.value(f"(async () => {{ {start} {click(to)}; {painted} return performance.now() - start; }})()")
        for to in ("left", "right") * 5
    ]
    print(f"panned in {sorted(map(round, pans))} ms")
    assert np.median(pans) < MOST_PAN_MS


def test_panning_by_buttons_keys_and_mouse_changes_what_is_drawn(browser: Any, long_report: Path) -> None:
    browser.open(long_report)
    for _ in range(4):
        browser.value(click("in"))
    seen = [browser.value(f"{CANDLES}[0]")]
    browser.value(click("left"))
    seen.append(browser.value(f"{CANDLES}[0]"))
    browser.value(f"{PLOT}.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'ArrowRight' }}))")
    seen.append(browser.value(f"{CANDLES}[0]"))
    assert seen[1] < seen[0] == seen[2]
    browser.value(f"{PLOT}.scrollIntoView({{ block: 'center', behavior: 'instant' }})")
    browser.drag(f"{PLOT}.querySelector('.nsewdrag')", 300)
    browser.wait(f"{CANDLES}[0] < {seen[2]}", 10)
    assert_quiet(browser, long_report)


def test_the_trades_in_view_are_marked_with_their_levels(browser: Any, long_report: Path) -> None:
    browser.open(long_report)
    assert {"entry, long", "entry, short", "exit, gained", "exit, lost"} <= set(browser.value(NAMES))
    browser.value(click("next"))
    assert {"stop", "target"} <= set(browser.value(NAMES))


def test_the_first_trade_is_marked_where_it_was_made(
    browser: Any, sample_run: tuple[RunResult, Path], written: Write
) -> None:
    path = written(*sample_run)
    browser.open(path)
    browser.value(click("next"))
    trades = sample_run[0].trades
    first = int(np.argmin(trades["entry_time"]))
    entry = f"{PLOT}.data.find(trace => trace.name === 'entry, {trades['side'][first]}')"
    at = browser.value(f"[{entry}.x[0], {entry}.y[0]]")
    assert at == pytest.approx([trades["entry_time"][first] / 1e6, trades["entry_price"][first]])
    stops = browser.value(f"{PLOT}.data.find(trace => trace.name === 'stop').y")
    assert stops[0] == pytest.approx(trades["stop"][first])
    assert_quiet(browser, path)


def test_another_symbol_can_be_chosen(browser: Any, long_report: Path) -> None:
    browser.open(long_report)
    before = browser.value(f"{PLOT}.data[2].text[0]")
    chosen = "document.getElementById('candles-symbol')"
    browser.value(f"{chosen}.value = '1'; {chosen}.dispatchEvent(new Event('change'))")
    assert browser.value(f"{PLOT}.data[2].text[0]") != before
    assert "BBB/USDT" in browser.value("document.getElementById('candles-said').textContent")


@pytest.mark.parametrize("fixture", ["sample_run", "sweep_result", "walk_forward_result", "monte_carlo_result"])
@pytest.mark.parametrize(("width", "dark"), [(1400, False), (390, True)])
def test_every_figure_of_every_kind_of_report_draws_in_silence(
    fixture: str, width: int, dark: bool, browser: Any, written: Write, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    result = request.getfixturevalue(fixture)
    path = written(result[0] if fixture == "sample_run" else result, tmp_path)
    browser.open(path, width=width, dark=dark)
    draw_all(browser)
    assert_quiet(browser, path)
    assert browser.value("document.documentElement.scrollWidth") <= width


def test_a_choice_changes_the_figure_and_its_numbers(
    browser: Any, sweep_result: RunResult, written: Write, tmp_path: Path
) -> None:
    browser.open(written(sweep_result, tmp_path))
    draw_all(browser)
    plot = "document.querySelector('[data-figure=sweep-map]')"
    before = browser.value(f"JSON.stringify({plot}.data[0].z)")
    chosen = "document.getElementById('sweep-map-choice-1')"
    browser.value(f"{chosen}.value = 'around'; {chosen}.dispatchEvent(new Event('change'))")
    assert browser.value(f"JSON.stringify({plot}.data[0].z)") != before
    shown = "[...document.querySelectorAll('[data-of=sweep-map] > div')].filter(each => !each.hidden)"
    assert browser.value(f"{shown}.map(each => each.dataset.variant)") == ["0-1|around"]


@pytest.mark.parametrize(("width", "legible"), [(1400, True), (390, False)])
def test_a_heat_map_has_numbers_where_its_cells_have_room_for_them(
    width: int, legible: bool, browser: Any, sweep_result: RunResult, written: Write, tmp_path: Path
) -> None:
    trials = sweep_result.tables["trials"]
    twelve = {**trials, "strategy.atr_period": np.arange(len(trials["trial"])) % 12}
    result = attrs.evolve(sweep_result, tables={**sweep_result.tables, "trials": twelve})
    browser.open(written(result, tmp_path), width=width)
    draw_all(browser)
    assert browser.value("!!document.querySelector('[data-figure=sweep-map]').data[0].texttemplate") is legible


def test_the_theme_follows_the_system_and_the_button(
    browser: Any, sample_run: tuple[RunResult, Path], written: Write
) -> None:
    path = written(*sample_run)
    ground = "getComputedStyle(document.body).backgroundColor"
    color = f"{PLOT}.data[0].fillcolor"
    browser.open(path)
    light = browser.value(f"[{ground}, {color}]")
    browser.open(path, dark=True)
    dark = browser.value(f"[{ground}, {color}]")
    assert all(one != other for one, other in zip(light, dark, strict=True))
    browser.value("document.getElementById('theme').click()")
    assert browser.value(f"[{ground}, {color}]") == light


def test_everything_can_be_reached_by_keyboard_and_has_a_name(
    browser: Any, sample_run: tuple[RunResult, Path], written: Write
) -> None:
    browser.open(written(*sample_run))
    nameless = "each => !(each.ariaLabel || each.textContent.trim())"
    controls = "[...document.querySelectorAll('button, select, [tabindex], a')]"
    assert browser.value(f"{controls}.filter({nameless}).length") == 0
    unlabelled = "[...document.querySelectorAll('select')].filter(each => !each.labels.length)"
    assert browser.value(f"{unlabelled}.length") == 0
    assert browser.value("document.querySelector('a').hash") == "#main"
    assert browser.value(f"{PLOT}.tabIndex") == 0


def test_hostile_words_do_nothing_in_a_browser(
    browser: Any, sample_run: tuple[RunResult, Path], written: Write, tmp_path: Path
) -> None:
    told = "window.canary=1"
    canary = f'<img src=x onerror="{told}"><a href="javascript:{told}">x</a></script><script>{told}</script>'
    result = sample_run[0]
    columns = {
        key: np.array([canary] * len(of), object) if of.dtype == object else of for key, of in result.trades.items()
    }
    market = {canary: result.market["EUR/USD"]}
    tables = {**result.tables, "trades": columns, "refusals": {"rule": np.array([canary], object)}}
    path = written(attrs.evolve(result, name=canary, tables=tables, market=market, notes=(canary,)), tmp_path)
    browser.open(path)
    browser.value(click("next"))
    draw_all(browser)
    assert browser.value("typeof window.canary") == "undefined"
    assert browser.value("document.querySelectorAll('img, a[href^=javascript], svg a').length") == 0
    assert "<img" in browser.value("document.querySelector('h1').textContent")
    assert_quiet(browser, path)


def test_a_report_without_candles_or_trades_is_ready_too(browser: Any, written: Write, tmp_path: Path) -> None:
    path = written(RunResult("backtest", "nothing"), tmp_path)
    browser.open(path)
    assert_quiet(browser, path)
