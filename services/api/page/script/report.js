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
  try {
    saved(await styled(await text(address)), `${name}-report.html`);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    say("The report could not be fetched.");
  }
}

async function text(address) {
  const answer = await fetch(address, { headers: credentials() });
  if (!answer.ok) throw new TypeError(`the server answered ${answer.status}`);
  return answer.text();
}

/** The page with its style in it: a file has no server to load it from. */
async function styled(page) {
  const link = /<link rel="stylesheet" href="([^"]+)">/.exec(page);
  if (link === null) return page;
  const style = await text(link[1]);
  return page.replace(link[0], () => `<style>${style}</style>`);
}

function saved(page, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([page], { type: "text/html" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
