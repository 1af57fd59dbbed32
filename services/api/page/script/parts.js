// The small parts that every view is made of.

import { compare, forDrawing, percent } from "./decimal.js";
import { apart, moment, windowName, zoneName } from "./instants.js";
import { asked, budgetWords, isCeiling, STATES, TYPES, TYPE_WORDS, unitOf, valueWords } from "./words.js";
import { html, nothing, svg } from "../vendor/lit-html/lit-html.js";

const SHAPES = {
  ok: svg`<circle cx="8" cy="8" r="7"/><path d="m4.8 8.3 2.2 2.2 4.2-4.6"/>`,
  at_risk: svg`<path class="body" d="M8 1.2 15.4 14.4H.6z"/><path d="M8 6v4m0 2v.4"/>`,
  breached: svg`<path class="body" d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path d="m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2"/>`,
  no_data: svg`<circle class="open" cx="8" cy="8" r="6.4"/><path d="M5 8h6"/>`,
  excluded: svg`<circle class="open" cx="8" cy="8" r="6.4"/><path d="m4 12 8-8"/>`,
  running: svg`<circle cx="8" cy="8" r="7"/><path d="M8 4.4V8l2.6 1.8"/>`,
  paused: svg`<circle cx="8" cy="8" r="7"/><path d="M6.2 5.4v5.2m3.6-5.2v5.2"/>`,
};

/** The sign of a state; its shape says the same as its colour. */
export const sign = (look) =>
  html`<svg class="sign ${look}" viewBox="0 0 16 16" aria-hidden="true">${SHAPES[look]}</svg>`;

/** A state in a word with its sign. */
export const badge = (look, word = STATES[look].word) =>
  html`<span class="badge ${look}">${sign(look)}${word}</span>`;

/** An instant that is machine-readable, its exact text at hand. */
export const at = (text) =>
  text === null ? "\u2013" : html`<time datetime=${text} title="${text} (shown in ${zoneName()})">${moment(text)}</time>`;

/** The type of an agreement. */
export const typeTag = (type) =>
  html`<abbr class="tag" title=${TYPE_WORDS[type] ?? type}>${TYPES[type] ?? type}</abbr>`;

/** Values of a group, each by its name. */
export const groupTags = (group) =>
  Object.entries(group ?? {}).map(
    ([name, value]) => html`<span class="tag"><span class="soft">${name}</span> ${value === "" ? "none" : value}</span> `,
  );

/** What must be known beside a state before it is believed. */
export function doubts(state) {
  const found = [];
  if (state.freshness === "stale") found.push(["stale", "Not up to date", `Holds as of ${moment(state.as_of ?? "")}`]);
  if (state.complete === false) found.push(["stale", "Records missing", "Events that may count here are missing"]);
  if (state.provisional && state.final) found.push(["soft", "Provisional", "Late events may still change it"]);
  return found.map(doubt);
}

const doubt = ([look, word, why]) => html`<span class="tag ${look}" title=${why}>${word}</span> `;

/** The window of a state by its name, and how much of it is to come. */
export function windowWordsOf(state, spec) {
  const rest = state.final || state.as_of === null || state.as_of >= state.window.end
    ? state.final ? "final" : "ended, not final yet"
    : `ends in ${apart(state.as_of, state.window.end)}`;
  return html`<span class="window">${windowName(state.window, spec)}</span> <span class="soft rest">${rest}</span>`;
}

/** A value with the exact text at hand. */
export function value(state, measure) {
  const exact = state.value === null ? "no value" : `exactly ${state.value}`;
  return html`<data class="value" value=${state.value ?? ""} title=${exact}>${valueWords(state.value, state.target, measure)}</data>`;
}

/**
 * A picture of a value beside its target; the words stand next to it. An amount is a bar from zero
 * on; a share is a point, as what matters of it is near its target and far from zero.
 */
export function bullet(state, measure) {
  const own = forDrawing(state.value);
  const limit = forDrawing(asked(state.target));
  if (own === null || limit === null) return nothing;
  const isShare = unitOf(state.target, measure) === "share";
  const low = isShare ? Math.max(0, Math.min(own, limit) - Math.max(0.1, Math.abs(own - limit)) * 0.6) : Math.min(0, own);
  const high = isShare && Math.max(own, limit) <= 1 ? 1 : Math.max(own, limit, 1e-9) * 1.12;
  const place = (number) => `${(1 + (98 * (number - low)) / (high - low || 1)).toFixed(2)}%`;
  const mark = isShare ? svg`<circle class="bar" cx=${place(own)} cy="6" r="4.5"></circle>`
    : svg`<rect class="bar" y="4" width=${place(own)} height="4" rx="2"></rect>`;
  return html`<svg class="bullet ${state.state}" width="100%" height="12" aria-hidden="true">
    <rect class="track" y="4" width="100%" height="4" rx="2"></rect>
    <rect class="aim" x=${place(limit)} y="0" width="2" height="12" transform="translate(-1)"></rect>${mark}</svg>`;
}

/** What is left of the room for misses. */
export function budget(state) {
  const words = budgetWords(state);
  if (words === null) return html`<span class="soft nothing">\u2013</span>`;
  const left = Math.min(1, Math.max(0, forDrawing(state.budget_remaining)));
  const over = compare(state.budget_remaining, "0") < 0;
  return html`<span class="budget ${over ? "over" : ""}" title="exactly ${percent(state.budget_remaining, [], 14)} left">
    <svg width="100%" height="4" aria-hidden="true"><rect class="track" width="100%" height="4" rx="2"></rect>
    <rect class="bar" width="${(left * 100).toFixed(1)}%" height="4" rx="2"></rect></svg>${words}</span>`;
}

/** What stands in a view that waits, failed, or has nothing to show. */
export const waiting = (what) => html`<div class="waiting" aria-busy="true"><p>Reading ${what}\u2026</p>
  <div class="bone"></div><div class="bone"></div><div class="bone"></div></div>`;

export const failed = (error, again) => html`<section class="notice bad" role="alert">
  <h2>${error.title}</h2><p>${error.message}${error.about ? html` <a href=${error.about}>What this means</a>` : nothing}</p>
  ${again ? html`<button type="button" @click=${again}>Try again</button>` : nothing}</section>`;

export const empty = (title, text, more = nothing) =>
  html`<section class="notice"><h2>${title}</h2><p>${text}</p>${more}</section>`;
