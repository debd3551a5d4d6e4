// Draws the figures of the report: each when it comes into view, in the colours of the theme; of the candles
// only as many as can be told apart. All text was escaped before it came here, or is escaped by `label`.
"use strict";

(() => {
  const report = JSON.parse(document.getElementById("report-data").textContent);
  const root = document.documentElement;
  const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, showTips: false };

  // --- columns -----------------------------------------------------------------------------------

  const KINDS = { f4: Float32Array, f8: Float64Array, u4: Uint32Array };

  function column(stored) {
    if (stored.type === "words") return Array.from(column(stored.codes), (code) => stored.words[code]);
    const text = atob(stored.data);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return new KINDS[stored.type](bytes.buffer); // little-endian, as every machine with a browser is
  }

  const columns = (stored) => Object.fromEntries(Object.entries(stored).map(([name, each]) => [name, each.type ? column(each) : each]));

  // plotly reads markup in text: what could be markup is escaped.
  const label = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  // --- theme -------------------------------------------------------------------------------------

  const COLORS = [
    "paper", "ground", "ink", "quiet", "grid", "edge", "main", "main-soft", "main-softer", "other", "mark", "gain", "loss", "loss-soft",
  ];
  let colors = {};

  function readColors() {
    const probe = document.createElement("span");
    probe.hidden = true;
    document.body.append(probe);
    for (const name of COLORS) {
      probe.style.color = `var(--${name})`;
      colors[`@${name}`] = getComputedStyle(probe).color;
    }
    probe.remove();
  }

  const DATA_KEYS = new Set(["x", "y", "z", "text", "ticktext", "tickvals", "open", "high", "low", "close"]);

  /** A spec with its colours by role ("@gain") replaced by those of the theme. */
  function themed(value) {
    if (typeof value === "string") return colors[value] ?? value;
    if (Array.isArray(value)) return value.map(themed);
    if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, DATA_KEYS.has(key) ? each : themed(each)]));
  }

  const AXIS = { gridcolor: "@grid", zerolinecolor: "@other", linecolor: "@edge", automargin: true, fixedrange: true };

  function layoutOf(own) {
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: "@ink", size: 12, family: getComputedStyle(document.body).fontFamily },
      hoverlabel: { bgcolor: "@paper", bordercolor: "@edge", font: { color: "@ink" } },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
      margin: { l: 54, r: 14, t: 10, b: 36 },
      dragmode: false,
      ...own,
    };
    for (const name of ["xaxis", "yaxis"]) layout[name] = { ...AXIS, ...own[name] };
    return themed(layout);
  }

  // --- figures -----------------------------------------------------------------------------------

  const drawn = new Set();

  function choosersOf(name) {
    return [...document.querySelectorAll("select")].filter((select) => select.id.startsWith(`${name}-choice-`));
  }

  const PIXELS_A_NUMBER = 32;

  /** Heat maps without the numbers in their cells where these are too narrow for them. */
  function legible(traces, width) {
    return traces.map((trace) => (trace.texttemplate && width / trace.x.length < PIXELS_A_NUMBER ? { ...trace, texttemplate: null } : trace));
  }

  function draw(plot) {
    const name = plot.dataset.figure;
    const key = choosersOf(name).map((select) => select.value).join("|");
    const spec = report.figures[name][key];
    for (const table of document.querySelectorAll(`[data-of="${name}"] > [data-variant]`)) table.hidden = table.dataset.variant !== key;
    Plotly.react(plot, themed(legible(spec.data, plot.clientWidth)), layoutOf(spec.layout), CONFIG);
    drawn.add(plot);
  }

  function watchFigures() {
    const plots = document.querySelectorAll("[data-figure]");
    const watcher = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        draw(target);
      }
    }, { rootMargin: "300px" });
    for (const plot of plots) {
      watcher.observe(plot);
      for (const select of choosersOf(plot.dataset.figure)) select.addEventListener("change", () => draw(plot));
    }
    addEventListener("beforeprint", () => plots.forEach((plot) => drawn.has(plot) || draw(plot)));
  }

  // --- candles -----------------------------------------------------------------------------------

  const MINUTE = 60, HOUR = 3600, DAY = 86400;
  const LENGTHS = [
    1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 3 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 8 * HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 84 * DAY, 364 * DAY,
  ];
  const FIRST_MONDAY = 4 * DAY; // bars of whole weeks begin on Mondays
  const MOST_IN_VIEW = report.most_in_view; // with as many on either side, ready for panning, three times as many are drawn
  const PIXELS_A_CANDLE = 3;
  const MOST_TRADES = 150;
  const PIXELS_A_TRADE = 7;
  const MOST_LEVELS = 60; // trades with their stops and targets; more would hide the candles

  function lengthWords(seconds) {
    for (const [size, unit] of [[DAY, "d"], [HOUR, "h"], [MINUTE, "min"]]) if (seconds % size === 0) return `${seconds / size} ${unit}`;
    return `${seconds} s`;
  }

  /** Candles and trades of one symbol; times in seconds since 1970.
   *  Where bars are many, candles joined of them stand for them until someone looks closer: `overview`. */
  class Series {
    constructor(stored, number) {
      const { symbol, step, start, end, length } = stored;
      Object.assign(this, { symbol, step, start, end, length, number, bars: null, lacking: false });
      this.overview = columns(stored.candles);
      this.trades = columns(stored.trades);
      this.count = this.trades.entry_time?.length ?? 0;
    }

    /** What candles of `length` seconds are joined of: the overview where that will do, else all bars, which stand
     *  behind this script; until the browser has read them the overview has to do. */
    barsFor(length) {
      if (length % this.length === 0) return this.overview;
      this.lacking = document.readyState === "loading";
      if (this.lacking) return this.overview;
      this.bars ??= columns(JSON.parse(document.getElementById(`candles-data-${this.number}`).textContent));
      return this.bars;
    }

    /** Index of the first of `bars` that opens at or after `seconds`. */
    at(bars, seconds) {
      let low = 0, high = bars.time.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.start + bars.time[middle] < seconds) low = middle + 1;
        else high = middle;
      }
      return low;
    }

    /** The shortest candle of which at most `most` cover a span. */
    lengthFor(span, most) {
      const wanted = Math.max(span / most, this.step);
      return LENGTHS.find((length) => length >= wanted && length % this.step === 0) ?? this.step * Math.ceil(wanted / this.step);
    }

    /** The bars from `from` to `to`, joined to candles of `length` seconds that begin where clocks and calendars have them. */
    joined(from, to, length) {
      const offset = length % (7 * DAY) === 0 ? FIRST_MONDAY : 0;
      const out = { x: [], open: [], high: [], low: [], close: [] };
      const bars = this.barsFor(length);
      let last = -1, slot = null;
      const stop = this.at(bars, to);
      for (let i = this.at(bars, from); i < stop; i++) {
        const seconds = this.start + bars.time[i];
        const own = length <= this.step ? seconds : seconds - ((seconds - offset) % length);
        if (own !== slot) {
          slot = own;
          last = out.x.push(own * 1000) - 1;
          out.open.push(bars.open[i]);
          out.high.push(bars.high[i]);
          out.low.push(bars.low[i]);
          out.close.push(bars.close[i]);
        } else {
          if (bars.high[i] > out.high[last]) out.high[last] = bars.high[i];
          if (bars.low[i] < out.low[last]) out.low[last] = bars.low[i];
          out.close[last] = bars.close[i];
        }
      }
      return out;
    }

    /** Trades that touch a span: indices of at most `most`, the largest by result, and how many there were. */
    tradesIn(from, to, most) {
      const { entry_time: entry, exit_time: exit, net_pnl: net } = this.trades;
      const found = [];
      for (let i = 0; i < this.count; i++) if (entry[i] <= to && exit[i] >= from) found.push(i);
      const total = found.length;
      if (total > most) found.sort((a, b) => Math.abs(net[b]) - Math.abs(net[a])).splice(most);
      return { kept: found, total };
    }
  }

  class Candles {
    constructor(plot, said, stored) {
      Object.assign(this, { plot, said, stored, known: new Map() });
      this.choose(0);
    }

    choose(index) {
      if (!this.known.has(index)) this.known.set(index, new Series(this.stored[index], index));
      this.series = this.known.get(index);
      this.trade = -1;
      this.show(this.series.start, this.series.end);
    }

    /** Show a span (seconds), moved so that it lies in the data. */
    show(from, to) {
      const { start, end, step } = this.series;
      const width = Math.min(Math.max(to - from, 10 * step), (end - start) * 1.02 + step);
      const begin = Math.min(Math.max(from + (to - from - width) / 2, start - 0.02 * (end - start)), Math.max(end + width * 0.02 - width, start - step));
      this.view = [begin, begin + width];
      this.draw();
    }

    draw() {
      const [from, to] = this.view, width = to - from;
      const fit = Math.min(MOST_IN_VIEW, Math.max(40, Math.floor(this.plot.clientWidth / PIXELS_A_CANDLE)));
      const length = this.series.lengthFor(width, fit);
      const left = from - width, right = to + width;
      const bars = this.series.joined(left, right, length);
      const most = Math.min(MOST_TRADES, Math.floor(this.plot.clientWidth / PIXELS_A_TRADE));
      const { kept, total } = this.series.tradesIn(left, right, most);
      const range = heights(bars, from, to, levelsOf(this.series.trades, kept, from, to));
      const pixel = { x: (width * 1000) / this.plot.clientWidth, y: range ? (range[1] - range[0]) / this.plot.clientHeight : 0 };
      const data = [...candleTraces(bars, length, pixel), ...tradeTraces(this.series.trades, kept)];
      const layout = layoutOf({
        xaxis: { type: "date", range: [from * 1000, to * 1000], rangeslider: { visible: false }, fixedrange: false },
        yaxis: { range, side: "right" },
        dragmode: "pan",
        hovermode: "x",
        margin: { l: 14, r: 60, t: 10, b: 36 },
      });
      Plotly.react(this.plot, themed(data), layout, CONFIG);
      this.tell(length, kept.length, total);
    }

    tell(length, shown, total) {
      const joined = Math.round(length / this.series.step);
      const parts = [`${this.series.symbol}, ${clock(this.view[0])} to ${clock(this.view[1])} UTC, one candle is ${lengthWords(length)}${joined > 1 ? ` (${joined} bars)` : ""}.`];
      if (shown < total) parts.push(`Of ${total} trades hereabouts the ${shown} largest are marked.`);
      if (shown > MOST_LEVELS) parts.push("Zoom in for stops and targets.");
      this.said.textContent = parts.join(" ");
    }

    go(where) {
      const [from, to] = this.view, width = to - from;
      const moves = {
        all: () => this.show(this.series.start, this.series.end),
        in: () => this.show(from + width / 4, to - width / 4),
        out: () => this.show(from - width / 2, to + width / 2),
        left: () => this.show(from - width / 3, to - width / 3),
        right: () => this.show(from + width / 3, to + width / 3),
        previous: () => this.goToTrade(-1),
        next: () => this.goToTrade(1),
      };
      moves[where]();
    }

    goToTrade(by) {
      const { trades, count, step } = this.series;
      if (!count) return;
      this.trade = this.trade < 0 && by < 0 ? count - 1 : (this.trade + by + count) % count;
      const entry = trades.entry_time[this.trade], exit = trades.exit_time[this.trade];
      const half = Math.max((exit - entry) * 1.5, 40 * step);
      this.show((entry + exit) / 2 - half, (entry + exit) / 2 + half);
    }

    /** What plotly says after a drag: the range it shows now. */
    moved() {
      const [from, to] = this.plot.layout.xaxis.range.map((each) => (typeof each === "number" ? each : Date.parse(`${each.replace(" ", "T")}Z`)) / 1000);
      if (Math.abs(from - this.view[0]) + Math.abs(to - this.view[1]) > 1) this.show(from, to);
    }

    zoom(at, factor) {
      const [from, to] = this.view, centre = from + at * (to - from);
      this.show(centre - (centre - from) * factor, centre + (to - centre) * factor);
    }
  }

  /** One filled path for all candles of a direction: as plotly's own candles, or as lines, each would be an element.
   *  Wicks are a pixel wide and bodies at least a pixel high. */
  function candleTraces(bars, length, pixel) {
    const middle = length * 500, half = Math.max(length * 350, pixel.x / 2), thin = pixel.x / 2; // milliseconds
    const paths = [{ color: "@gain", x: [], y: [] }, { color: "@loss", x: [], y: [] }];
    const text = [];
    for (let i = 0; i < bars.x.length; i++) {
      const x = bars.x[i] + middle, o = bars.open[i], c = bars.close[i], h = bars.high[i], l = bars.low[i];
      const centre = (o + c) / 2, tall = Math.max(Math.abs(o - c), pixel.y) / 2, top = centre + tall, bottom = centre - tall;
      const path = paths[c >= o ? 0 : 1];
      const right = x + thin, left = x - thin, high = Math.max(h, top), low = Math.min(l, bottom);
      path.x.push(right, right, x + half, x + half, right, right, left, left, x - half, x - half, left, left, null);
      path.y.push(high, top, top, bottom, bottom, low, low, bottom, bottom, top, top, high, null);
      text.push(`${clock(bars.x[i] / 1000)}<br>open ${price(o)}<br>high ${price(h)}<br>low ${price(l)}<br>close ${price(c)}`);
    }
    const bodies = paths.map(({ color, x, y }) => ({
      type: "scatter", mode: "none", x, y, fill: "toself", fillcolor: color, hoverinfo: "skip", showlegend: false,
    }));
    const told = { type: "scatter", mode: "lines", name: "", x: bars.x.map((x) => x + middle), y: bars.close, text, hoverinfo: "text", showlegend: false };
    return [...bodies, { ...told, line: { width: 0, color: "@quiet" } }];
  }

  const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
  const price = (value) => Number(value.toPrecision(7));

  /** Stops and targets of the trades in view, where they are drawn. */
  function levelsOf(trades, kept, from, to) {
    if (kept.length > MOST_LEVELS) return [];
    const seen = kept.filter((i) => trades.entry_time[i] <= to && trades.exit_time[i] >= from);
    return seen.flatMap((i) => [trades.stop?.[i], trades.target?.[i]]).filter(Number.isFinite);
  }

  /** The y range of the candles and levels in view, with a little room. */
  function heights(bars, from, to, levels) {
    let low = Math.min(...levels), high = Math.max(...levels);
    for (let i = 0; i < bars.x.length; i++) {
      if (bars.x[i] < from * 1000 || bars.x[i] > to * 1000) continue;
      if (bars.low[i] < low) low = bars.low[i];
      if (bars.high[i] > high) high = bars.high[i];
    }
    if (low > high) return undefined;
    const room = (high - low) * 0.06 || high * 0.01;
    return [low - room, high + room];
  }

  function tradeTraces(trades, kept) {
    if (!kept.length) return [];
    const long = (i) => trades.side[i] === "long";
    const made = (i) => trades.net_pnl[i] > 0;
    const entries = [["entry, long", "triangle-up", kept.filter(long)], ["entry, short", "triangle-down", kept.filter((i) => !long(i))]];
    const exits = [["exit, gained", "circle", "@gain", kept.filter(made)], ["exit, lost", "x", "@loss", kept.filter((i) => !made(i))]];
    const size = kept.length > MOST_LEVELS ? 8 : 11;
    const lines = kept.length > MOST_LEVELS ? [] : [
      pathTrace(trades, kept),
      levelTrace(trades, kept, "stop", "dot", "@loss"),
      levelTrace(trades, kept, "target", "dash", "@gain"),
    ];
    return [
      ...lines.filter(Boolean),
      ...entries.map(([name, symbol, of]) => markers(name, symbol, "@mark", size, of.map((i) => trades.entry_time[i]), of.map((i) => trades.entry_price[i]), of.map((i) => entryText(trades, i)))),
      ...exits.map(([name, symbol, color, of]) => markers(name, symbol, color, size, of.map((i) => trades.exit_time[i]), of.map((i) => trades.exit_price[i]), of.map((i) => exitText(trades, i)))),
    ].filter((trace) => trace.x.length);
  }

  const entryText = (trades, i) => `entry ${label(trades.side[i])} at ${trades.entry_price[i]}${trades.reason ? `<br>${wrapped(trades.reason[i])}` : ""}`;
  const exitText = (trades, i) => `exit at ${trades.exit_price[i]}: ${label(trades.exit_reason[i])}<br>net ${Number(trades.net_pnl[i].toPrecision(6))}`;

  /** Lines of some fifty characters. */
  function wrapped(text) {
    const lines = [""];
    for (const word of String(text).slice(0, 400).split(" ")) {
      if (lines.at(-1).length + word.length > 50) lines.push("");
      lines[lines.length - 1] += `${word} `;
    }
    return lines.map(label).join("<br>");
  }

  function markers(name, symbol, color, size, times, y, text) {
    const marker = { symbol, color, size, line: { color: "@paper", width: 1 } };
    return { type: "scatter", mode: "markers", name, x: times.map((each) => each * 1000), y, text, hoverinfo: "text", marker };
  }

  function segments(trades, kept, from, to) {
    const x = [], y = [];
    for (const i of kept) {
      x.push(trades.entry_time[i] * 1000, trades.exit_time[i] * 1000, null);
      y.push(from(i), to(i), null);
    }
    return { x, y };
  }

  function levelTrace(trades, kept, name, dash, color) {
    const level = trades[name];
    const there = level ? kept.filter((i) => !Number.isNaN(level[i])) : [];
    if (!there.length) return null;
    const line = segments(trades, there, (i) => level[i], (i) => level[i]);
    return { type: "scatter", mode: "lines", name, ...line, hoverinfo: "skip", line: { color, dash, width: 1.5 } };
  }

  function pathTrace(trades, kept) {
    const line = segments(trades, kept, (i) => trades.entry_price[i], (i) => trades.exit_price[i]);
    return { type: "scatter", mode: "lines", name: "trade", ...line, hoverinfo: "skip", showlegend: false, line: { color: "@mark", width: 1 } };
  }

  const KEYS = { ArrowLeft: "left", ArrowRight: "right", "+": "in", "=": "in", "-": "out", 0: "all", n: "next", p: "previous" };

  function startCandles() {
    const plot = document.getElementById("candles-plot");
    if (!plot) return null;
    const candles = new Candles(plot, document.getElementById("candles-said"), report.market);
    plot.on("plotly_relayout", () => candles.moved());
    plot.addEventListener("keydown", (event) => {
      const where = KEYS[event.key];
      if (!where || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      candles.go(where);
    });
    plot.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = plot.getBoundingClientRect();
      candles.zoom((event.clientX - box.left) / box.width, event.deltaY > 0 ? 1.25 : 0.8);
    }, { passive: false });
    const controls = document.getElementById("candles-controls");
    controls.addEventListener("click", (event) => event.target.dataset.go && candles.go(event.target.dataset.go));
    addEventListener("DOMContentLoaded", () => candles.series.lacking && candles.draw());
    controls.querySelector("select").addEventListener("change", (event) => candles.choose(Number(event.target.value)));
    return candles;
  }

  // --- the page ----------------------------------------------------------------------------------

  function startTheme(candles) {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => {
      readColors();
      if (candles) candles.draw();
      drawn.forEach(draw);
    };
    document.getElementById("theme").addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
      root.dataset.theme = dark ? "light" : "dark";
      redraw();
    });
    system.addEventListener("change", redraw);
  }

  performance.mark("quantsail-start");
  readColors();
  const candles = startCandles();
  watchFigures();
  startTheme(candles);
  performance.mark("quantsail-ready");
  root.dataset.ready = Math.round(performance.now()); // milliseconds since the page was asked for
})();
