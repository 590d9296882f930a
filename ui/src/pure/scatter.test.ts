import { describe, expect, test } from "vitest";
import {
  along,
  axisOf,
  axisTicks,
  brushLabel,
  brushText,
  dotsOf,
  inside,
  parseBrush,
  radius,
  valueAt,
} from "./scatter";

const points = (...pairs: [number, number][]) => pairs.map(([base, current]) => ({ base, current }));

describe("scatter", () => {
  test("scores are shown from 0 to 1, what spans decades on a logarithmic axis", () => {
    expect(axisOf(points([0.2, 0.9]))).toEqual({ from: 0, to: 1, log: false });
    expect(axisOf(points([2, 400]))).toEqual({ from: 2, to: 400, log: true });
    expect(axisOf(points([-2, 400])).log).toBe(false);
    // Durations of milliseconds would all be at the corner of 0 to 1.
    expect(axisOf(points([0.002, 0.004])).to).toBe(0.004);
    expect(axisOf([])).toEqual({ from: 0, to: 1, log: false });
  });

  test("places and values are inverse", () => {
    for (const axis of [
      { from: 0, to: 1, log: false },
      { from: 0.01, to: 100, log: true },
    ]) {
      for (const place of [0, 0.25, 1]) expect(along(axis, valueAt(axis, place))).toBeCloseTo(place, 9);
    }
    expect(along({ from: 1, to: 100, log: true }, 10)).toBeCloseTo(0.5);
    expect(axisTicks({ from: 0.5, to: 2000, log: true }, 5)).toEqual([1, 10, 100, 1000]);
  });

  test("equal places are one dot, and the sum of dots is the number of points", () => {
    const all = [
      ...points([1, 1], [0, 1], [1, 0]),
      ...Array.from({ length: 10_000 }, (_, index) => ({ base: (index % 100) / 100, current: 0.5 })),
    ];
    const dots = dotsOf(all, { from: 0, to: 1, log: false }, 130);
    expect(dots.reduce((sum, { count }) => sum + count, 0)).toBe(all.length);
    expect(dots.length).toBeLessThan(110);
    expect(dots[0]).toMatchObject({ x: 1, y: 1, count: 1, change: 0, first: 0 });
    expect(radius(1)).toBeLessThan(radius(100));
    expect(radius(1e9)).toBe(12);
  });

  test("a tiny change is not the dot of none", () => {
    const dots = dotsOf(points([0.5, 0.5], [0.5, 0.5001]), { from: 0, to: 1, log: false }, 100);
    expect(dots.map(({ change }) => change).sort()).toEqual([0, 1]);
  });

  test("a part of the plot survives the address, malformed ones do not", () => {
    const brush = parseBrush(brushText({ base: [0.2, 0.4], current: [-1, 1.5] }));
    expect(brush).toEqual({ base: [0.2, 0.4], current: [-1, 1.5] });
    expect(brush && inside(brush, { base: 0.4, current: 0 })).toBe(true);
    expect(brush && inside(brush, { base: 0.41, current: 0 })).toBe(false);
    for (const text of [null, "", "1..2", "a..b,1..2", "1..2,3", "1..2,..4", "1,2"]) {
      expect(parseBrush(text)).toBeNull();
    }
    expect(brushLabel({ base: [0, 0], current: [0.5, 1] }, String)).toBe("base 0, current 0.5 to 1");
  });
});
