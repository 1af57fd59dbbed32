// The life of a clock as a picture: what ran, what stood still and why, when it was due.

import { at } from "./parts.js";
import { lengthOf, shortLength } from "./decimal.js";
import { clockParts, millis, moment, shortDay, shortSecond, shortTime } from "./instants.js";
import { html, nothing, svg } from "../vendor/lit-html/lit-html.js";

const HOUR = 3600000;
const STEPS = [1000, 5000, 15000, 60000, 300000, 900000, HOUR, 3 * HOUR, 6 * HOUR, 24 * HOUR, 48 * HOUR, 168 * HOUR, 720 * HOUR, 2160 * HOUR];
const TICKS = 7;
const BAND = { y: 26, height: 30 };


/** The picture of a clock as of an instant, under an id of the page; the sentences and the table beside it say the same. */
export function timeline(clock, asOf, id) {
  const intervals = clock.explain.intervals;
  const start = millis(clock.started_at);
  const marks = marksOf(clock, asOf);
  const last = Math.max(...marks.map((mark) => millis(mark.at)), ...intervals.map((own) => millis(own.end)));
  const end = Math.max(last, start + 1000);
  const pad = (end - start) * 0.03;
  const scale = (own) => (100 * (own - start + pad)) / (end - start + 2 * pad);
  return html`<figure class="timeline">
    <svg width="100%" height="92" role="img" aria-label=${spoken(clock, asOf)}>
      <defs>
        <pattern id="${id}-pause" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect class="pause-ground" width="6" height="6"></rect><rect class="pause-line" width="2.4" height="6"></rect></pattern>
      </defs>
      ${ticks(start - pad, end + pad).map((tick) => svg`<g class="tick ${tick.minor ? "minor" : ""}">
        <line x1="${scale(tick.at)}%" x2="${scale(tick.at)}%" y1="${BAND.y}" y2="${BAND.y + BAND.height + 5}"></line>
        <text x="${scale(tick.at)}%" y="${BAND.y + BAND.height + 18}" text-anchor=${anchorOf(scale(tick.at))}>${tick.label}</text></g>`)}
      ${intervals.flatMap((own) => pieces(own, clock.breached_at)).map((own) => svg`<rect class="piece ${own.look}"
        x="${scale(own.from)}%" width="${Math.max(0.15, scale(own.to) - scale(own.from))}%"
        y=${BAND.y + own.inset} height=${BAND.height - 2 * own.inset}
        fill=${own.look === "paused" ? `url(#${id}-pause)` : nothing}><title>${own.title}</title></rect>`)}
      ${marks.map((mark) => drawn(mark, scale(millis(mark.at))))}
    </svg>
    <figcaption>${legend(clock)}</figcaption>
  </figure>`;
}

function pieces(interval, breachedAt) {
  const [from, to] = [millis(interval.start), millis(interval.end)];
  const title = `${interval.reason}: ${moment(interval.start)} to ${moment(interval.end)}`;
  const look = interval.activity;
  const inset = look === "running" ? 0 : look === "paused" ? 4 : 11;
  const edge = breachedAt === null ? Infinity : millis(breachedAt);
  if (look !== "running" || to <= edge) return [{ from, to, look, title, inset }];
  const late = { from: Math.max(from, edge), to, look: "late", title: `${title} (late)`, inset };
  return from >= edge ? [late] : [{ from, to: edge, look, title, inset }, late];
}

function marksOf(clock, asOf) {
  const stopped = clock.stopped_at !== null;
  return [
    { at: clock.started_at, word: "start", look: "start", low: true },
    clock.due_at && { at: clock.due_at, word: "due", look: "due" },
    stopped && { at: clock.stopped_at, word: "stop", look: "stop", low: true },
    !stopped && { at: asOf, word: "as of", look: "now", low: true },
  ].filter(Boolean);
}

