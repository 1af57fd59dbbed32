// Which items made up one window of a promise.

import { addressOf } from "../address.js";
import { grouped, lengthOf, shortLength, shown } from "../decimal.js";
import { windowName } from "../instants.js";
import { at, failed, sign, waiting } from "../parts.js";
import { peek, read, renewAll } from "../reading.js";
import { askToRender } from "../rendering.js";
import { limitOf } from "../words.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";

const STEP = 25;
const MOST = 1000;
let limit = { of: "", count: STEP, before: "" };

const OUTCOMES = {
  met: ["ok", "In time"],
  breached: ["breached", "Late"],
  breached_open: ["breached", "Late, still open"],
  breached_closed: ["breached", "Late"],
  excluded: ["excluded", "Not counted"],
  counted: ["ok", "Counted"],
  good: ["ok", "Good"],
  total: ["no_data", "Counted in the total"],
  entered: ["no_data", "Entered"],
  reached: ["ok", "Became good"],
  lost: ["breached", "Did not"],
};

/** The address of an item, which is written `kind:subject`. */
export function itemAddress(item, more = {}) {
  const [kind, ...subject] = item.split(":");
  return addressOf({ view: "item", kind, subject: subject.join(":"), ...more });
}

/** The section of a promise. */
export function members(state, objective) {
  const place = `${state.sla_id}\n${state.window.start}`;
  if (limit.of !== place) limit = { of: place, count: STEP, before: "" };
  const query = new URLSearchParams({ sla_id: state.sla_id, window: state.window.start, limit: String(limit.count) });
  const found = read(`v1/values/items?${query}`);
  const data = found.data ?? peek(limit.before);
  if (found.data !== null) limit.before = found.address;
  return html`<section aria-labelledby="members"><h2 id="members">What made it up <span class="soft">${windowName(state.window, objective?.window)}</span></h2>
    ${data === null ? (found.loading ? waiting("the items") : failed(found.error, renewAll)) : list(data, objective)}</section>`;
}

function list(data, objective) {
  if (data.items.length === 0) return html`<p class="soft">Nothing has been decided in this window yet.</p>`;
  const isTimed = objective?.measure === "duration";
  const hasAmount = data.items.some((own) => own.amount !== null);
  return html`<table class="plain-table" role="table"><caption class="unseen">Items in the order in which they were decided</caption>
    <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Item</th><th role="columnheader" scope="col">Outcome</th><th role="columnheader" scope="col">Decided</th>
      ${isTimed ? html`<th role="columnheader" scope="col" class="number">Time taken</th>` : hasAmount ? html`<th role="columnheader" scope="col" class="number">Amount</th>` : nothing}</tr></thead>
    <tbody role="rowgroup">${data.items.map((own) => html`<tr role="row"><th role="rowheader" scope="row"><a href=${itemAddress(own.item)}>${own.item}</a>${own.cycle > 1 ? html` <span class="soft">no. ${own.cycle}</span>` : nothing}</th>
      <td role="cell">${outcome(own.outcome)}</td><td role="cell">${at(own.at)}</td>
      ${isTimed ? html`<td role="cell" class="number">${timed(own, objective)}</td>`
        : hasAmount ? html`<td role="cell" class="number">${own.amount === null ? "\u2013" : shown(own.amount)}</td>` : nothing}</tr>`)}</tbody></table>
    ${data.next && limit.count < MOST ? html`<p class="more"><button type="button" @click=${more}>Show more</button></p>` : nothing}
    ${data.next && limit.count >= MOST ? html`<p class="soft">These are the first ${grouped(String(MOST))}; the API has all of them.</p>` : nothing}`;
}

function timed(own, objective) {
  if (own.elapsed_s === null) return own.outcome === "breached_open" ? "still open" : "\u2013";
  const limit = limitOf(objective.target);
  return html`<span title=${lengthOf(own.elapsed_s)}>${shortLength(own.elapsed_s, limit === null ? [] : [limit])}</span>`;
}

function more() {
  limit.count = Math.min(MOST, limit.count * 4);
  askToRender();
}

function outcome(name) {
  const [look, word] = OUTCOMES[name] ?? ["no_data", name];
  return html`<span class="outcome ${look}">${sign(look)}${word}</span>`;
}
