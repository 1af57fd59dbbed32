// What the API said, by address: read once, asked for again on condition, kept while it fails.

import { credentials, keyWanted } from "./key.js";
import { askToRender } from "./rendering.js";

const PAGES = 20;
const KEPT = 60;
const known = new Map();
let used = new Set();

/** What keeps something of what is shown from being read: `cut`, `failing`, or nothing (null). */
export function troubleOf() {
  const errors = [...used].map((address) => known.get(address)?.error).filter(Boolean);
  if (errors.some((error) => error instanceof Unreachable)) return "cut";
  return errors.some((error) => error.isOfServer) ? "failing" : null;
}

/** A refusal by the server, with its problem. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `The server answered ${status}.`);
    this.status = status;
    this.title = problem.title ?? "The server refused";
    // One promise that has not been judged yet is no trouble of the whole server.
    this.isOfServer = status >= 500 && !problem.type?.endsWith("/not-judged-yet");
    this.about = problem.type?.startsWith("/problems/") ? problem.type.slice(1) : null;
  }
}

/** No answer came, or not all of one. */
export class Unreachable extends Error {
  constructor(cause) {
    super("The server does not answer.", { cause });
    this.title = "The server does not answer";
  }
}

/** Ask the API; an answer of 304 comes as null. */
export async function ask(address, { tag, signal } = {}) {
  const own = credentials();
  const headers = { accept: "application/json", ...own };
  if (tag) headers["if-none-match"] = tag;
  const answer = await fetch(address, { headers, signal }).catch(lost);
  if (answer.status === 304) return null;
  if (!answer.ok) {
    if (answer.status === 401) keyWanted(own.authorization);
    throw new Refused(answer.status, await answer.json().catch(() => ({})));
  }
  return { body: await answer.json().catch(lost), tag: answer.headers.get("etag") };
}

function lost(error) {
  throw new Unreachable(error);
}

/**
 * What is known at an address: `{data, error, loading}`. Asking for it during a rendering makes it
 * one of those that are renewed. A list comes with all its pages, `data.more` when there are more.
 */
export function read(address, { whole = false } = {}) {
  used.add(address);
  let found = known.get(address);
  if (found === undefined) {
    found = { address, whole, data: null, error: null, loading: true, pages: [] };
    known.set(address, found);
    renew(found);
  }
  return found;
}

/** The same without asking for it. */
export const peek = (address) => known.get(address)?.data ?? null;

async function renew(found) {
  if (found.busy) {
    found.again = true;
    return;
  }
  found.busy = true;
  try {
    const before = found.data;
    const data = found.whole ? await allPages(found) : await onePage(found, 0, found.address);
    found.error = null;
    if (data !== before) found.data = data;
  } catch (error) {
    if (!(error instanceof Refused) && !(error instanceof Unreachable)) throw error;
    found.error = error;
    // What is gone must not go on looking as if it were there.
    if (error instanceof Refused && error.status < 500) forget(found);
  } finally {
    found.loading = false;
    found.busy = false;
    askToRender();
  }
  if (found.again) {
    found.again = false;
    await renew(found);
  }
}

function forget(found) {
  found.data = null;
  found.pages = [];
}

async function onePage(found, place, address) {
  const before = found.pages[place];
  const same = before?.address === address;
  const answer = await ask(address, { tag: same ? before.tag : null });
  if (answer === null) return before.body;
  found.pages[place] = { address, tag: answer.tag, body: answer.body };
  return answer.body;
}

async function allPages(found) {
  const bodies = [];
  const before = found.data;
  let address = found.address;
  while (address !== null && bodies.length < PAGES) {
    const body = await onePage(found, bodies.length, address);
    bodies.push(body);
    address = body.next === null ? null : nextAddress(found.address, body.next);
    if (before === null) {
      found.data = joined(bodies, address !== null);
      askToRender();
    }
  }
  found.pages.length = bodies.length;
  const same = before?.bodies.length === bodies.length
    && bodies.every((body, place) => body === before.bodies[place]);
  return same ? before : joined(bodies, address !== null);
}

function joined(bodies, more) {
  return { items: bodies.flatMap((body) => body.items), as_of: bodies[0]?.as_of ?? null, more, bodies };
}

const nextAddress = (address, cursor) =>
  `${address}${address.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}`;

const staleAt = new WeakMap();

function oldest(data) {
  if (!staleAt.has(data)) {
    const rows = (data.items ?? [data]).filter((own) => own.freshness !== undefined);
    const stale = rows.filter((own) => own.freshness === "stale");
    const first = stale.map((own) => own.as_of ?? "").sort()[0];
    staleAt.set(data, { first, all: stale.length === rows.length });
  }
  return staleAt.get(data);
}

/** What of the things shown is not up to date: since when the oldest is, and whether all are. */
export function staleness() {
  const shown = [...used].map((address) => known.get(address)?.data).filter(Boolean).map(oldest);
  const stale = shown.filter((own) => own.first !== undefined);
  if (stale.length === 0) return null;
  return { since: stale.map((own) => own.first).sort()[0], all: stale.every((own) => own.all) };
}

/** Begin a rendering: what it reads is what will be renewed. */
export function beginRendering() {
  used = new Set();
}

/** Ask again for everything that the page shows. */
export async function renewAll() {
  const shown = [...used].map((address) => known.get(address)).filter(Boolean);
  await Promise.all(shown.map(renew));
  for (const address of [...known.keys()].slice(0, -KEPT)) {
    if (!used.has(address)) known.delete(address);
  }
}

/** Forget everything: another key sees other things. */
export function forgetAll() {
  known.clear();
  askToRender();
}

/** The API address of one state; encoded as one part, which no browser changes. */
export function stateAddress(slaId, window = "") {
  const query = window ? `?${new URLSearchParams({ window })}` : "";
  return `v1/states/${encodeURIComponent(slaId)}${query}`;
}
