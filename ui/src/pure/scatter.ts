// A scatter plot of pairs: axes that both share, and dots that stand for what falls on one place.

import { NONE } from "./format";
import { domainOf, ticks } from "./scale";

export interface Point {
  readonly base: number;
  readonly current: number;
}

/** From least to most; logarithmic where the values span decades. */
export interface Axis {
  readonly from: number;
  readonly to: number;
  readonly log: boolean;
}

/** Beyond this ratio a linear axis shows little but its lower end. */
const LOG_RATIO = 50;

export function axisOf(points: readonly Point[]): Axis {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const { base, current } of points) {
    for (const value of [base, current]) {
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  const domain = domainOf(
    (function* () {
      for (const { base, current } of points) yield* [base, current];
    })(),
  );
  // Scores in 0 to 1 stay linear, however small one is.
  const fraction = domain.from === 0 && domain.to === 1 && most > 0.05;
  if (!fraction && least > 0 && most / least > LOG_RATIO) return { from: least, to: most, log: true };
  if (domain.from >= 0 && most > 0 && most < 0.05) return { from: 0, to: most, log: false };
  return { ...domain, log: false };
}

/** The place of a value between 0 and 1. */
export function along(axis: Axis, value: number): number {
  const [from, to, at] = axis.log
    ? [Math.log(axis.from), Math.log(axis.to), Math.log(Math.max(value, Number.MIN_VALUE))]
    : [axis.from, axis.to, value];
  return to > from ? Math.min(Math.max((at - from) / (to - from), 0), 1) : 0.5;
}

/** The value at a place between 0 and 1. */
export function valueAt(axis: Axis, place: number): number {
  if (!axis.log) return axis.from + place * (axis.to - axis.from);
  return Math.exp(Math.log(axis.from) + place * (Math.log(axis.to) - Math.log(axis.from)));
}

export function axisTicks(axis: Axis, count: number): number[] {
  if (!axis.log) return ticks(axis, count);
  const all: number[] = [];
  for (let power = Math.ceil(Math.log10(axis.from) - 1e-9); 10 ** power <= axis.to * 1.000001; power += 1) {
    all.push(Number(`1e${power}`));
  }
  const step = Math.max(Math.ceil(all.length / count), 1);
  return all.filter((_, index) => index % step === 0);
}

export interface Dot {
  /** The middle, from 0 to 1; `y` upwards. */
  readonly x: number;
  readonly y: number;
  readonly count: number;
  /** By what its first point has. */
  readonly change: number;
  /** Index of its first point. */
  readonly first: number;
}

/** Dots on a grid of `cells` each way: as many points as there may be, drawing stays as cheap. */
export function dotsOf(points: readonly Point[], axis: Axis, cells: number): Dot[] {
  const grid = new Map<number, { x: number; y: number; count: number; change: number; first: number }>();
  points.forEach(({ base, current }, index) => {
    const [x, y] = [along(axis, base), along(axis, current)];
    const change = Math.sign(current - base);
    // What changed and what did not are never one dot.
    const cell = (Math.round(x * cells) * (cells + 1) + Math.round(y * cells)) * 3 + change + 1;
    const dot = grid.get(cell);
    if (dot) dot.count += 1;
    else grid.set(cell, { x, y, count: 1, change, first: index });
  });
  return [...grid.values()];
}

/** Pixels: a single point is seen, a thousand do not cover the others. */
export function radius(count: number): number {
  return Math.min(2 + 0.9 * Math.log2(count), 12);
}

/** A part of the plot, in values. */
export interface Brush {
  readonly base: readonly [number, number];
  readonly current: readonly [number, number];
}

export function inside({ base, current }: Brush, point: Point): boolean {
  return (
    point.base >= base[0] &&
    point.base <= base[1] &&
    point.current >= current[0] &&
    point.current <= current[1]
  );
}

const short = (value: number) => String(Number(value.toPrecision(6)));

/** `0.2..0.4,0.5..1`: base first. */
export function brushText({ base, current }: Brush): string {
  return [base, current].map(([from, to]) => `${short(from)}..${short(to)}`).join(",");
}

export function parseBrush(text: string | null): Brush | null {
  const numbers = (text ?? "").split(",").map((part) => part.split("..").map(Number));
  const [base, current] = numbers;
  if (numbers.length !== 2 || base?.length !== 2 || current?.length !== 2) return null;
  if (![...base, ...current].every(Number.isFinite) || (text ?? "").includes(",..")) return null;
  return { base: base as [number, number], current: current as [number, number] };
}

/** `base 0.2 to 0.4, current 0.5 to 1` */
export function brushLabel({ base, current }: Brush, format: (value: number) => string): string {
  const range = ([from, to]: readonly [number, number]) => {
    const [low, high] = [format(from), format(to)];
    return low === high ? low : `${low} to ${high}`;
  };
  const text = `base ${range(base)}, current ${range(current)}`;
  return text.includes(NONE) ? "part of the plot" : text;
}
