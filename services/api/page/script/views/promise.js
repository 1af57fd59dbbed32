// One promise: how it stands, how it did over time, and what made its number up.

import { given } from "../address.js";
import { agreementOf, agreements, objectiveOf } from "../catalogue.js";
import { periodOf, windowName, windowWords } from "../instants.js";
import { at, badge, budget, bullet, doubts, empty, failed, groupTags, typeTag, value, waiting, windowWordsOf } from "../parts.js";
import { read, renewAll, stateAddress } from "../reading.js";
import { reportLink } from "../report.js";
import { paceWords, readable, targetWords, why } from "../words.js";
import { breachList } from "./breaches.js";
import { members } from "./members.js";
import { pacePicture, tally } from "./figures.js";
import { agreementAddress } from "./promises.js";
import { windows } from "./windows.js";
import { html, nothing } from "../../vendor/lit-html/lit-html.js";

const BREACHES = 10;

/** The view. */
export function promise() {
  const slaId = given("sla_id");
  const found = read(stateAddress(slaId, given("window")));
  const row = found.data ?? named(slaId);
  agreements();
  return html`${heading(row, found.data)}
    ${found.data !== null ? standing(found.data) : found.loading ? waiting("how it stands") : missing(found.error)}
    ${windows(slaId, row)}
    ${found.data === null ? nothing : members(found.data, objectiveOf(row))}
    ${breaches(slaId)}
    ${found.data === null ? nothing : reckoning(found.data)}`;
}

export const title = () => readable(named(given("sla_id")).objective);

function named(slaId) {
  const [agreement, objective = "", ...group] = slaId.split("/");
  return { sla_id: slaId, agreement, objective, group: Object.fromEntries(group.map((own, place) => [`${place + 1}.`, decoded(own)])) };
}

function decoded(text) {
  try {
    return text === "~" ? "" : decodeURIComponent(text);
  } catch {
    return text;
  }
}

function heading(row, state) {
  const agreement = agreementOf(row.agreement);
  const objective = objectiveOf(row);
  const promised = state?.target ?? objective?.target;
  return html`<header class="heading">
    <p class="crumbs"><a href="./">Promises</a> <span aria-hidden="true">/</span> <a href=${agreementAddress(row.agreement)}>${readable(row.agreement)}</a></p>
    <h1 tabindex="-1">${readable(row.objective)} ${groupTags(row.group)}</h1>
    ${agreement ? html`<p class="lead"><strong>${agreement.parties.provider}</strong> promises <strong>${agreement.parties.customer}</strong>
      ${promised ? html`for ${readable(objective?.kpi ?? "").toLowerCase()}: <strong>${targetWords(promised, objective?.measure)}</strong>, ${windowWords(objective?.window)}.` : nothing}
      ${typeTag(agreement.type)}</p>` : nothing}</header>`;
}

function missing(error) {
  if (error.status === 404) return empty(error.title, error.message);
  return failed(error, renewAll);
}

function standing(state) {
  const objective = objectiveOf(state);
  const measure = objective?.measure;
  const { pace } = state.explain;
  return html`<section class="standing ${state.state}" aria-label="How it stands">
    <div class="verdict"><p>${badge(state.state)} ${doubts(state)}</p>
      <p class="because">${why(state, measure)}</p>
      <p class="soft">In this state since ${at(state.since)}${state.as_of ? html`, evaluated as of ${at(state.as_of)}` : nothing}.</p></div>
    <dl class="figures">
      <div><dt>Attained</dt><dd class="big">${value(state, measure)}</dd><dd>${bullet(state, measure)}</dd></div>
      <div><dt>Promised</dt><dd class="big">${targetWords(state.target, measure)}</dd></div>
      ${state.budget_remaining === null ? nothing : html`<div><dt>Room for misses</dt><dd class="big">${budget(state)}</dd></div>`}
      <div><dt>Period</dt><dd class="big">${windowWordsOf(state, objective?.window)}</dd></div></dl>
    ${pace ? html`${pacePicture(state, pace)}<p class="soft">${paceWords(pace)}</p>` : nothing}
    ${tally(state)}
    <p class="tags">${reportLink(state.agreement, periodOf(state.window, objective?.window), "Period report")}</p></section>`;
}

function breaches(slaId) {
  const query = new URLSearchParams({ sla_id: slaId, limit: String(BREACHES) });
  const found = read(`v1/breaches?${query}`);
  return html`<section aria-labelledby="breaches"><h2 id="breaches">Breaches</h2>
    ${found.data === null ? (found.loading ? waiting("breaches") : failed(found.error, renewAll)) : breachList(found.data.items, "No breach of this promise is known.")}
    ${found.data?.next ? html`<p class="more"><a href="?${new URLSearchParams({ view: "breaches", sla_id: slaId })}">All its breaches</a></p>` : nothing}</section>`;
}

function reckoning(state) {
  const { explain } = state;
  return html`<section aria-labelledby="reckoning"><h2 id="reckoning">How this is reckoned</h2>
    <ul class="sentences">${explain.text.map((own) => html`<li>${own}</li>`)}</ul>
    <dl class="facts">
      <div><dt>Value</dt><dd><code>${explain.formula}</code></dd></div>
      <div><dt>State</dt><dd><code>${explain.rule}</code></dd></div>
      <div><dt>Window</dt><dd>${windowName(state.window, objectiveOf(state)?.window)}: ${at(state.window.start)} until before ${at(state.window.end)}</dd></div>
      <div><dt>Hours</dt><dd>calendar ${explain.calendar}, ${explain.time_zone}</dd></div>
      <div><dt>Version</dt><dd>in force from ${at(explain.version_from)}${explain.version_until ? html` until ${at(explain.version_until)}` : nothing}, ${explain.level} level, precedence ${explain.precedence}</dd></div>
      <div><dt>Identity</dt><dd><code>${state.sla_id}</code></dd></div></dl></section>`;
}
