// The caller's key: asked for once, kept for this tab, sent as a header and never in an address.

const STORED = "accord.key";
let held = stored();
const waiting = { asked: false, refused: false };

function stored() {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null;
  }
}

/** Headers that say who asks. */
export const credentials = () => (held === null ? {} : { authorization: `Bearer ${held}` });
export const hasKey = () => held !== null;
export const isAsked = () => waiting.asked;
export const wasRefused = () => waiting.refused;

/** The server wants a key, or does not take the one that was sent with `authorization`. */
export function keyWanted(sent) {
  // An answer to a request that left before the present key was given says nothing of it.
  if (sent !== credentials().authorization) return;
  waiting.asked = true;
  waiting.refused = sent !== undefined;
}

/** Use a key from now on, or none. */
export function useKey(key) {
  held = key;
  waiting.asked = key === null;
  waiting.refused = false;
  try {
    if (key === null) sessionStorage.removeItem(STORED);
    else sessionStorage.setItem(STORED, key);
  } catch {
    // It holds until the page is left.
  }
}
