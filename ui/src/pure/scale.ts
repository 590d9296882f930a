// Axes: a linear scale and round ticks.

export interface Domain {
  readonly from: number;
  readonly to: number;
}

/** The place of a value between 0 and 1, cut at the ends. */
export function place(value: number, { from, to }: Domain): number {
  return to > from ? Math.min(Math.max((value - from) / (to - from), 0), 1) : 0.5;
}

/** The domain that shows all values: 0 to 1 for what lies in it, else from the least to the most. */
export function domainOf(values: Iterable<number>): Domain {
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    from = Math.min(from, value);
    to = Math.max(to, value);
  }
  if (from > to || (from >= 0 && to <= 1)) return { from: 0, to: 1 };
  return from === to ? { from: Math.min(from, 0), to: Math.max(to, 0) } : { from, to };
}

/** The values with some air around them, for a chart whose differences are small. */
export function closeDomain(values: Iterable<number>): Domain {
  const all = [...values].filter(Number.isFinite);
  if (all.length === 0) return { from: 0, to: 1 };
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const air = (high - low) * 0.08 || Math.abs(high) * 0.05 || 0.5;
  const fraction = low >= 0 && high <= 1;
  return {
    from: fraction || low >= 0 ? Math.max(low - air, 0) : low - air,
    to: fraction ? Math.min(high + air, 1) : high + air,
  };
}

/** About `count` round values within a domain. */
export function ticks({ from, to }: Domain, count: number): number[] {
  const span = to - from;
  if (!(span > 0) || count < 1) return [from];
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  // Rather one more than one too few: a step may be a bit smaller than asked for.
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= 0.7 * rough) as number;
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
}
