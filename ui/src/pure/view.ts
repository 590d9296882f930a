// The part of a time axis that is seen: zoom, pan, and ticks. Times are seconds, or any one unit.

import type { Domain } from "./scale";

/** Nothing is looked at closer than this part of the whole. */
const CLOSEST = 1e-7;

/** A part of the extent: not longer, not outside, not too short. */
export function within(view: Domain, extent: Domain): Domain {
  const whole = extent.to - extent.from;
  if (!(whole > 0)) return extent;
  const asked = Number.isFinite(view.to - view.from) ? view.to - view.from : whole;
  const length = Math.min(Math.max(asked, whole * CLOSEST), whole);
  const from = Math.min(Math.max(view.from, extent.from), extent.to - length);
  return { from, to: length === whole ? extent.to : from + length };
}

/** Closer by `factor` (above 1) or further away, while the time at `at` stays in its place. */
export function zoomed(view: Domain, extent: Domain, at: number, factor: number): Domain {
  return within({ from: at - (at - view.from) / factor, to: at + (view.to - at) / factor }, extent);
}

export function panned(view: Domain, extent: Domain, by: number): Domain {
  return within({ from: view.from + by, to: view.to + by }, extent);
}

/** The view after the extent has changed: all of it if all was seen, else the same part. */
export function followed(view: Domain, before: Domain, extent: Domain): Domain {
  return isWhole(view, before) ? extent : within(view, extent);
}

export function isWhole(view: Domain, extent: Domain): boolean {
  return view.from <= extent.from && view.to >= extent.to;
}

/** A span with some air, so that both of its ends are seen. */
export function around(from: number, to: number, extent: Domain): Domain {
  const air = Math.max((to - from) * 0.05, (extent.to - extent.from) * CLOSEST);
  return within({ from: from - air, to: to + air }, extent);
}

export interface TimeTick {
  readonly at: number;
  readonly label: string;
}

const LONG_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 172_800, 432_000,
];

/** Round times within a view, in seconds since `zero`, at most about one for each `apart` pixels. */
export function timeTicks(view: Domain, zero: number, width: number, apart = 88): TimeTick[] {
  const length = view.to - view.from;
  if (!(length > 0) || !(width > 0)) return [];
  const step = stepOf(length / Math.max(width / apart, 1));
  const first = Math.ceil((view.from - zero) / step - 1e-6);
  const last = Math.floor((view.to - zero) / step + 1e-6);
  return Array.from({ length: Math.min(Math.max(last - first + 1, 0), 200) }, (_, index) => {
    const since = Number(((first + index) * step).toPrecision(12));
    return { at: zero + since, label: tickText(since, step) };
  });
}

function stepOf(rough: number): number {
  if (rough > 0.5) {
    const long = LONG_STEPS.find((step) => step >= rough);
    if (long !== undefined) return long;
  }
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((times) => times * power >= rough * 0.999) as number) * power;
}

/** A time on the axis, as exact as its step: `0`, `250 ms`, `1.5 s`, `2 min 30 s`, `1 h 5 min`. */
export function tickText(seconds: number, step: number): string {
  if (seconds === 0) return "0";
  const sign = seconds < 0 ? "-" : "";
  const size = Math.abs(seconds);
  if (step >= 1 && size >= 60) {
    const [d, h, m, s] = [
      Math.floor(size / 86_400),
      Math.floor((size % 86_400) / 3600),
      Math.floor((size % 3600) / 60),
      Math.round(size % 60),
    ];
    const parts: [number, string][] = [
      [d, "d"],
      [h, "h"],
      [m, "min"],
      [s, "s"],
    ];
    return (
      sign +
      parts
        .filter(([count]) => count > 0)
        .map(([count, unit]) => `${count} ${unit}`)
        .join(" ")
    );
  }
  const [scale, unit] =
    size >= 1 || step >= 0.1 ? [1, "s"] : size >= 1e-3 || step >= 1e-4 ? [1e3, "ms"] : [1e6, "µs"];
  const decimals = Math.min(Math.max(-Math.floor(Math.log10(step * scale) + 1e-9), 0), 9);
  return `${sign}${(size * scale).toFixed(decimals)} ${unit}`;
}