function drawn(mark, place) {
  const y = mark.low ? BAND.y + BAND.height + 33 : BAND.y - 12;
  const [top, bottom] = mark.low ? [BAND.y - 4, BAND.y + BAND.height + 22] : [BAND.y - 9, BAND.y + BAND.height + 4];
  return svg`<g class="mark ${mark.look}"><line x1="${place}%" x2="${place}%" y1=${top} y2=${bottom}></line>
    <text x="${place}%" y=${y} text-anchor=${anchorOf(place)}>${mark.word}</text></g>`;
}

const anchorOf = (place) => (place > 96 ? "end" : place < 4 ? "start" : "middle");

function ticks(from, to) {
  const step = STEPS.find((own) => (to - from) / own <= TICKS) ?? STEPS.at(-1);
  const found = [];
  let before = null;
  for (let own = alignedTo(from, step); own <= to; own += step) {
    // A day may have another length: keep to midnight.
    const tick = step >= 24 * HOUR ? toMidnight(own) : own;
    if (tick < from || tick > to) continue;
    const parts = clockParts(tick);
    const day = shortDay(tick);
    const isDay = step >= 24 * HOUR || day !== before;
    const label = step >= 24 * HOUR ? day : isDay && parts.hour === 0 && parts.minute === 0 ? day : step < 60000 ? shortSecond(tick) : shortTime(tick);
    before = day;
    found.push({ at: tick, label, minor: found.length % 2 === 1 });
  }
  return found;
}

function alignedTo(from, step) {
  const parts = clockParts(from);
  const sinceMidnight = (parts.hour * 60 + parts.minute) * 60000 + (from % 60000);
  return step >= 24 * HOUR ? from - sinceMidnight + 24 * HOUR : from - sinceMidnight + Math.ceil(sinceMidnight / step) * step;
}

function toMidnight(own) {
  const { hour, minute } = clockParts(own);
  const off = hour >= 12 ? hour * 60 + minute - 1440 : hour * 60 + minute;
  return own - off * 60000;
}

function legend(clock) {
  const shown = new Set(clock.explain.intervals.map((own) => own.activity));
  const key = (look, word) => html`<span class="key"><span class="swatch ${look}"></span>${word}</span>`;
  return html`<span class="keys">
    ${shown.has("running") ? key("running", "counts") : nothing}
    ${clock.breached_at ? key("late", "counts, too late") : nothing}
    ${shown.has("paused") ? key("paused", "paused") : nothing}
    ${shown.has("closed") ? key("closed", "closed: outside the hours") : nothing}</span>`;
}

function spoken(clock, asOf) {
  const { intervals } = clock.explain;
  const sum = (activity) => intervals.filter((own) => own.activity === activity).length;
  const due = clock.due_at ? `, due ${moment(clock.due_at)}` : "";
  const end = clock.stopped_at ? `, stopped ${moment(clock.stopped_at)}` : `, still open as of ${moment(asOf)}`;
  return `Clock from ${moment(clock.started_at)}${due}${end}: ${sum("running")} stretches that count, `
    + `${sum("paused")} paused, ${sum("closed")} closed. The stretches are listed below.`;
}

const ACTIVITIES = { running: "Counts", paused: "Paused", closed: "Closed" };

/** Every stretch of a clock's life with its reason. */
export const stretches = (clock) => html`<table class="plain-table" role="table">
  <caption class="unseen">Stretches of the clock</caption>
  <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">From</th><th role="columnheader" scope="col">To</th><th role="columnheader" scope="col">Clock</th><th role="columnheader" scope="col" class="number">Time</th><th role="columnheader" scope="col">Why</th></tr></thead>
  <tbody role="rowgroup">${clock.explain.intervals.map((own) => html`<tr role="row">
    <td role="cell">${at(own.start)}</td><td role="cell">${at(own.end)}</td>
    <td role="cell"><span class="swatch ${own.activity}"></span> ${ACTIVITIES[own.activity] ?? own.activity}</td>
    <td role="cell" class="number" title=${lengthOf(own.seconds)}>${shortLength(own.seconds)}</td><td role="cell" class="across">${own.reason}</td></tr>`)}</tbody></table>`;
