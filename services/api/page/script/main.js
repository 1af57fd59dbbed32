// The page: its frame, its views, and what keeps it up to date.

import { addressOf, followAddress, view } from "./address.js";
import { chooseZone, day, moment, time, zoneName, zones } from "./instants.js";
import { hasKey, isAsked, useKey, wasRefused } from "./key.js";
import { follow, reconnect, way } from "./live.js";
import { beginRendering, forgetAll, read, staleness, troubleOf } from "./reading.js";
import { askToRender, drawWith } from "./rendering.js";
import { say } from "./saying.js";
import { readable } from "./words.js";
import { agreement, allAgreements, allTitle, title as agreementTitle } from "./views/agreements.js";
import { breaches, title as breachesTitle } from "./views/breaches.js";
import { item, title as itemTitle } from "./views/item.js";
import { promise, title as promiseTitle } from "./views/promise.js";
import { promises, title as promisesTitle } from "./views/promises.js";
import "./chart.js";
import { html, nothing, render } from "../vendor/lit-html/lit-html.js";

const VIEWS = {
  promises: [promises, promisesTitle],
  promise: [promise, promiseTitle],
  breaches: [breaches, breachesTitle],
  item: [item, itemTitle],
  agreements: [allAgreements, allTitle],
  agreement: [agreement, agreementTitle],
};
const NAVIGATION = [["promises", "Promises", "./"], ["breaches", "Breaches", addressOf({ view: "breaches" })], ["agreements", "Agreements", addressOf({ view: "agreements" })]];
const PARENTS = { promise: "promises", item: "promises", agreement: "agreements" };
const WAYS = {
  unknown: ["Reading\u2026", "Nothing is known yet"],
  old: ["Not up to date", "The banner says since when"],
  stream: ["Live", "Changes arrive as they happen"],
  asking: ["Live", "Asked for again every few seconds"],
  cut: ["Cut off", "The server does not answer"],
  failing: ["Cut off", "The server cannot read its numbers"],
};
const root = document.getElementById("page");
const arrival = { focus: false, scroll: null };

function draw() {
  beginRendering();
  const [show, title] = VIEWS[view()] ?? VIEWS.promises;
  const pulse = read("v1/agreements?limit=1");
  document.title = `${title()} \u00b7 Accord`;
  const shown = show();
  render(html`${header(pulse.data)}${warning()}<main id="main" tabindex="-1">${shown}</main>${footer()}${keyDialog()}`, root);
  settle();
}

function header(pulse) {
  const here = PARENTS[view()] ?? view();
  const state = pulseState(pulse);
  const [word, why] = WAYS[state];
  return html`<header class="masthead"><a class="brand" href="./"><span class="logo" aria-hidden="true"></span>Accord</a>
    <nav aria-label="Views">${NAVIGATION.map(([name, words, href]) => html`<a href=${href} aria-current=${here === name ? "page" : "false"}>${words}</a>`)}</nav>
    <p class="pulse ${state}" title=${why}><span class="dot" aria-hidden="true"></span>${word}${pulse?.as_of ? html`<span class="as-of"> as of <time datetime=${pulse.as_of}><span class="day">${day(pulse.as_of)}, </span>${time(pulse.as_of)}</time></span>` : nothing}</p>
    <button type="button" class="theme" aria-label="Switch between light and dark" title="Light or dark" @click=${switchTheme}><span aria-hidden="true">\u25d0</span></button>
    ${hasKey() ? html`<button type="button" class="quiet" @click=${() => withKey(null)}>Forget key</button>` : nothing}</header>`;
}

function pulseState(pulse) {
  if (troubleOf() !== null) return troubleOf();
  if (staleness() !== null) return "old";
  return pulse === null ? "unknown" : way();
}

const TROUBLES = {
  cut: "The server does not answer.",
  failing: "The server cannot read its numbers at the moment.",
};

function warning() {
  const trouble = TROUBLES[troubleOf()];
  if (trouble) return html`<div class="banner bad" role="alert"><strong>${trouble}</strong> What is shown is what was known last; it is asked again every few seconds.</div>`;
  const stale = staleness();
  if (stale === null) return nothing;
  return html`<div class="banner stale" role="alert"><strong>${stale.all ? "These numbers are" : "Some of these numbers are"} not up to date.</strong>
    They hold as of ${stale.since ? moment(stale.since) : "an earlier time"}: what happened since may not be in them yet.</div>`;
}

function footer() {
  return html`<footer><p>Times in <select aria-label="Time zone of the page" @change=${(event) => { chooseZone(event.target.value); askToRender(); }}>
      ${zones().map((name) => html`<option value=${name} ?selected=${name === zoneName()}>${name}</option>`)}</select></p>
    <p><a href="docs">API</a></p></footer>`;
}

function keyDialog() {
  if (!isAsked()) return nothing;
  return html`<dialog id="key" aria-labelledby="key-title" @cancel=${(event) => event.preventDefault()}><form @submit=${givenKey}>
    <h2 id="key-title">Your key, please</h2>
    <p>This server shows its numbers to those who have a key. It stays in this tab and is sent to this server only.</p>
    ${wasRefused() ? html`<p class="bad" role="alert">The key was not accepted.</p>` : nothing}
    <div class="field"><label for="key-text">Key</label><input id="key-text" type="password" name="key" autocomplete="off" required></div>
    <button type="submit" class="main">Show the numbers</button></form></dialog>`;
}

function givenKey(event) {
  event.preventDefault();
  withKey(new FormData(event.target).get("key").trim());
}

function withKey(key) {
  useKey(key);
  forgetAll();
  reconnect();
}

function switchTheme() {
  const { dataset } = document.documentElement;
  const isDark = dataset.theme ? dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  dataset.theme = isDark ? "light" : "dark";
  try {
    localStorage.setItem("accord.theme", dataset.theme);
  } catch {
    // It holds for this visit all the same.
  }
  document.dispatchEvent(new Event("accord:theme"));
  say(`${readable(dataset.theme)} theme`);
}

/** What is left to do once the page stands: the dialog, the focus, the place where it was left. */
function settle() {
  const dialog = document.getElementById("key");
  if (dialog && !dialog.open) dialog.showModal();
  if (arrival.focus) {
    document.querySelector("h1")?.focus({ preventScroll: true });
    arrival.focus = false;
  }
  if (arrival.scroll !== null) {
    const busy = document.querySelector("[aria-busy]");
    scrollTo(0, arrival.scroll);
    if (!busy) arrival.scroll = null;
  }
}

function arrived({ back, elsewhere }) {
  if (!elsewhere) return;
  arrival.focus = true;
  arrival.scroll = back ? history.state?.scroll ?? 0 : 0;
}

/** A change of the stream: the list tells of states by itself, of breaches nobody else does. */
function told({ name, data }) {
  const own = data.data ?? {};
  const what = own.item ?? own.sla_id;
  if (name === "breach.opened" && what) say(`A breach has opened: ${what}, ${readable(own.objective ?? "")}.`);
}

drawWith(draw);
followAddress(arrived);
draw();
follow(told);
