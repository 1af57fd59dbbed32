// What has changed since the last look, for readers who do not see the page change.

import { say } from "./saying.js";
import { readable, STATES } from "./words.js";

const NAMED = 3;
let before = { of: "", data: null, states: new Map() };

/** Tell which promises of a list stand otherwise than when it was last noticed. */
export function notice(address, data) {
  if (before.data === data) return;
  const states = new Map(data.items.map((own) => [own.sla_id, own.state]));
  if (before.of === address && before.data !== null) {
    const others = data.items.filter((own) => before.states.has(own.sla_id) && before.states.get(own.sla_id) !== own.state);
    if (others.length > 0) say(sentences(others));
  }
  before = { of: address, data, states };
}

function sentences(states) {
  const named = states.slice(0, NAMED).map((own) => {
    const group = Object.values(own.group).join(", ");
    return `${readable(own.objective)}${group ? ` (${group})` : ""} of ${readable(own.agreement)}: ${STATES[own.state].word.toLowerCase()}.`;
  });
  const rest = states.length > NAMED ? ` ${states.length - NAMED} more have changed.` : "";
  return `Changed. ${named.join(" ")}${rest}`;
}
