// Bars over time, and the range of time that is chosen.

import type { Bucket } from "../api/types";

export interface Bar {
  readonly x: number;
  readonly width: number;
  /** Pixels, of all cases and of those that failed. */
  readonly height: number;
  readonly errors: number;
  readonly bucket: Bucket;
}

/** Bars across `width`; the highest is as high as `height`, and nothing that is there is invisible. */
export function barsOf(buckets: readonly Bucket[], width: number, height: number): Bar[] {
  const most = buckets.reduce((most, { cases }) => Math.max(most, cases), 0);
  const step = buckets.length > 0 ? width / buckets.length : 0;
  const tall = (cases: number) => (cases === 0 || most === 0 ? 0 : Math.max((cases / most) * height, 2));
  return buckets.map((bucket, index) => ({
    x: index * step,
    width: Math.max(step - 1, 1),
    height: tall(bucket.cases),
    errors: Math.min(tall(bucket.errors), tall(bucket.cases)),
    bucket,
  }));
}

/** The bucket at a place of `width`; null without any. */
export function bucketAt(buckets: readonly Bucket[], x: number, width: number): number | null {
  if (buckets.length === 0 || !(width > 0)) return null;
  return Math.min(Math.max(Math.floor((x / width) * buckets.length), 0), buckets.length - 1);
}

/** Indices of buckets whose beginning is written below, at most one in `gap` pixels. */
export function labelled(buckets: readonly Bucket[], width: number, gap: number): number[] {
  const step = Math.max(Math.ceil((gap * buckets.length) / Math.max(width, 1)), 1);
  return buckets.flatMap((_, index) =>
    index % step === 0 && (buckets.length - index) * (width / buckets.length) > gap * 0.6 ? [index] : [],
  );
}

export interface TimeRange {
  /** Unix milliseconds, both included; null is open. */
  readonly from: number | null;
  readonly to: number | null;
}

export const SINCE: Readonly<Record<string, number>> = {
  "1h": 3_600_000,
  "24h": 86_400_000,
  "7d": 7 * 86_400_000,
};

/** `since=1h`, or `from=` and `to=` as ISO 8601 or unix milliseconds; what is malformed is open. */
export function timeRange(query: URLSearchParams, now: number): TimeRange {
  const since = SINCE[query.get("since") ?? ""];
  if (since !== undefined) return { from: now - since, to: null };
  const read = (name: string) => {
    const text = query.get(name);
    if (!text) return null;
    const at = /^\d{9,}$/.test(text) ? Number(text) : Date.parse(text);
    return Number.isFinite(at) ? at : null;
  };
  return { from: read("from"), to: read("to") };
}

/**
 * What of a page lies within a range. `ended` if nothing further can, which is known only of a list with
 * the newest first.
 */
export function within<T extends { readonly created: string }>(
  items: readonly T[],
  { from, to }: TimeRange,
  newestFirst: boolean,
): { readonly kept: readonly T[]; readonly ended: boolean } {
  if (from === null && to === null) return { kept: items, ended: false };
  const kept = items.filter(({ created }) => {
    const at = Date.parse(created);
    return (from === null || at >= from) && (to === null || at <= to);
  });
  const last = items.at(-1);
  return {
    kept,
    ended: newestFirst && from !== null && last !== undefined && Date.parse(last.created) < from,
  };
}
