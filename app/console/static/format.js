// Figures as people read them, in one place so that the same figure looks the same everywhere.

const SPACE = "\u00a0"; // keeps a figure and its unit on one line

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 4 });
const precise = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

/** A number of unknown size: four decimals, or four digits where it is small, or an exponent beyond that. */
export function number(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e12)) return value.toExponential(3);
  return size < 1 ? precise.format(value) : plain.format(value);
}

/** How many. */
export const count = (value) => whole.format(value);

/** Events per second: decimals only where they matter. */
export const rate = (value) => (value >= 100 ? whole : tenth).format(value);

/** A share of 1 as a percentage; what is neither none nor all never reads as if it were. */
export function percent(share) {
  if (share > 0 && share < 0.001) return `<${SPACE}0.1${SPACE}%`;
  if (share < 1 && share > 0.999) return `>${SPACE}99.9${SPACE}%`;
  return `${tenth.format(share * 100)}${SPACE}%`;
}

/** Seconds in the unit that suits them. */
export function duration(seconds) {
  if (seconds < 0.001) return `${whole.format(seconds * 1e6)}${SPACE}µs`;
  if (seconds < 1) return `${precise.format(Number((seconds * 1000).toPrecision(3)))}${SPACE}ms`;
  return `${precise.format(Number(seconds.toPrecision(3)))}${SPACE}s`;
}

/** A moment, by the clock of the one who looks. */
export const moment = (date) => day.format(date);

/** The time of day. */
export const time = (date) => clock.format(date);

/** An identifier such as random_forest in words. */
export const words = (name) => name.replaceAll("_", " ");
