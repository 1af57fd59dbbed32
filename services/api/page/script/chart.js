// Attainment over time with its target line, drawn by uPlot; the table of windows says the same.

import { forDrawing } from "./decimal.js";
import { millis, windowLabel, zoneName } from "./instants.js";
import { asked, isCeiling, unitOf, valueWords } from "./words.js";

const HEIGHT = 240;
const CROWD = 40;
const LABEL = 92;

/** `<accord-chart>`: give it `content` = `{rows, measure, spec, chosen, onRead, onChoose}`, rows oldest first. */
class AttainmentChart extends HTMLElement {
  #content = null;
  #plot = null;
  #drawn = "";
  #watching = null;

  set content(own) {
    this.#content = own;
    if (this.isConnected) this.#draw();
  }

  connectedCallback() {
    this.#watching = new ResizeObserver(() => this.#resize());
    this.#watching.observe(this);
    this.#dark.addEventListener("change", this.#again);
    document.addEventListener("accord:theme", this.#again);
    this.#draw();
  }

  disconnectedCallback() {
    this.#watching?.disconnect();
    this.#dark.removeEventListener("change", this.#again);
    document.removeEventListener("accord:theme", this.#again);
    this.#plot?.destroy();
    this.#plot = null;
    this.#drawn = "";
  }

  #dark = matchMedia("(prefers-color-scheme: dark)");

  #again = () => {
    this.#drawn = "";
    this.#draw();
  };

  #resize() {
    const width = Math.floor(this.clientWidth);
    if (this.#plot !== null && width > 0 && width !== this.#plot.width) {
      this.#plot.setSize({ width, height: HEIGHT });
    }
  }

  #draw() {
    const { rows, measure, chosen } = this.#content ?? { rows: [] };
    const said = JSON.stringify([rows.map((row) => [row.window, row.value, row.state, row.target]), chosen, zoneName()]);
    if (said === this.#drawn || this.clientWidth === 0) return;
    this.#drawn = said;
    this.#plot?.destroy();
    this.#plot = new globalThis.uPlot(this.#options(rows, measure), dataOf(rows), this);
  }

  #options(rows, measure) {
    const { spec } = this.#content;
    const width = Math.floor(this.clientWidth);
    const color = (name) => this.#color(name);
    const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const target = rows.at(-1)?.target ?? { atLeast: 0 };
    const words = (number) => valueWords(String(round6(number)), target, measure);
    return {
      width,
      height: HEIGHT,
      padding: [14, 18, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
      scales: { x: { range: (_plot, low, high) => spread(low, high) }, y: { range: () => rangeOf(rows, measure) } },
      axes: [
        { ...axis, splits: () => named(rows, width), values: (_plot, splits) => splits.map((own) => windowLabel(own * 1000, spec)), size: 30 },
        { ...axis, values: (_plot, splits) => splits.map(words), size: 76 },
      ],
      series: [
        {},
        { stroke: color("--soft"), width: 1.5, spanGaps: false, points: { show: false } },
        { stroke: color("--aim"), width: 1.5, dash: [6, 4], points: { show: false }, paths: globalThis.uPlot.paths.stepped({ align: 1 }) },
      ],
      hooks: {
        ready: [(plot) => plot.over.addEventListener("click", () => this.#choose(plot))],
        draw: [(plot) => this.#points(plot, rows, color)],
        setCursor: [(plot) => this.#read(plot)],
      },
    };
  }

  /** A colour of the theme, as the canvas understands it. */
  #color(name) {
    this.style.color = `var(${name})`;
    const { color } = getComputedStyle(this);
    this.style.color = "";
    return color;
  }

  #points(plot, rows, color) {
    const { ctx } = plot;
    const unit = globalThis.devicePixelRatio || 1;
    rows.forEach((row) => {
      const x = plot.valToPos(millis(row.window.start) / 1000, "x", true);
      const known = forDrawing(row.value);
      const y = known === null ? plot.bbox.top + plot.bbox.height - 6 * unit : plot.valToPos(known, "y", true);
      const usual = known === null ? 2 : rows.length > CROWD ? 3.5 : 5;
      const size = (row.window.start === this.#content.chosen ? 7 : usual) * unit;
      ctx.save();
      ctx.setLineDash([]);
      ctx.strokeStyle = color("--paper");
      ctx.fillStyle = color(`--${row.state}-ink`);
      ctx.lineWidth = (known === null ? 0.5 : rows.length > CROWD ? 1 : 2) * unit;
      shape(ctx, row.state, x, y, size);
      ctx.fill();
      ctx.stroke();
      ctx.restore();
    });
  }

  #pointed(plot) {
    const inside = (plot.cursor.left ?? -1) >= 0;
    return inside ? this.#content.rows[plot.cursor.idx ?? -1] ?? null : null;
  }

  #read(plot) {
    this.#content.onRead(this.#pointed(plot));
  }

  #choose(plot) {
    const row = this.#pointed(plot);
    if (row !== null) this.#content.onChoose(row);
  }
}

/** The starts of as many windows, from the latest on, as there is room to name. */
function named(rows, width) {
  const starts = rows.map((row) => millis(row.window.start) / 1000).reverse();
  const apart = ((starts[0] - starts.at(-1)) * LABEL) / Math.max(width - 90, LABEL);
  const found = [];
  for (const own of starts) if (found.length === 0 || found.at(-1) - own >= apart) found.push(own);
  return found.reverse();
}

/** A little room beside the first and the last point. */
function spread(low, high) {
  const room = (high - low || 86400) * 0.02;
  return [low - room, high + room];
}

const round6 = (number) => Math.round(number * 1e6) / 1e6;

/** A broken window is a square, one at risk a triangle, others are round. */
function shape(ctx, state, x, y, size) {
  ctx.beginPath();
  if (state === "breached") ctx.rect(x - size * 0.85, y - size * 0.85, size * 1.7, size * 1.7);
  else if (state === "at_risk") {
    ctx.moveTo(x, y - size * 1.1);
    ctx.lineTo(x + size * 1.1, y + size * 0.9);
    ctx.lineTo(x - size * 1.1, y + size * 0.9);
    ctx.closePath();
  } else ctx.arc(x, y, size, 0, 2 * Math.PI);
}

function dataOf(rows) {
  return [
    rows.map((row) => millis(row.window.start) / 1000),
    rows.map((row) => forDrawing(row.value)),
    rows.map((row) => forDrawing(asked(row.target))),
  ];
}

function rangeOf(rows, measure) {
  const numbers = rows.flatMap((row) => [forDrawing(row.value), forDrawing(asked(row.target))]).filter((own) => own !== null);
  const [low, high] = [Math.min(...numbers, Infinity), Math.max(...numbers, -Infinity)];
  if (!Number.isFinite(low)) return [0, 1];
  const target = rows.at(-1).target;
  const pad = (high - low || Math.abs(high) || 1) * 0.15;
  const share = unitOf(target, measure) === "share";
  if (share && !isCeiling(target)) return [Math.max(0, low - pad), high <= 1 ? 1.0 + Math.min(pad, 0.01) : high + pad];
  return [Math.min(0, low), high + pad];
}

customElements.define("accord-chart", AttainmentChart);
