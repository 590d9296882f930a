import { describe, expect, test } from "vitest";
import { barsOf, bucketAt, labelled, timeRange, within } from "./histogram";

const buckets = [4, 0, 1000, 1].map((cases, index) => ({
  lower: index * 10,
  upper: index * 10 + 10,
  cases,
  errors: index === 2 ? 3 : index === 3 ? 1 : 0,
}));

describe("histogram", () => {
  test("what is there is seen, what is not there has no bar", () => {
    const bars = barsOf(buckets, 400, 50);
    expect(bars.map(({ height }) => height)).toEqual([2, 0, 50, 2]);
    expect(bars.map(({ errors }) => errors)).toEqual([0, 0, 2, 2]);
    expect(bars.map(({ x }) => x)).toEqual([0, 100, 200, 300]);
    expect(barsOf([], 400, 50)).toEqual([]);
    expect(barsOf([{ lower: 0, upper: 1, cases: 0, errors: 0 }], 400, 50)[0]?.height).toBe(0);
  });

  test("places outside belong to the first and the last", () => {
    expect([-5, 0, 99, 100, 399, 400, 900].map((x) => bucketAt(buckets, x, 400))).toEqual([
      0, 0, 0, 1, 3, 3, 3,
    ]);
    expect(bucketAt([], 3, 400)).toBeNull();
    expect(bucketAt(buckets, 3, 0)).toBeNull();
  });

  test("labels keep their distance", () => {
    expect(labelled(buckets, 400, 100)).toEqual([0, 1, 2, 3]);
    expect(labelled(buckets, 400, 150)).toEqual([0, 2]);
    expect(labelled(buckets, 50, 100)).toEqual([]);
  });

  test("ranges of an address", () => {
    const range = (text: string) => timeRange(new URLSearchParams(text), 10_000_000);
    expect(range("since=1h")).toEqual({ from: 6_400_000, to: null });
    expect(range("from=2026-11-29T00:00:00Z&to=1795910400000")).toEqual({
      from: Date.parse("2026-11-29T00:00:00Z"),
      to: 1_795_910_400_000,
    });
    expect(range("since=forever&from=yesterday")).toEqual({ from: null, to: null });
  });

  test("a list with the newest first ends where the range begins", () => {
    const items = [30, 20, 10].map((at) => ({ created: new Date(at).toISOString() }));
    expect(within(items, { from: null, to: null }, true)).toEqual({ kept: items, ended: false });
    expect(within(items, { from: 20, to: 20 }, true)).toEqual({ kept: [items[1]], ended: true });
    expect(within(items, { from: 20, to: null }, false).ended).toBe(false);
    expect(within(items, { from: 5, to: null }, true).ended).toBe(false);
    expect(within([], { from: 5, to: null }, true)).toEqual({ kept: [], ended: false });
  });
});
