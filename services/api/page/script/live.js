// Keeps the page up to date: by the stream of changes, and by asking again where there is none.

import { credentials } from "./key.js";
import { renewAll, troubleOf } from "./reading.js";
import { askToRender } from "./rendering.js";

const STREAM = "v1/stream";
const ASK_EVERY_MS = 5000;
const QUIET_MS = 45000;
const GATHER_MS = 800;
const REST = 5;
const RETRY_MS = [1000, 2000, 5000, 10000, 30000];
const NONE_MS = 60000;

const now = { way: "asking", last: "", failures: 0, took: 0 };
let onChange = () => {};
let gathering = 0;
let stopping = null;
let waiting = 0;

/** How changes come: `stream`, `asking` (every few seconds), or not, as `cut` or `failing`. */
export const way = () => troubleOf() ?? now.way;

/** Begin; `told` hears of each change as `{name, data}`. */
export function follow(told) {
  onChange = told;
  connect();
  setInterval(() => {
    if (document.hidden) return;
    if (now.way !== "stream" || troubleOf() !== null) renewAll();
  }, ASK_EVERY_MS);
  // As of when it all holds goes on without a change.
  setInterval(() => {
    if (!document.hidden && now.way === "stream") renewAll();
  }, 3 * ASK_EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) renewAll();
  });
}

/** Connect anew, with the key that is now in use. */
export function reconnect() {
  now.last = "";
  if (stopping !== null) {
    stopping.abort();
    return;
  }
  clearTimeout(waiting);
  connect();
}

async function connect() {
  const own = new AbortController();
  stopping = own;
  let pause = RETRY_MS[0];
  try {
    await listen(own.signal);
  } catch (error) {
    if (error instanceof NoStream) pause = NONE_MS;
    else if (!own.signal.aborted) pause = RETRY_MS[Math.min(now.failures, RETRY_MS.length - 1)];
    now.failures += 1;
  }
  stopping = null;
  now.way = "asking";
  waiting = setTimeout(connect, own.signal.aborted ? 0 : pause);
  askToRender();
}

class NoStream extends Error {}

async function listen(signal) {
  // A header that says who asks can be sent with fetch only, not with EventSource.
  const headers = { accept: "text/event-stream", ...credentials() };
  if (now.last) headers["last-event-id"] = now.last;
  const answer = await fetch(STREAM, { headers, signal, cache: "no-store" });
  const type = answer.headers.get("content-type") ?? "";
  if (!answer.ok || !type.startsWith("text/event-stream")) throw new NoStream(String(answer.status));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  now.way = "stream";
  now.failures = 0;
  askToRender();
  // What happened before the stream began.
  renewAll();
  let rest = "";
  for (;;) {
    const { value, done } = await inTime(reader);
    if (done) return;
    const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    blocks.forEach(take);
  }
}

/** The next piece; a stream without even a heartbeat is dead. */
async function inTime(reader) {
  let timer = 0;
  const silence = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("the stream is silent")), QUIET_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function take(block) {
  const event = { name: "message", data: [] };
  for (const line of block.split("\n")) {
    const [field, text] = split(line);
    if (field === "event") event.name = text;
    else if (field === "data") event.data.push(text);
    else if (field === "id") now.last = text;
  }
  if (event.data.length === 0) return;
  onChange({ name: event.name, data: parsed(event.data.join("\n")) });
  if (gathering === 0) gathering = setTimeout(gathered, Math.max(GATHER_MS, REST * now.took));
}

function split(line) {
  const colon = line.indexOf(":");
  if (colon < 0) return [line, ""];
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** What changed meanwhile is asked for at once, and less often the longer that takes. */
async function gathered() {
  gathering = 0;
  const began = performance.now();
  await renewAll();
  now.took = performance.now() - began;
}
