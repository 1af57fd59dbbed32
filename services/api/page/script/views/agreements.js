// Agreements: who promises what to whom, in words, and how each promise stands.

import { addressOf, given } from "../address.js";
import { agreementOf, agreements } from "../catalogue.js";
import { windowWords } from "../instants.js";
import { at, empty, failed, sign, typeTag, waiting } from "../parts.js";
import { read, renewAll } from "../reading.js";
import { reportLink } from "../report.js";
import { matcherWords, readable, STATES, targetWords, TYPE_WORDS } from "../words.js";
import { agreementAddress, table } from "./promises.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";

const statesOf = (name) => read(`v1/states?${new URLSearchParams({ agreement: name, limit: "1000" })}`, { whole: true });

/** The view of all. */
export function allAgreements() {
  const found = agreements();
  return html`<header class="heading"><h1 tabindex="-1">Agreements</h1>
      <p class="lead">Who promises what to whom, as the documents in force say.</p></header>
    ${found.data === null ? (found.loading ? waiting("the agreements") : failed(found.error, renewAll))
      : found.data.items.length === 0 ? empty("No agreements", "No document of an agreement is loaded.")
        : html`<ul class="cards agreements">${repeat(found.data.items, (own) => own.agreement, card)}</ul>`}`;
}

export const allTitle = () => "Agreements";

function card(own) {
  return html`<li class="card"><p class="top tags">${typeTag(own.type)}<span class="tag">${readable(own.level)}</span></p>
    <h2><a href=${agreementAddress(own.agreement)}>${readable(own.agreement)}</a></h2>
    <p><span class="soft">From</span> <strong>${own.parties.provider}</strong> <span class="soft">to</span> <strong>${own.parties.customer}</strong></p>
    <p class="soft">${own.objectives.length === 1 ? "1 promise" : `${own.objectives.length} promises`}</p></li>`;
}

/** The view of one. */
export function agreement() {
  const name = given("name");
  agreements();
  const found = read(`v1/agreements/${encodeURIComponent(name)}`);
  const own = found.data ?? agreementOf(name);
  return html`<header class="heading">
      <p class="crumbs"><a href=${addressOf({ view: "agreements" })}>Agreements</a></p>
      <h1 tabindex="-1">${readable(name)}</h1>
      ${own ? html`<p class="lead"><strong>${own.parties.provider}</strong> promises <strong>${own.parties.customer}</strong>, by ${TYPE_WORDS[own.type]} ${typeTag(own.type)}</p>` : nothing}</header>
    ${found.data !== null ? inWords(found.data) : found.loading ? waiting("the agreement")
      : found.error.status === 404 ? empty(found.error.title, found.error.message) : failed(found.error, renewAll)}`;
}

export const title = () => readable(given("name"));

function inWords(own) {
  const states = statesOf(own.agreement);
  const { effective } = own;
  const { document } = own.versions.find((one) => one.effective.from === effective.from) ?? own.versions[0];
  return html`<dl class="facts row">
      <div><dt>Level</dt><dd>${readable(own.level)}</dd></div>
      <div><dt>Precedence</dt><dd>${own.precedence}</dd></div>
      <div><dt>Hours</dt><dd>calendar ${own.calendar}</dd></div>
      <div><dt>In force</dt><dd>from ${at(effective.from)}${effective.until ? html` until before ${at(effective.until)}` : nothing}</dd></div></dl>
    <p class="tags">${reportLink(own.agreement, undefined, "Period report")}</p>
    <section aria-labelledby="promised"><h2 id="promised">What is promised</h2>
      <p class="soft">${concerning(document, own)}</p>
      <ol class="promised">${own.objectives.map((one) => html`<li><strong>${readable(one.objective)}</strong>: ${readable(one.kpi).toLowerCase()},
        ${targetWords(one.target, one.measure)}, ${windowWords(one.window)}${one.group_by.length ? `, for each ${one.group_by.join(" and ")}` : ""}${where(document, one)}.${summary(states.data, one)}</li>`)}</ol></section>
    <section aria-labelledby="now"><h2 id="now">How it stands</h2>
      ${states.data === null ? (states.loading ? waiting("its promises") : failed(states.error, renewAll))
        : states.data.items.length ? html`<div class="sheet">${table(states.data.items, `Promises of ${readable(own.agreement)}`)}</div>` : empty("Nothing to judge yet", "No lead or ticket has come that it speaks of.")}</section>
    ${own.versions.length > 1 ? versions(own.versions) : nothing}`;
}

function concerning(document, own) {
  const asked = matcherWords(document.appliesTo);
  const kinds = own.objectives.length === 1 ? "It" : "All of it";
  return asked ? `${kinds} is about what has this: ${asked}.` : `${kinds} is about everything that comes.`;
}

/** For which items alone an objective holds. */
function where(document, objective) {
  const written = document.objectives?.find((one) => one.name === objective.objective);
  const asked = matcherWords(written?.where);
  return asked ? `, where ${asked}` : "";
}

function summary(data, objective) {
  const own = (data?.items ?? []).filter((one) => one.objective === objective.objective);
  const counts = Object.keys(STATES).map((state) => [state, own.filter((one) => one.state === state).length]).filter(([, count]) => count);
  return html` <span class="outcomes">${counts.map(([state, count]) => html`<span class="outcome ${state}">${sign(state)}${STATES[state].word}${own.length > 1 ? ` ${count}` : ""}</span> `)}</span>`;
}

function versions(all) {
  return html`<section aria-labelledby="versions"><h2 id="versions">Versions</h2><ol class="versions">${all.map((own) => html`<li>
    <details><summary>From ${at(own.effective.from)}${own.effective.until ? html` until before ${at(own.effective.until)}` : ", no end"}</summary>
      <ul class="sentences">${own.objectives.map((one) => html`<li><strong>${readable(one.objective)}</strong>: ${targetWords(one.target, one.measure)}, ${windowWords(one.window)}</li>`)}</ul></details></li>`)}</ol></section>`;
}
