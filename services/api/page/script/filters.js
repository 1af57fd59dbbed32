// The filters of lists, kept in the address.

import { changed, given, go } from "./address.js";
import { html } from "../vendor/lit-html/lit-html.js";
import { live } from "../vendor/lit-html/directives/live.js";

/** A choice of one value; `options` are `[value, words]`. */
export function choice(name, label, options, { wider = false } = {}) {
  const chosen = given(name);
  // A shared link may ask for what is not listed: it must not look as if nothing were asked.
  const all = chosen && !options.some(([value]) => value === chosen) ? [...options, [chosen, chosen]] : options;
  return html`<div class="field ${wider ? "wider" : ""}"><label for="filter-${name}">${label}</label>
    <select id="filter-${name}" name=${name} .value=${live(chosen)} @change=${(event) => go(changed({ [name]: event.target.value }))}>
      <option value="" ?selected=${chosen === ""}>All</option>
      ${all.map(([value, words]) => html`<option value=${value} ?selected=${value === chosen}>${words}</option>`)}
    </select></div>`;
}

/** A text that is looked for; it takes the place of the present address while it is typed. */
export function search(name, label, hint) {
  return html`<div class="field grow"><label for="filter-${name}">${label}</label>
    <input type="search" id="filter-${name}" name=${name} placeholder=${hint} autocomplete="off" spellcheck="false"
      .value=${live(given(name))} @input=${(event) => go(changed({ [name]: event.target.value }), { replace: true })}></div>`;
}

/** All filters in one form; `names` are what is left out by "Clear". */
export function filters(names, fields) {
  const some = names.some((name) => given(name));
  const none = Object.fromEntries(names.map((name) => [name, ""]));
  return html`<form class="filters" role="search" aria-label="Filters" @submit=${(event) => event.preventDefault()}>
    ${fields}
    <a class="clear ${some ? "" : "unseen-kept"}" href=${changed(none)} aria-hidden=${some ? "false" : "true"} tabindex=${some ? "0" : "-1"}>Clear</a>
  </form>`;
}

/** The members of an API address that filters give. */
export function queryOf(names, more = {}) {
  const query = new URLSearchParams(more);
  for (const name of names) if (given(name)) query.set(name, given(name));
  return query.toString();
}
