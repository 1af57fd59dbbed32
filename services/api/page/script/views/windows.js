// A promise over time: the chart with its target line, and the windows with their revisions.

import { changed, given, go } from "../address.js";
import { objectiveOf } from "../catalogue.js";
import { windowName } from "../instants.js";
import { at, badge, budget, doubts, failed, value, waiting } from "../parts.js";
import { read, renewAll } from "../reading.js";
import { askToRender } from "../rendering.js";
import { grouped } from "../decimal.js";
import { STATES, targetWords, valueWords } from "../words.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";

const DRAWN = 100;
const LISTED = 6;
let all = "";
let pointed = null;

const CAUSES = {
  final: "first said",
  late: "events came late",
  corrected: "events were corrected",
  documents: "other documents",
  closed: "what was open has ended",
};

/** The section of a promise. */
export function windows(slaId, row) {
  const query = new URLSearchParams({ sla_id: slaId, limit: String(DRAWN) });
  const found = read(`v1/values?${query}`);
  const objective = objectiveOf(row);
  return html`<section aria-labelledby="over-time"><h2 id="over-time">Over time</h2>
    ${found.data === null
      ? found.loading ? waiting("its windows") : found.error.status === 404 ? nothing : failed(found.error, renewAll)
      : drawn(found.data.items, objective, slaId)}</section>`;
}

function drawn(items, objective, slaId) {
  if (items.length === 0) return html`<p class="soft">No window of this promise has data.</p>`;
  const rows = [...items].reverse();
  const chosen = given("window") || items.find((own) => !own.final)?.window.start || items[0].window.start;
  const shown = all === slaId ? items : items.slice(0, LISTED);
  return html`${rows.length > 1 ? chart(rows, objective, chosen) : nothing}
    <table class="plain-table windows" role="table"><caption class="unseen">Windows, the latest first</caption>
      <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Period</th><th role="columnheader" scope="col">State</th>
        <th role="columnheader" scope="col" class="number">Attained</th><th role="columnheader" scope="col">Promised</th>
        <th role="columnheader" scope="col">Room for misses</th><th role="columnheader" scope="col">Said</th></tr></thead>
      <tbody role="rowgroup">${repeat(shown, (own) => own.window.start, (own) => windowRow(own, objective, chosen))}</tbody></table>
    ${items.length > shown.length ? html`<p class="more"><button type="button" @click=${() => showAll(slaId)}>Show all ${items.length} windows</button></p>` : nothing}`;
}

function showAll(slaId) {
  all = slaId;
  askToRender();
}

function chart(rows, objective, chosen) {
  const measure = objective?.measure;
  const content = { rows, measure, chosen, spec: objective?.window, onRead: pointAt, onChoose: choose };
  const broken = rows.filter((own) => own.state === "breached").length;
  const words = `Attainment over ${rows.length} windows with its target line: ${broken} broken. The table below has every number.`;
  const own = pointed && rows.includes(pointed) ? pointed : null;
  return html`<figure class="chart"><div role="img" aria-label=${words}><accord-chart .content=${content}></accord-chart></div>
    <figcaption><span class="keys"><span><span class="swatch line"></span>attained</span><span><span class="swatch aim"></span>promised</span></span>
      <span class="readout" aria-hidden="true">${own ? `${windowName(own.window, objective?.window)}: ${valueWords(own.value, own.target, measure)}, ${STATES[own.state].word.toLowerCase()}` : ""}</span></figcaption></figure>`;
}

function pointAt(row) {
  if (row === pointed) return;
  pointed = row;
  askToRender();
}

const choose = (row) => go(changed({ window: row.window.start }));

function windowRow(own, objective, chosen) {
  const measure = objective?.measure;
  const isChosen = own.window.start === chosen;
  return html`<tr role="row" class=${isChosen ? "chosen" : ""}>
    <th role="rowheader" scope="row"><a href=${changed({ window: own.window.start })} aria-current=${isChosen ? "true" : "false"}>${windowName(own.window, objective?.window)}</a></th>
    <td role="cell">${badge(own.state)} ${doubts(own)}</td>
    <td role="cell" class="number"><span class="label">Attained </span>${value(own, measure)}</td>
    <td role="cell"><span class="label">Promised </span>${targetWords(own.target, measure)}</td>
    <td role="cell"><span class="label">Room for misses </span>${budget(own)}</td>
    <td role="cell">${signedOff(own, measure)}${revisions(own, measure)}</td></tr>`;
}

/** That a review has signed the numbers off, and what they would be now. */
function signedOff(own, measure) {
  if (!own.sealed) return nothing;
  const now = own.adjusted;
  return html`<p class="signed-off">signed off ${at(own.sealed.at)}${now
    ? html`; now ${STATES[now.state].word.toLowerCase()}, ${valueWords(now.value, now.target, measure)} <span class="soft">(${CAUSES[now.cause] ?? now.cause})</span>`
    : nothing}</p>`;
}

function revisions(own, measure) {
  if (own.revisions.length === 0) return html`<span class="soft">${own.final ? "final" : own.as_of >= own.window.end ? "ended, not final yet" : "still open"}</span>`;
  if (own.revisions.length === 1) return html`<span class="soft">final since ${at(own.revisions[0].known_at)}</span>`;
  return html`<details><summary>${grouped(String(own.revisions.length))} revisions</summary>
    <ol class="revisions">${own.revisions.map((one) => html`<li>${at(one.known_at)}: ${STATES[one.state].word.toLowerCase()},
      ${valueWords(one.value, own.target, measure)} <span class="soft">(${CAUSES[one.cause] ?? one.cause})</span></li>`)}</ol></details>`;
}
