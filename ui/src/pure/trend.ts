// Points of a trend: one figure of many runs, by order or by time.

import { closeDomain, type Domain, place, ticks } from "./scale";

export interface TrendRun {
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
}

export interface TrendPoint {
  readonly key: string;
  /** Pixels from the left and the top; of the interval's ends from the top. */
  readonly x: number;
  readonly y: number;
  readonly high: number | null;
  readonly low: number | null;
}

export interface TrendLayout {
  /** Oldest first; runs without a value are left out. */
  readonly points: readonly TrendPoint[];
  readonly domain: Domain;
  readonly yTicks: readonly { readonly value: number; readonly y: number }[];
  readonly xTicks: readonly { readonly at: number; readonly x: number }[];
}

export interface TrendBox {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Pixels from one date below the axis to the next, and those that one needs. */
const DATE_STEP = 88;
const DATE_WIDTH = 72;

export function trendLayout(runs: readonly TrendRun[], by: "run" | "time", box: TrendBox): TrendLayout {
  const shown = runs.filter(({ value }) => value !== null).sort((a, b) => a.at - b.at);
  const domain = closeDomain(
    shown.flatMap(({ value, lower, upper }) => [value, lower, upper].filter((one) => one !== null)),
  );
  const inner = { width: box.width - box.left - box.right, height: box.height - box.top - box.bottom };
  const times = { from: shown[0]?.at ?? 0, to: shown.at(-1)?.at ?? 0 };
  const x = (index: number, at: number) => {
    if (shown.length < 2) return box.left + inner.width / 2;
    const ratio = by === "time" && times.to > times.from ? place(at, times) : index / (shown.length - 1);
    return box.left + ratio * inner.width;
  };
  const y = (value: number) => box.top + (1 - place(value, domain)) * inner.height;
  const points = shown.map(({ key, at, value, lower, upper }, index) => ({
    key,
    x: x(index, at),
    y: y(value as number),
    high: upper === null ? null : y(upper),
    low: lower === null ? null : y(lower),
  }));
  const xTicks: { at: number; x: number }[] = [];
  for (const [index, { at }] of shown.entries()) {
    const here = x(index, at);
    const free = here - (xTicks.at(-1)?.x ?? Number.NEGATIVE_INFINITY) >= DATE_STEP;
    if (free && here + DATE_WIDTH <= box.width) xTicks.push({ at, x: here });
  }
  return { points, domain, yTicks: ticks(domain, 4).map((value) => ({ value, y: y(value) })), xTicks };
}

/** Index of the point nearest to a place; -1 without any. */
export function nearest(points: readonly TrendPoint[], x: number): number {
  let best = -1;
  for (const [index, point] of points.entries()) {
    if (best < 0 || Math.abs(point.x - x) < Math.abs((points[best] as TrendPoint).x - x)) best = index;
  }
  return best;
}
