// What a promise says and why it stands as it does, in words for people who are no engineers.

import {
  compare, floor, grouped, isDecimal, lengthOf, minus, percent, shortLength, shown, times,
} from "./decimal.js";
import { periodName } from "./instants.js";

/** The states of a window, the worst first: how each is called. */
export const STATES = {
  breached: { word: "Broken", rank: 0 },
  at_risk: { word: "At risk", rank: 1 },
  no_data: { word: "No data", rank: 2 },
  excluded: { word: "Not asked", rank: 3 },
  ok: { word: "Holds", rank: 4 },
};
export const CLOCKS = {
  running: { word: "Running", look: "running" },
  paused: { word: "Paused", look: "paused" },
  met: { word: "In time", look: "ok" },
  breached_open: { word: "Late, still open", look: "breached" },
  breached_closed: { word: "Late", look: "breached" },
  cancelled: { word: "Cancelled", look: "excluded" },
  superseded: { word: "Superseded", look: "excluded" },
};
export const TYPES = { sla: "SLA", ola: "OLA", uc: "UC" };
export const TYPE_WORDS = {
  sla: "service level agreement with a customer",
  ola: "operational level agreement between teams",
  uc: "underpinning contract with a provider",
};

/** A name of a document as it is read: `ticket-first-response` as `Ticket first response`. */
export function readable(name) {
  const words = name.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The kind of target: `within`, `percentile`, `mean`, `atLeast` or `atMost`. */
export function kindOf(target) {
  if ("within" in target) return "within";
  if ("percentile" in target) return "percentile";
  if (target.mean) return "mean";
  return "atLeast" in target ? "atLeast" : "atMost";
}

const isRatio = (counts) => "total" in counts;

/** What the values of a promise are: `share`, `time` or `amount`. */
export function unitOf(target, measure) {
  const kind = kindOf(target);
  if (kind === "within" || measure === "ratio") return "share";
  return kind === "percentile" || kind === "mean" ? "time" : "amount";
}

/** The number that a value is held against, in the value's unit; null where it has none. */
export function asked(target) {
  const kind = kindOf(target);
  const of = { within: target.ratio ?? "1", atLeast: target.atLeast, atMost: target.atMost };
  const found = kind in of ? of[kind] : secondsOf(target.atMost);
  return isDecimal(found) ? String(found) : null;
}

/** Whether less is better. */
export const isCeiling = (target) => !["within", "atLeast"].includes(kindOf(target));

/** The time that a single clock may take, in seconds; null where it is not a length. */
export const limitOf = (target) => secondsOf(target.within ?? target.atMost);

function secondsOf(length) {
  const found = typeof length === "string"
    && /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(length);
  if (!found) return null;
  const sizes = ["604800", "86400", "3600", "60", "1"];
  return found.slice(1).reduce(
    (sum, number, place) => (number ? minus(sum, times(`-${number}`, sizes[place])) : sum), "0",
  );
}

const ORDINALS = new Intl.PluralRules("en", { type: "ordinal" });
const ENDINGS = { one: "st", two: "nd", few: "rd", other: "th" };

function within(length) {
  if (typeof length === "string") return periodName(length);
  if ("workingDays" in length) {
    return `${length.workingDays} working ${Number(length.workingDays) === 1 ? "day" : "days"}`;
  }
  const days = Number(length.endOfWorkingDay);
  if (days === 0) return "the end of the same working day";
  const after = `${days}${ENDINGS[ORDINALS.select(days)]} working day after`;
  return `the end of the ${days === 1 ? "next working day" : after}`;
}

/** What is promised: `95 % within 1 h`. */
export function targetWords(target, measure) {
  const number = (text) => (measure === "ratio" ? percent(text, [], 4) : grouped(String(text)));
  switch (kindOf(target)) {
    case "within": {
      const ratio = target.ratio ?? "1";
      const length = within(target.within);
      const before = length.startsWith("the end") ? `before ${length}` : `within ${length}`;
      return compare(ratio, "1") === 0 ? `all ${before}` : `${percent(ratio, [], 4)} ${before}`;
    }
    case "percentile": return `${percent(target.percentile, [], 4)} take at most ${within(target.atMost)}`;
    case "mean": return `on average at most ${within(target.atMost)}`;
    case "atLeast": return `at least ${number(target.atLeast)}`;
    default: return `at most ${number(target.atMost)}`;
  }
}

/** A value with its unit; `target` keeps a near miss from looking like a hit. */
export function valueWords(value, target, measure) {
  if (value === null) return "\u2013";
  const limit = asked(target);
  const against = limit === null ? [] : [limit];
  switch (unitOf(target, measure)) {
    case "share": return percent(value, against);
    case "time": return timeWords(value, against, kindOf(target));
    default: return shown(value, against);
  }
}

function timeWords(value, against, kind) {
  const words = shortLength(value, against);
  return kind === "percentile" ? `about ${words}` : words;
}

/** How many decided clocks or events there are, and how many of them missed. */
export function tallies(target, counts) {
  if (isRatio(counts)) {
    const bad = kindOf(target) === "atMost" ? counts.good
      : counts.total - (counts.pending ?? 0) - counts.good;
    return { decided: counts.total, missed: Math.max(0, bad) };
  }
  const missed = counts.breached_open + counts.breached_closed;
  return { decided: counts.met + missed, missed };
}

/** The misses that the target allows of what is decided, exact; null where it allows none at all. */
export function allowed(target, counts) {
  const ratio = { within: target.ratio ?? "1", percentile: target.percentile, atLeast: target.atLeast };
  const kind = kindOf(target);
  const share = kind === "atMost" ? target.atMost : minus("1", String(ratio[kind]));
  return times(String(share), String(tallies(target, counts).decided));
}

const many = (count, one, several = `${one}s`) => `${grouped(String(count))} ${count === 1 ? one : several}`;

/** Why a window stands as it does, in a sentence. */
export function why(state, measure) {
  const { target, counts } = state;
  const kind = kindOf(target);
  if (state.state === "excluded") return "The calendar is closed in all of this window, so nothing is asked.";
  if (state.state === "no_data") return `Too little was decided to judge${undecided(counts)}. This is not a pass.`;
  if (kind === "mean" || kind === "percentile") return ofTime(state, measure);
  if (kind === "within" || isRatio(counts)) return ofShare(state, measure);
  return ofAmount(state, measure);
}

const undecided = (counts) => (counts.running ? `: ${many(counts.running, "clock is", "clocks are")} still running` : "");

function ofTime(state, measure) {
  const { target, value } = state;
  const { decided, missed } = tallies(target, state.counts);
  const limit = within(target.atMost);
  if (kindOf(target) === "mean") {
    return `On average ${valueWords(value, target, measure)} over ${many(decided, "case")}; at most ${limit} is promised.`;
  }
  return `${grouped(String(missed))} of ${many(decided, "case")} took longer than ${limit}; `
    + `${room(target, state.counts)}.`;
}

function ofShare(state, measure) {
  const { target, counts } = state;
  const { decided, missed } = tallies(target, counts);
  if (isRatio(counts)) {
    const pending = counts.pending ? `, ${grouped(String(counts.pending))} may still become so` : "";
    return `${grouped(String(counts.good))} of ${grouped(String(decided))} are good${pending}; promised is ${targetWords(target, measure)}.`;
  }
  const late = missed === 0 ? `None of ${many(decided, "case")} was late`
    : `${grouped(String(missed))} of ${many(decided, "case")} ${missed === 1 ? "was" : "were"} late`;
  return `${late}; ${room(target, counts)}.`;
}

function room(target, counts) {
  const most = allowed(target, counts);
  if (compare(most, "0") === 0) return "none may be";
  return `at most ${grouped(floor(most))} may be`;
}

function ofAmount(state, measure) {
  const { target, value, final, counts } = state;
  const reached = shown(value, [asked(target)]);
  if (measure === "mean") {
    const promised = targetWords(target, measure);
    return `On average ${reached} over ${many(counts.count, "event")}; promised is ${promised}.`;
  }
  if (kindOf(target) === "atMost") {
    return `${reached}${final ? "" : " so far"}; at most ${grouped(String(target.atMost))} may be.`;
  }
  const wanted = grouped(String(target.atLeast));
  if (compare(value, String(target.atLeast)) >= 0) return `${reached} reached; ${wanted} were promised.`;
  const missing = shown(minus(String(target.atLeast), value));
  if (final) return `${reached} of ${wanted} reached; ${missing} are missing.`;
  const pace = state.state === "at_risk" ? ", behind the pace" : "";
  return `${reached} of ${wanted} reached${pace}; ${missing} to go.`;
}

/** What is left of the room for misses; null where there is none to speak of. */
export function budgetWords(state) {
  const left = state.budget_remaining;
  if (left === null) return null;
  if (compare(left, "0") < 0) return `${percent(minus("0", left), ["0"], 0)} overspent`;
  return `${percent(left, ["0", "1"], 0)} left`;
}

/** The pace of a volume in a sentence. */
export function paceWords(pace) {
  return `${lengthOf(pace.elapsed_open_s)} of ${lengthOf(pace.open_s)} working time are over, `
    + `so ${shown(pace.expected)} should be there by now; below ${shown(pace.at_risk_below)} it is at risk.`;
}

const worded = (value) => (value === null ? "absent" : value === "" ? "empty" : String(value));

/** What a matcher of a document asks for: `priority is p1 or p2 and channel is not chat`. */
export function matcherWords(matcher) {
  return Object.entries(matcher ?? {}).map(([name, choice]) => {
    const isNot = choice !== null && typeof choice === "object" && "not" in choice;
    const asked = isNot ? choice.not : choice;
    const values = (Array.isArray(asked) ? asked : [asked]).map(worded);
    if (!isNot) return `${name} is ${values.join(" or ")}`;
    return values.length === 1 ? `${name} is not ${values[0]}` : `${name} is neither ${values.join(" nor ")}`;
  }).join(" and ");
}
