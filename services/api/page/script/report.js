// The way to an agreement's period report.

import { credentials, hasKey } from "./key.js";
import { say } from "./saying.js";
import { readable } from "./words.js";
import { html } from "../vendor/lit-html/lit-html.js";

/** The address of a report, of the current period where none is named. */
export function reportAddress(name, period, format = "html") {
  const query = new URLSearchParams({ ...(period ? { period } : {}), format });
  return `v1/reports/${encodeURIComponent(name)}?${query}`;
}

/** A link to the report; with a key it is fetched, as a link cannot carry one. */
export function reportLink(name, period, words = "Report") {
  const address = reportAddress(name, period);
  return html`<a class="report" href=${address} target="_blank" rel="noopener"
    aria-label="${words} of ${readable(name)}" @click=${(event) => fetched(event, address, name)}>${words}</a>`;
}

async function fetched(event, address, name) {
  if (!hasKey()) return;
  event.preventDefault();
  const answer = await fetch(address, { headers: credentials() }).catch(() => null);
  if (!answer?.ok) {
    say("The report could not be fetched.");
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `${name}-report.html`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
