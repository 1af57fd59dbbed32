// One lead or ticket: each of its clocks as a picture, in sentences and stretch by stretch.

import { addressOf, given } from "../address.js";
import { agreementOf, agreements } from "../catalogue.js";
import { compare, lengthOf, minus, shortLength } from "../decimal.js";
import { at, badge, empty, failed, sign, typeTag, waiting } from "../parts.js";
import { read, renewAll } from "../reading.js";
import { stretches, timeline } from "../timeline.js";
import { CLOCKS, kindOf, readable, targetWords } from "../words.js";
import { agreementAddress } from "./promises.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";

/** The API address of an item. */
export const itemSource = (kind, subject) => `v1/items?${new URLSearchParams({ kind, subject })}`;

/** The view. */
export function item() {
  agreements();
  const found = read(itemSource(given("kind"), given("subject")));
  return html`<header class="heading">
      <p class="crumbs"><a href="./">Promises</a> <span aria-hidden="true">/</span> ${readable(given("kind"))}</p>
      <h1 tabindex="-1">${given("subject")}</h1>${found.data ? lead(found.data) : nothing}</header>
    ${found.data !== null ? shown(found.data) : found.loading ? waiting("its clocks")
      : found.error.status === 404 ? empty(found.error.title, found.error.message) : failed(found.error, renewAll)}`;
}

export const title = () => `${given("kind")} ${given("subject")}`;

function lead(data) {
  return html`<p class="lead">Evaluated as of ${at(data.as_of)}${data.freshness === "stale" ? html` <span class="tag stale">Not up to date</span>` : nothing}</p>`;
}

function shown(data) {
  // What binds comes first; else as the API has them.
  const clocks = data.clocks.toSorted((a, b) => Number(b.binding) - Number(a.binding));
  return html`${data.clocks.length === 0 ? html`<p class="notice">No clock runs on this ${data.kind}: none of the promises about time concerns it.</p>` : nothing}
    ${repeat(clocks, (own) => `${own.agreement}/${own.objective}/${own.cycle}/${own.explain.came_under_at}`,
      (own, place) => clock(own, data.as_of, `clock-${place}`))}
    ${data.levels.length ? levels(data.levels) : nothing}`;
}

/** A clock with its picture, its sentences, and everything behind them to open. */
export function clock(own, asOf, id) {
  const { word, look } = CLOCKS[own.state];
  const agreement = agreementOf(own.agreement);
  return html`<article class="sheet clock ${look}" aria-labelledby="${id}-name">
    <header><h2 id="${id}-name">${readable(own.explain.kpi)}${own.cycle > 1 ? html` <span class="soft">no. ${own.cycle}</span>` : nothing}</h2>
      <p class="parties">${agreement ? html`<span class="soft">From</span> ${agreement.parties.provider} <span class="soft">to</span> ${agreement.parties.customer},` : nothing}
        <a href=${agreementAddress(own.agreement)}>${readable(own.agreement)}</a></p>
      <p class="tags">${badge(look, word)}${own.at_risk ? badge("at_risk") : nothing}${typeTag(own.explain.type)}
        ${own.binding ? html`<span class="tag strong">Binding</span>` : nothing}</p></header>
    <p class="because">${verdict(own)}</p>
    ${timeline(own, asOf, id)}
    ${facts(own)}
    <details><summary>In sentences</summary><ul class="sentences">${own.explain.text.map((text) => html`<li>${text}</li>`)}</ul></details>
    <details><summary>Every stretch <span class="soft">(${own.explain.intervals.length})</span></summary><div class="wide">${stretches(own)}</div></details>
    <details><summary>What happened <span class="soft">(${own.explain.happened.length})</span></summary>
      <ol class="happened">${own.explain.happened.map((one) => html`<li>${at(one.at)} <strong>${readable(one.what.replaceAll("_", " "))}</strong>: ${one.text}</li>`)}</ol></details>
    ${own.explain.alternatives.length > 1 ? html`<details><summary>Why this promise and not another</summary>
      <ul class="sentences">${own.explain.alternatives.map((one) => html`<li><strong>${readable(one.objective)}</strong>${one.chosen ? " (applies)" : ""}: ${one.text}</li>`)}</ul></details>` : nothing}
  </article>`;
}

function verdict(own) {
  const limit = promised(own);
  const limits = own.target_s === null ? [] : [String(own.target_s)];
  const taken = shortLength(own.elapsed_s, limits);
  const over = own.target_s !== null && compare(String(own.elapsed_s), String(own.target_s)) > 0
    ? `, ${shortLength(minus(String(own.elapsed_s), String(own.target_s)), ["0"])} too long` : "";
  const paused = own.paused_s > 0 ? ` Paused for ${shortLength(own.paused_s)}, which does not count.` : "";
  const left = own.remaining_s !== null && own.remaining_s > 0 ? `, ${shortLength(own.remaining_s, ["0"])} left` : "";
  switch (own.state) {
    case "running": return `${taken} counted so far${limit}${left}.${paused}`;
    case "paused": return `Paused now, after ${taken}${limit}${left}.${paused}`;
    case "met": return `Done after ${taken}${limit}.${paused}`;
    case "breached_open": return `Too late and still open: ${taken} counted${limit}${over}.${paused}`;
    case "breached_closed": return `Done too late, after ${taken}${limit}${over}.${paused}`;
    case "superseded": return "Another promise took over.";
    default: return "No promise applies any more.";
  }
}

/** The limit of one clock: the share that must keep it is the promise's matter. */
function promised(own) {
  const { target } = own.explain;
  if (kindOf(target) === "mean") return "";
  if (own.target_s !== null) return `; promised is ${lengthOf(own.target_s)}`;
  const length = target.within ?? target.atMost;
  return `; promised is ${targetWords({ within: length, ratio: "1" }).replace(/^all (within )?/, "")}`;
}

function facts(own) {
  const fact = (name, text) => (text === null ? nothing : html`<div><dt>${name}</dt><dd>${at(text)}</dd></div>`);
  return html`<dl class="facts row">${fact("Started", own.started_at)}${fact("Due", own.due_at)}
    ${own.due_last !== own.due_at ? fact("In time until", own.due_last) : nothing}
    ${fact("Late since", own.breached_at)}${fact("Stopped", own.stopped_at)}
    <div><dt>Hours</dt><dd>${own.explain.calendar}, ${own.explain.time_zone}</dd></div></dl>`;
}

function levels(contests) {
  return html`<section aria-labelledby="levels"><h2 id="levels">Everything promised about it</h2>
    ${contests.map((own) => html`<div class="wide"><table class="plain-table" role="table"><caption>${readable(own.kpi)}${own.cycle > 1 ? ` no. ${own.cycle}` : ""}</caption>
      <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Agreement</th><th role="columnheader" scope="col">Level</th><th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Binding</th></tr></thead>
      <tbody role="rowgroup">${own.promises.map((one) => html`<tr role="row"><th role="rowheader" scope="row"><a href=${addressOf({ view: "agreement", name: one.agreement })}>${readable(one.agreement)}</a>, ${readable(one.objective)}</th>
        <td role="cell">${typeTag(one.type)} ${readable(one.level)}</td><td role="cell">${standing(one.state)}</td><td role="cell" class="across">${one.why}</td></tr>`)}</tbody></table></div>`)}</section>`;
}

function standing(state) {
  const known = CLOCKS[state];
  return known ? html`<span class="outcome ${known.look}">${sign(known.look)}${known.word}</span>` : readable(state);
}
