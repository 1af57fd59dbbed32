// Instants and windows in words, in the zone that the reader chose.

const STORED = "accord.zone";
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const formats = new Map();
let zone = remembered();

function remembered() {
  try {
    return localStorage.getItem(STORED) === "UTC" ? "UTC" : HERE;
  } catch {
    return HERE;
  }
}

export const zones = () => [...new Set([HERE, "UTC"])];
export const zoneName = () => zone;

/** Show times in this zone from now on. */
export function chooseZone(name) {
  zone = name;
  try {
    localStorage.setItem(STORED, name);
  } catch {
    // It holds for this visit all the same.
  }
}

function format(name, options, inZone = zone) {
  const key = `${name} ${inZone}`;
  if (!formats.has(key)) {
    const made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: inZone });
    formats.set(key, made);
  }
  return formats.get(key);
}

const DAY = { day: "numeric", month: "short", year: "numeric" };
const TIME = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** Milliseconds since the epoch. */
export const millis = (text) => Date.parse(text);

export const day = (text, inZone) => format("day", DAY, inZone).format(millis(text));
export const time = (text) => {
  const whole = millis(text) % 60000 === 0;
  const options = whole ? TIME : { ...TIME, second: "2-digit" };
  return format(whole ? "time" : "second", options).format(millis(text));
};
export const moment = (text) => `${day(text)}, ${time(text)}`;
export const weekday = (text, inZone) =>
  format("weekday", { weekday: "short", ...DAY }, inZone).format(millis(text));
export const shortDay = (at, inZone) =>
  format("short", { day: "numeric", month: "short" }, inZone).format(at);
export const shortTime = (at) => format("time", TIME).format(at);
export const shortSecond = (at) => format("second", { ...TIME, second: "2-digit" }).format(at);

/** A window as the axis of a chart names it. */
export function windowLabel(start, spec) {
  const own = spec?.timeZone ?? zone;
  const kind = spec?.calendar;
  if (kind === "year") return format("year", { year: "numeric" }, own).format(start);
  if (kind === "month" || kind === "quarter") {
    return format("axis", { month: "short", year: "2-digit" }, own).format(start);
  }
  if (kind || !spec?.tumbling || start % 86400000 === 0) return shortDay(start, own);
  return `${shortDay(start)} ${shortTime(start)}`;
}

/** A calendar window as the reports name its period; none for others. */
export function periodOf(window, spec) {
  const own = spec?.timeZone ?? "UTC";
  const numbers = format("iso", { year: "numeric", month: "2-digit", day: "2-digit" }, own);
  const parts = Object.fromEntries(numbers.formatToParts(millis(window.start)).map((p) => [p.type, p.value]));
  switch (spec?.calendar) {
    case "day": return `${parts.year}-${parts.month}-${parts.day}`;
    case "month": return `${parts.year}-${parts.month}`;
    case "quarter": return `${parts.year}-Q${Math.ceil(Number(parts.month) / 3)}`;
    case "year": return parts.year;
    default: return undefined;
  }
}

/** The parts of an instant in the zone, as numbers. */
export function clockParts(at) {
  const options = { ...TIME, year: "numeric", month: "numeric", day: "numeric" };
  const parts = format("parts", options).formatToParts(at);
  return Object.fromEntries(parts.map((part) => [part.type, Number(part.value)]));
}

/** How long from one instant to another, in one or two units of the calendar's sight. */
export function apart(from, to) {
  const minutes = Math.round(Math.abs(millis(to) - millis(from)) / 60000);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 && hours < 6 ? `${hours} h ${minutes % 60} min` : `${hours} hours`;
  return `${Math.floor(hours / 24)} days`;
}

/** A window by its name: `March 2026`, `Week of 2 Mar 2026`, else from when until when. */
export function windowName(window, spec) {
  const kind = spec?.calendar;
  const own = spec?.timeZone ?? "UTC";
  const start = millis(window.start);
  if (kind === "day") return weekday(window.start, own);
  if (kind === "week") return `Week of ${day(window.start, own)}`;
  if (kind === "month") {
    return format("month", { month: "long", year: "numeric" }, own).format(start);
  }
  if (kind === "quarter" || kind === "year") {
    const numbers = format("numbers", { month: "numeric", year: "numeric" }, own);
    const parts = Object.fromEntries(numbers.formatToParts(start).map((p) => [p.type, p.value]));
    if (kind === "year") return parts.year;
    return `Quarter ${Math.ceil(Number(parts.month) / 3)} of ${parts.year}`;
  }
  if (spec?.rolling) return `${periodName(spec.rolling)} until ${moment(window.end)}`;
  const isOneDay = day(window.start) === day(window.end);
  return `${moment(window.start)} to ${isOneDay ? time(window.end) : moment(window.end)}`;
}

/** An ISO 8601 length in words. */
export function periodName(text) {
  const found = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(text);
  if (found === null) return text;
  const units = ["week", "day", "h", "min", "s"];
  const parts = found.slice(1).flatMap((number, place) => {
    if (number === undefined) return [];
    const unit = units[place];
    return [`${number}\u202f${unit}${place < 2 && number !== "1" ? "s" : ""}`];
  });
  return parts.join(" ") || text;
}

/** What a window repeats as: `each month`, `over 7 days`. */
export function windowWords(spec) {
  if (spec?.calendar) return `each ${spec.calendar}`;
  if (spec?.tumbling) return `every ${periodName(spec.tumbling)}`;
  if (spec?.rolling) return `over the last ${periodName(spec.rolling)}`;
  return "";
}
