// Numbers, lengths of time, sizes and shares as text; the rules are those of the command line, so
// that a figure reads the same in both.

/** What stands for a value that is not there. */
export const NONE = "–";

/** Three significant digits, no decimals beyond them. */
export function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

/** A length of time in seconds: `850 µs`, `282 ms`, `14.6 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return NONE;
  if (seconds < 0) return `-${duration(-seconds)}`;
  const us = Math.round(seconds * 1e6);
  if (us === 0) return "0 s";
  // Decided after rounding, so that no 1000 ms appear.
  if (us < 1000) return `${us} µs`;
  if (seconds < 0.9995) return `${digits(us / 1e3)} ms`;
  if (seconds < 119.95) return `${digits(seconds)} s`;
  if (seconds < 3599.5) return pair(Math.round(seconds), 60, "min", "s");
  if (seconds < 172_770) return pair(Math.round(seconds / 60), 60, "h", "min");
  return pair(Math.round(seconds / 3600), 24, "d", "h");
}

/** Two units; the smaller one is left out if there is none of it. */
function pair(count: number, inLarge: number, large: string, small: string): string {
  const rest = count % inLarge;
  const many = `${Math.floor(count / inLarge)} ${large}`;
  return rest === 0 ? many : `${many} ${rest} ${small}`;
}

/** A size: `0 B`, `999 B`, `1.5 KiB`, `284 KiB`, `10.0 MiB`. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let [number, unit] = [count, 0];
  while (number >= 999.5 && unit + 1 < units.length) {
    number /= 1024;
    unit += 1;
  }
  return `${number.toFixed(unit > 0 && number < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/** A whole number in groups of three: `0`, `2 500`, `1 234 567`; the spaces do not break. */
export function count(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NONE;
  const plain = Math.round(Math.abs(value)).toString();
  const grouped = plain.length < 5 ? plain : plain.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return value < 0 ? `-${grouped}` : grouped;
}

/** A count with its noun: `1 row`, `25 rows`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A mean of fractions: `99.56 %`. */
export function share(fraction: number | null | undefined): string {
  return fraction == null || !Number.isFinite(fraction) ? NONE : `${(100 * fraction).toFixed(2)} %`;
}

/** A part of a whole: `0 %`, `0.3 %`, `97.1 %`. */
export function part(ratio: number): string {
  const percent = 100 * ratio;
  const near = (percent > 0 && percent < 9.95) || (percent > 90 && percent < 99.95);
  return `${percent.toFixed(near ? 1 : 0)} %`;
}

/** A signed percentage; what rounds to zero has no sign: `+2.76 %`, `-0.10 %`, `0.00 %`. */
export function change(fraction: number | null | undefined, decimals = 2): string {
  if (fraction == null || !Number.isFinite(fraction)) return NONE;
  const plain = Math.abs(100 * fraction).toFixed(decimals);
  const isZero = /^[0.]+$/.test(plain);
  return `${isZero ? "" : fraction < 0 ? "-" : "+"}${plain} %`;
}

/** An interval: `96.0–97.4`, `-3.5 to -2.0`; a dash between signs is hard to read. */
export function range(lower: number, upper: number, decimals: number): string {
  const number = (value: number) => {
    const text = value.toFixed(decimals);
    return /^-[0.]+$/.test(text) ? text.slice(1) : text;
  };
  const [from, to] = [number(lower), number(upper)];
  return `${from}${from.startsWith("-") || to.startsWith("-") ? " to " : "–"}${to}`;
}

/** An interval of fractions in percent. A narrow one needs the second decimal to say anything. */
export function points(lower: number, upper: number): string {
  return range(100 * lower, 100 * upper, upper - lower < 0.01 ? 2 : 1);
}

/** Dollars: `0.000011 $`, `0.2500 $`, `12.40 $`. */
export function cost(dollars: number | null | undefined): string {
  if (dollars == null || !Number.isFinite(dollars)) return NONE;
  if (dollars === 0) return "0 $";
  const size = Math.abs(dollars);
  return `${dollars.toFixed(size < 0.01 ? 6 : size < 10 ? 4 : 2)} $`;
}

/** Any number of unknown unit: whole as they are, others with three or four significant digits. */
export function plain(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NONE;
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return count(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
  return size >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}
