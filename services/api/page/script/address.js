// What is looked at stands in the address: view, filters, and what is opened.

import { askToRender } from "./rendering.js";

const asked = () => new URLSearchParams(location.search);

/** The value of a name in the address, or the empty text. */
export const given = (name) => asked().get(name) ?? "";

/** The view of the address. */
export const view = () => given("view") || "promises";

/** The address of a view; members that are empty are left out. */
export function addressOf(members) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) if (value) query.set(name, value);
  const text = query.toString();
  return text ? `?${text}` : "./";
}

/** The present address with some members changed. */
export function changed(members) {
  return addressOf({ ...Object.fromEntries(asked()), ...members });
}

/** Go to an address of the page; `replace` takes the place of the present one in the history. */
export function go(address, { replace = false } = {}) {
  const before = asked().toString();
  if (replace) history.replaceState(history.state, "", address);
  else {
    history.replaceState({ ...history.state, scroll: scrollY }, "");
    history.pushState({}, "", address);
  }
  arrived(before, { back: false });
}

let onArrival = () => {};
let shown = location.search;

/** Follow links of the page and the browser's back and forward. */
export function followAddress(whenArrived) {
  onArrival = whenArrived;
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => {
    // A step inside the page, such as past its head, is none to another view.
    if (location.search !== shown) arrived("", { back: true });
  });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (link === null || !isOurs(event, link)) return;
    event.preventDefault();
    go(link.getAttribute("href"), { replace: link.hasAttribute("data-replace") });
  });
}

function isOurs(event, link) {
  if (event.defaultPrevented || event.button !== 0) return false;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return false;
  const href = link.getAttribute("href");
  return (href.startsWith("?") || href === "./") && !link.target;
}

function arrived(before, { back }) {
  const place = (text) => {
    const query = new URLSearchParams(text);
    return ["view", "sla_id", "kind", "subject", "name"].map((own) => query.get(own) ?? "").join("\n");
  };
  shown = location.search;
  const elsewhere = back || place(before) !== place(location.search);
  onArrival({ back, elsewhere });
  askToRender();
}
