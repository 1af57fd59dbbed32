// Exact decimals, as the API writes them: text in, text out. Floating point is for drawing only.

const PLAIN = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
export const NARROW = "\u202f";
export const MINUS = "\u2212";

/** The units and places of a decimal, null where the text is none. */
function read(text) {
  const found = PLAIN.exec(String(text));
  if (found === null) return null;
  const [, sign, whole, part = "", exponent = "0"] = found;
  let units = BigInt(sign + whole + part);
  let places = part.length - Number(exponent);
  if (places < 0) {
    units *= 10n ** BigInt(-places);
    places = 0;
  }
  return { units, places };
}

function write({ units, places }) {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(places + 1, "0");
  const part = places === 0 ? "" : digits.slice(-places).replace(/0+$/, "");
  return sign + digits.slice(0, digits.length - places) + (part && `.${part}`);
}

function aligned(a, b) {
  const one = read(a);
  const other = read(b);
  const places = Math.max(one.places, other.places);
  const scaled = (own) => own.units * 10n ** BigInt(places - own.places);
  return [scaled(one), scaled(other), places];
}

export const isDecimal = (text) => text !== null && text !== undefined && read(text) !== null;

/** Below 0, 0, or above 0, as a is less than, equal to, or more than b. */
export function compare(a, b) {
  const [one, other] = aligned(a, b);
  return one < other ? -1 : one > other ? 1 : 0;
}

/** a less b. */
export function minus(a, b) {
  const [one, other, places] = aligned(a, b);
  return write({ units: one - other, places });
}

/** a times b. */
export function times(a, b) {
  const one = read(a);
  const other = read(b);
  return write({ units: one.units * other.units, places: one.places + other.places });
}

/** The whole number at or below it. */
export function floor(a) {
  const { units, places } = read(a);
  const unit = 10n ** BigInt(places);
  const whole = units / unit;
  return String(units % unit < 0n ? whole - 1n : whole);
}

/** Rounded to so many places, half away from zero. */
export function round(a, places) {
  const own = read(a);
  if (own.places <= places) return write(own);
  const unit = 10n ** BigInt(own.places - places);
  const half = own.units < 0n ? -unit / 2n : unit / 2n;
  return write({ units: (own.units + half) / unit, places });
}

/** The decimal for drawing. */
export const forDrawing = (text) => (isDecimal(text) ? Number(text) : null);

/**
 * Shown with few digits, and with more where few would put it on another side of a limit: what
 * misses a target by a hair must not look as if it met it.
 */
export const shown = (text, limits = [], places = 2) => grouped(plain(text, limits, places));

function plain(text, limits, places) {
  for (let digits = places; digits <= 14; digits += 1) {
    const short = round(text, digits);
    const keeps = (limit) => compare(short, limit) === compare(text, limit);
    if (limits.every(keeps)) return short;
  }
  return text;
}

/** A share as a percentage, by the same care. */
export function percent(text, limits = [], places = 2) {
  const scaled = limits.map((limit) => times(limit, "100"));
  return `${shown(times(text, "100"), scaled, places)}${NARROW}%`;
}

/** A plain decimal with its thousands apart. */
export function grouped(text) {
  const [whole, part] = String(text).split(".");
  const sign = whole.startsWith("-") ? MINUS : "";
  const digits = whole.replace("-", "").replace(/\B(?=(\d{3})+$)/g, ",");
  return sign + digits + (part ? `.${part}` : "");
}

/**
 * A length as people read it, without parts of a second from a minute on, unless it is by these
 * that a limit is kept or missed.
 */
export function shortLength(seconds, limits = []) {
  const exact = String(seconds);
  const isLong = compare(exact, "60") >= 0 || compare(exact, "-60") <= 0;
  return lengthOf(plain(exact, limits, isLong ? 0 : 2));
}

/** `26 h 30 min 5.25 s`, exact: open time has no days. */
export function lengthOf(seconds) {
  const own = read(seconds);
  if (own === null) return String(seconds);
  const unit = 10n ** BigInt(own.places);
  let rest = own.units < 0n ? -own.units : own.units;
  const parts = [];
  for (const [size, name] of [[3600n, "h"], [60n, "min"]]) {
    const whole = rest / (size * unit);
    rest -= whole * size * unit;
    if (whole > 0n) parts.push(`${grouped(whole)}${NARROW}${name}`);
  }
  if (rest > 0n || parts.length === 0) {
    parts.push(`${write({ units: rest, places: own.places })}${NARROW}s`);
  }
  return (own.units < 0n ? MINUS : "") + parts.join(" ");
}
