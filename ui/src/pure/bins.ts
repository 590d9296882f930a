// A histogram of values that are at hand; the server's is of all of them.

export interface Bin {
  readonly lower: number;
  /** Excluded, but in the last one. */
  readonly upper: number;
  readonly cases: number;
  readonly errors: number;
}

export interface Bins {
  readonly buckets: readonly Bin[];
  readonly cases: number;
  /** Cases without a value. */
  readonly missing: number;
}

export interface Valued {
  readonly value: number | null | undefined;
  readonly failed: boolean;
}

/** `count` ranges of equal width from the least to the most; scores within 0 to 1 are shown over all of that. */
export function bins(values: readonly Valued[], count: number, scores = true): Bins {
  const found = values.filter((one): one is Valued & { value: number } => Number.isFinite(one.value));
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { value } of found) {
    from = Math.min(from, value);
    to = Math.max(to, value);
  }
  const missing = values.length - found.length;
  if (found.length === 0) return { buckets: [], cases: 0, missing };
  if (scores && from >= 0 && to <= 1) [from, to] = [0, 1];
  const width = (to - from) / count;
  const buckets = Array.from({ length: width > 0 ? count : 1 }, (_, index) => ({
    lower: from + index * width,
    upper: width > 0 ? (index + 1 === count ? to : from + (index + 1) * width) : to,
    cases: 0,
    errors: 0,
  }));
  for (const { value, failed } of found) {
    const bucket = buckets[width > 0 ? Math.min(Math.floor((value - from) / width), count - 1) : 0];
    if (!bucket) continue;
    bucket.cases += 1;
    if (failed) bucket.errors += 1;
  }
  return { buckets, cases: found.length, missing };
}

/** Heights of bars between 0 and 1. Few cases beside many are still seen: they have a least height. */
export function heights(buckets: readonly { readonly cases: number }[], least: number): number[] {
  const most = buckets.reduce((most, { cases }) => Math.max(most, cases), 1);
  return buckets.map(({ cases }) => (cases === 0 ? 0 : Math.max(cases / most, least)));
}
