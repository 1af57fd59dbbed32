// Breaches of items and of windows, the latest first, each with its explanation to open.

import { given, go } from "../address.js";
import { agreementOf, agreements, objectiveOf } from "../catalogue.js";
import { choice, filters, queryOf } from "../filters.js";
import { apart, windowName } from "../instants.js";
import { at, badge, empty, failed, groupTags, sign, waiting } from "../parts.js";
import { read, renewAll, stateAddress } from "../reading.js";
import { askToRender } from "../rendering.js";
import { readable, why } from "../words.js";
import { clock, itemSource } from "./item.js";
import { itemAddress } from "./members.js";
import { promiseAddress } from "./promises.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";

const NAMES = ["agreement", "sla_id", "scope", "open"];
const STEP = 50;
const MOST = 1000;
const opened = new Set();
let limit = STEP;

/** The view. */
export function breaches() {
  const names = (agreements().data?.items ?? []).map((own) => [own.agreement, readable(own.agreement)]);
  const found = read(`v1/breaches?${queryOf(NAMES, { limit: String(limit) })}`);
  return html`<header class="heading"><h1 tabindex="-1">Breaches</h1>
      <p class="lead">Each time a promise, or the time promised for one lead or ticket, was missed; the latest first.</p></header>
    ${filters(NAMES, [
      choice("agreement", "Agreement", names),
      choice("scope", "What was missed", [["window", "A promise"], ["item", "A lead or ticket"]]),
      choice("open", "Lasts", [["true", "Still open"], ["false", "Over"]]),
      given("sla_id") ? choice("sla_id", "Promise", []) : nothing,
    ])}
    ${lookUp()}
    ${found.data !== null ? [breachList(found.data.items, "No breach fits these filters."), more(found.data.next)]
      : found.loading ? waiting("the breaches") : failed(found.error, renewAll)}`;
}

export const title = () => "Breaches";

const KIND = "ticket";

/** The way to a lead or ticket by its name. */
function lookUp() {
  return html`<form class="filters look-up" @submit=${found}><div class="field grow"><label for="look-up">Look up one lead or ticket</label>
    <input id="look-up" name="item" required autocomplete="off" spellcheck="false" placeholder="ticket:T-9 or lead:L-1"></div>
    <button type="submit">Look up</button></form>`;
}

function found(event) {
  event.preventDefault();
  const text = new FormData(event.target).get("item").trim();
  go(itemAddress(text.includes(":") ? text : `${KIND}:${text}`));
}

function more(next) {
  if (!next || limit >= MOST) return nothing;
  return html`<p class="more"><button type="button" @click=${() => { limit = Math.min(MOST, limit * 4); askToRender(); }}>Show more</button></p>`;
}

/** Breaches as a list. */
export function breachList(items, none) {
  if (items.length === 0) return empty("None", none);
  return html`<ul class="breaches">${repeat(items, (own) => own.breach_id, breach)}</ul>`;
}

function breach(own) {
  const isOpen = opened.has(own.breach_id);
  const agreement = agreementOf(own.agreement);
  const until = own.closed_at === null ? html`<span class="tag strong">still open</span>`
    : own.closed_at === own.opened_at ? html`<span class="soft">final</span>` : html`<span class="soft">for ${apart(own.opened_at, own.closed_at)}</span>`;
  return html`<li class="breach ${own.closed_at === null ? "lasts" : ""}">
    <details ?open=${isOpen} @toggle=${(event) => toggled(event, own.breach_id)}>
      <summary><span class="mark">${sign("breached")}</span>
        <span class="what">${own.scope === "item" ? html`<strong>${own.item}</strong> <span class="soft">was late for</span> ${readable(own.objective)}`
          : html`<strong>${readable(own.objective)}</strong> ${groupTags(own.group)} <span class="soft">missed in</span> ${windowName(own.window, objectiveOf(own)?.window)}`}</span>
        <span class="who soft">${agreement ? `${agreement.parties.provider} to ${agreement.parties.customer}` : readable(own.agreement)}</span>
        <span class="when">${at(own.opened_at)} ${until} ${own.confirmed ? nothing : html`<span class="tag soft" title="Events in time may still take it back">provisional</span>`}
          ${own.acknowledged ? html`<span class="tag">seen</span>` : nothing}</span></summary>
      ${isOpen ? explanation(own) : nothing}</details></li>`;
}

function toggled(event, id) {
  if (event.target.open) opened.add(id);
  else opened.delete(id);
  askToRender();
}

function explanation(own) {
  return html`<div class="explanation">${own.acknowledged ? seen(own.acknowledged) : nothing}${own.scope === "item" ? ofItem(own) : ofWindow(own)}</div>`;
}

/** Who has said that the breach was seen, and what is done about it. */
const seen = ({ at: when, by, note }) => html`<p><span class="tag">seen</span> by <strong>${by}</strong>, ${at(when)}${note ? html`: ${note}` : nothing}</p>`;

function ofItem(own) {
  const [kind, ...subject] = own.item.split(":");
  const found = read(itemSource(kind, subject.join(":")));
  if (found.data === null) return found.loading ? waiting("its clock") : failed(found.error, renewAll);
  const clocks = found.data.clocks.filter((one) => one.agreement === own.agreement && one.objective === own.objective && one.cycle === own.cycle);
  return html`${clocks.map((one, place) => clock(one, found.data.as_of, `breach-${own.breach_id}-${place}`))}
    <p><a href=${itemAddress(own.item)}>Everything about ${own.item}</a></p>`;
}

function ofWindow(own) {
  const found = read(stateAddress(own.sla_id, own.window.start));
  const more = html`<p><a href=${promiseAddress(own, { window: own.window.start })}>Everything about this period</a></p>`;
  if (found.data === null) return found.loading ? waiting("the period") : [html`<p>${found.error.message}</p>`, more];
  const measure = objectiveOf(own)?.measure;
  return html`<p>${badge(found.data.state)} <span class="because">${why(found.data, measure)}</span></p>
    <p class="soft">Missed from ${at(own.opened_at)} ${own.closed_at === null ? "on" : own.closed_at === own.opened_at ? "(at its end)" : html`until ${at(own.closed_at)}`}.</p>
    <ul class="sentences">${found.data.explain.text.map((text) => html`<li>${text}</li>`)}</ul>${more}`;
}
