// The list: which promises hold now, which are at risk, and why.

import { addressOf, changed, given } from "../address.js";
import { agreementOf, agreements, customersOf, measureOf, objectiveOf } from "../catalogue.js";
import { choice, filters, queryOf, search } from "../filters.js";
import { windowWords } from "../instants.js";
import { badge, budget, bullet, doubts, empty, failed, groupTags, sign, typeTag, value, waiting, windowWordsOf } from "../parts.js";
import { notice } from "../noticing.js";
import { read, renewAll, stateAddress } from "../reading.js";
import { reportLink } from "../report.js";
import { askToRender } from "../rendering.js";
import { paceWords, readable, STATES, targetWords, TYPES, why } from "../words.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";

const ASKED = ["agreement", "customer", "level", "type"];
const ALL = [...ASKED, "state", "text"];
const ORDER = ["breached", "at_risk", "ok", "no_data", "excluded"];
const ATTENTION = 9;
const AT_ONCE = 150;
const LEVELS = ["corporate", "customer", "service"];
let rowsShown = AT_ONCE;

/** The address of a promise, by the sla_id that every answer writes. */
export const promiseAddress = (state, more = {}) => addressOf({ view: "promise", sla_id: state.sla_id, ...more });
export const agreementAddress = (name) => addressOf({ view: "agreement", name });

/** Where the states come from. */
const source = () => read(`v1/states?${queryOf(ASKED, { limit: "1000" })}`, { whole: true });

/** The view. */
export function promises() {
  const known = agreements();
  const found = source();
  const error = found.error ?? known.error;
  if (found.data === null && error) return [head(), form([]), failed(error, renewAll)];
  if (found.data === null || known.data === null) return [head(), form([]), waiting("the promises")];
  if (!found.loading) notice(found.address, found.data);
  const texted = found.data.items.filter(matchesText(given("text")));
  const chosen = given("state") ? texted.filter((own) => own.state === given("state")) : texted;
  return html`${head()}${tiles(texted)}${form(found.data.items)}
    ${found.data.more && !found.loading ? html`<p class="notice">There are more promises than are shown here: choose an agreement or a customer.</p>` : nothing}
    ${chosen.length === 0 ? nobody(found.data.items.length) : [attention(chosen), byAgreement(chosen)]}`;
}

export const title = () => "Promises";

const head = () => html`<h1 tabindex="-1">Promises</h1>`;

function nobody(count) {
  return count === 0 && !ALL.some((name) => given(name))
    ? empty("Nothing to judge yet", "The agreements are loaded; as soon as leads or tickets arrive that they speak of, their promises stand here.")
    : empty("No promise fits these filters", "Take one of them back, or clear them all.");
}

function matchesText(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (state) => words.every((word) => textOf(state).includes(word));
}

const texts = new WeakMap();

/** Everything that a promise can be found by. */
function textOf(state) {
  if (!texts.has(state)) {
    const parties = agreementOf(state.agreement)?.parties ?? {};
    const names = [state.sla_id, state.agreement, state.objective, objectiveOf(state)?.kpi ?? "", readable(state.objective)];
    texts.set(state, [...names, ...Object.values(parties), ...Object.values(state.group)].join("\n").toLowerCase());
  }
  return texts.get(state);
}

function tiles(states) {
  const count = (state) => states.filter((own) => own.state === state).length;
  const shown = ORDER.filter((state) => state !== "excluded" || count(state) > 0 || given("state") === state);
  return html`<nav class="tiles" aria-label="Promises by state">${shown.map((state) => {
    const isOn = given("state") === state;
    return html`<a class="tile ${state} ${count(state) ? "" : "none"}" href=${changed({ state: isOn ? "" : state })}
      aria-current=${isOn ? "true" : "false"}>
      <span class="count">${count(state)}</span><span class="word">${sign(state)}${STATES[state].word}</span></a>`;
  })}</nav>`;
}

function form(states) {
  const names = (agreements().data?.items ?? []).map((own) => [own.agreement, readable(own.agreement)]);
  const customers = customersOf(states).map((own) => [own, own]);
  return filters(ALL, [
    search("text", "Search", "Name, team, customer\u2026"),
    choice("agreement", "Agreement", names, { wider: true }),
    choice("customer", "Customer", customers, { wider: true }),
    choice("level", "Level", LEVELS.map((own) => [own, readable(own)])),
    choice("type", "Type", Object.entries(TYPES)),
    choice("state", "State", ORDER.map((own) => [own, STATES[own].word])),
  ]);
}

const worstFirst = (a, b) =>
  STATES[a.state].rank - STATES[b.state].rank || a.sla_id.localeCompare(b.sla_id);

