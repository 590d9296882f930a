import { describe, expect, it } from "vitest";
import { byteRanges } from "./ranges";
import { closeDomain, domainOf, place, ticks } from "./scale";
import { characters, exactly, reveal, visible } from "./scroll";
import { nearest, trendLayout } from "./trend";

describe("rows that exist as elements", () => {
  it("hold all that is seen, whatever the position", () => {
    for (let top = 0; top <= 2_800_000; top += 1237) {
      const { first, end } = visible(top, 600, 28, 100_000);
      expect(first * 28).toBeLessThanOrEqual(Math.min(top, 99_999 * 28));
      expect(end * 28).toBeGreaterThanOrEqual(Math.min(top + 600, 2_800_000));
      expect(end - first).toBeLessThanOrEqual(48);
    }
    expect(visible(0, 600, 28, 3)).toEqual({ first: 0, end: 3 });
    expect(visible(5000, 600, 28, 0)).toEqual({ first: 0, end: 0 });
  });

  it("stay the same while scrolling less than a few rows", () => {
    expect(visible(300, 600, 28, 1000)).toEqual(visible(330, 600, 28, 1000));
  });

  it("after a jump are those that are seen, and no more", () => {
    expect(exactly(2800, 560, 28, 100_000)).toEqual({ first: 100, end: 120 });
    expect(exactly(2814, 560, 28, 100_000)).toEqual({ first: 100, end: 121 });
    expect(exactly(9_999_999, 560, 28, 50)).toEqual({ first: 50, end: 50 });
  });

  it("texts have as many characters as fit, whatever the window", () => {
    const columns = [{ width: 200, grow: 3 }, { width: 100, grow: 1 }, { width: 80 }];
    for (const width of [300, 900, 4000]) {
      const [first, second, third] = characters(columns, width) as [number, number, number];
      // As CSS shares a grid: `grow` columns by their part of what fixed ones leave, at least their width.
      const free = Math.max(width - 80, 0);
      expect(first * 4).toBeGreaterThanOrEqual(Math.max(200, (free * 3) / 4));
      expect(second * 4).toBeGreaterThanOrEqual(Math.max(100, free / 4));
      expect(third).toBe(21);
    }
  });

  it("a row is revealed with the least movement", () => {
    expect([reveal(0, 100, 280, 28), reveal(5, 100, 280, 28), reveal(20, 100, 280, 28)]).toEqual([
      0, 100, 308,
    ]);
  });
});

describe("axes", () => {
  it("fractions share 0 to 1, others go as far as their values", () => {
    expect(domainOf([0.2, 0.9])).toEqual({ from: 0, to: 1 });
    expect(domainOf([-3, 12])).toEqual({ from: -3, to: 12 });
    expect(domainOf([7])).toEqual({ from: 0, to: 7 });
    expect(domainOf([])).toEqual({ from: 0, to: 1 });
    expect([
      place(5, { from: 0, to: 10 }),
      place(50, { from: 0, to: 10 }),
      place(1, { from: 1, to: 1 }),
    ]).toEqual([0.5, 1, 0.5]);
    const { from, to } = closeDomain([0.9, 0.95]);
    expect(from).toBeGreaterThan(0.8);
    expect(to).toBeLessThanOrEqual(1);
  });

  it("ticks are round and inside", () => {
    expect(ticks({ from: 0, to: 1 }, 4)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks({ from: 0.875, to: 0.905 }, 4)).toEqual([0.88, 0.89, 0.9]);
    expect(ticks({ from: -3, to: 12 }, 4)).toEqual([0, 5, 10]);
    expect(ticks({ from: 1, to: 1 }, 4)).toEqual([1]);
  });
});

describe("trend", () => {
  const box = { width: 500, height: 100, left: 50, right: 50, top: 0, bottom: 0 };
  const run = (key: string, at: number, value: number | null) => ({
    key,
    at,
    value,
    lower: value,
    upper: value,
  });

  it("goes from the oldest to the newest and leaves out runs without a value", () => {
    const runs = [run("c", 100, 0.9), run("a", 0, 0.5), run("b", 10, null), run("d", 50, 0.7)];
    const { points } = trendLayout(runs, "run", box);
    expect(points.map(({ key, x }) => [key, x])).toEqual([
      ["a", 50],
      ["d", 250],
      ["c", 450],
    ]);
    expect(trendLayout(runs, "time", box).points.map(({ x }) => x)).toEqual([50, 250, 450]);
    const [low, middle, high] = points.map(({ y }) => y) as [number, number, number];
    expect(low > middle && middle > high).toBe(true);
    expect([nearest(points, 200), nearest(points, 9999), nearest([], 0)]).toEqual([1, 2, -1]);
  });

  it("one run, or all at one time, still has a place", () => {
    expect(trendLayout([run("a", 5, 1)], "time", box).points[0]?.x).toBe(250);
    expect(trendLayout([run("a", 5, 1), run("b", 5, 1)], "time", box).points.map(({ x }) => x)).toEqual([
      50, 450,
    ]);
  });
});

it("ranges of bytes are those of letters, whatever the script", () => {
  expect(
    byteRanges("né Ω end", [
      [1, 3],
      [4, 6],
    ]),
  ).toEqual([
    { text: "n", inside: false },
    { text: "é", inside: true },
    { text: " ", inside: false },
    { text: "Ω", inside: true },
    { text: " end", inside: false },
  ]);
  expect(byteRanges("abc", [[0, 99]])).toEqual([{ text: "abc", inside: true }]);
});
