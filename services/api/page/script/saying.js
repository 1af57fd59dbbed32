// What is told to readers who do not see the page change.

const place = () => document.getElementById("said");
let before = "";

/** Say a sentence politely; the same one twice is said twice. */
export function say(text) {
  before = before === text ? `${text}\u00a0` : text;
  place().textContent = before;
}