function attention(states) {
  const bad = states.filter((own) => own.state === "breached" || own.state === "at_risk").sort(worstFirst);
  if (bad.length === 0) return nothing;
  return html`<section class="attention" aria-labelledby="attention"><h2 id="attention">Needs attention</h2>
    <ul class="cards">${repeat(bad.slice(0, ATTENTION), (own) => own.sla_id, card)}</ul>
    ${bad.length > ATTENTION ? html`<p class="soft">${bad.length - ATTENTION} more are in the lists below.</p>` : nothing}</section>`;
}

function card(state) {
  const measure = measureOf(state);
  const agreement = agreementOf(state.agreement);
  return html`<li class="card ${state.state}">
    <p class="top">${badge(state.state)} ${doubts(state)}</p>
    <h3><a href=${promiseAddress(state)}>${readable(state.objective)}</a> ${groupTags(state.group)}</h3>
    <p class="soft">${agreement ? html`${agreement.parties.provider} to ${agreement.parties.customer}, ` : nothing}${readable(state.agreement)}</p>
    <p class="because">${why(state, measure)} ${pace(state)}</p></li>`;
}

/** Of a volume that is behind: its pace, which the API tells of one promise at a time. */
function pace(state) {
  if (state.state !== "at_risk" || !("atLeast" in state.target) || !("count" in state.counts)) return nothing;
  const found = read(stateAddress(state.sla_id)).data?.explain.pace;
  return found ? paceWords(found) : nothing;
}

function byAgreement(states) {
  const groups = Map.groupBy(states, (own) => own.agreement);
  const rank = (own) => Math.min(...own.map((state) => STATES[state.state].rank));
  const ordered = [...groups].sort(([a, one], [b, other]) => rank(one) - rank(other) || a.localeCompare(b));
  let left = rowsShown;
  const shown = ordered.flatMap(([name, own]) => {
    const part = own.sort(worstFirst).slice(0, left);
    left -= part.length;
    return part.length ? [[name, part]] : [];
  });
  const more = states.length - rowsShown;
  return html`<section aria-labelledby="all"><h2 id="all">By agreement</h2>
    <div class="columns" aria-hidden="true"><span>State</span><span>Promise</span><span>Attained</span><span>Room for misses</span><span>Period</span></div>
    ${repeat(shown, ([name]) => name, section)}
    ${more > 0 ? html`<p class="more"><button type="button" @click=${showMore}>Show ${Math.min(more, AT_ONCE)} more of ${more}</button></p>` : nothing}</section>`;
}

function showMore() {
  rowsShown += AT_ONCE;
  askToRender();
}

function section([name, states]) {
  const agreement = agreementOf(name);
  return html`<section class="sheet" aria-labelledby="agreement-${name}">
    <header><h3 id="agreement-${name}"><a href=${agreementAddress(name)}>${readable(name)}</a></h3>
      ${agreement ? html`<p class="parties"><span class="soft">From</span> ${agreement.parties.provider} <span class="soft">to</span> ${agreement.parties.customer}</p>
        <p class="tags">${typeTag(agreement.type)}<span class="tag">${readable(agreement.level)}</span></p>` : nothing}
      ${reportLink(name)}</header>
    ${table(states, `Promises of ${readable(name)}`, { headed: false })}</section>`;
}

/** Promises as a table; on a narrow screen each row stands as a block. */
export function table(states, caption, { headed = true } = {}) {
  return html`<table class="promises ${headed ? "" : "headless"}" role="table"><caption class="unseen">${caption}</caption>
    <thead role="rowgroup"><tr role="row">
      <th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Promise</th>
      <th role="columnheader" scope="col">Attained</th><th role="columnheader" scope="col">Room for misses</th>
      <th role="columnheader" scope="col">Period</th></tr></thead>
    <tbody role="rowgroup">${repeat(states, (own) => own.sla_id, row)}</tbody></table>`;
}

function row(state) {
  const objective = objectiveOf(state);
  const measure = objective?.measure;
  return html`<tr role="row" class=${state.state} data-sla-id=${state.sla_id}>
    <td role="cell" class="is-state">${badge(state.state)}</td>
    <th role="rowheader" scope="row" class="is-promise"><a href=${promiseAddress(state)}>${readable(state.objective)}</a>
      ${groupTags(state.group)} ${doubts(state)}
      <span class="soft asked">${targetWords(state.target, measure)}, ${windowWords(objective?.window)}</span></th>
    <td role="cell" class="is-value"><span class="label">Attained </span>${value(state, measure)}${bullet(state, measure)}</td>
    <td role="cell" class="is-budget"><span class="label">Room for misses </span>${budget(state)}</td>
    <td role="cell" class="is-window">${windowWordsOf(state, objective?.window)}</td></tr>`;
}
