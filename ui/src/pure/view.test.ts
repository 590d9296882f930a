import { describe, expect, it } from "vitest";
import { around, followed, isWhole, panned, tickText, timeTicks, within, zoomed } from "./view";

const extent = { from: 100, to: 200 };

describe("the part of an axis that is seen", () => {
  it("stays inside of the whole", () => {
    expect(within({ from: 0, to: 1000 }, extent)).toEqual(extent);
    expect(within({ from: 90, to: 110 }, extent)).toEqual({ from: 100, to: 120 });
    expect(within({ from: 195, to: 215 }, extent)).toEqual({ from: 180, to: 200 });
    expect(within({ from: Number.NaN, to: 3 }, extent).to).toBe(200);
    expect(within({ from: 5, to: 6 }, { from: 3, to: 3 })).toEqual({ from: 3, to: 3 });
    const closest = within({ from: 150, to: 150 }, extent);
    expect(closest.to - closest.from).toBeGreaterThan(0);
  });
  it("keeps the time under the pointer when it is zoomed", () => {
    const view = zoomed(extent, extent, 125, 2);
    expect(view).toEqual({ from: 112.5, to: 162.5 });
    expect((125 - view.from) / (view.to - view.from)).toBe(0.25);
    expect(zoomed(view, extent, 125, 0.5)).toEqual(extent);
    expect(zoomed(view, extent, 125, 0)).toEqual(extent);
  });
  it("is panned up to the ends", () => {
    expect(panned({ from: 120, to: 140 }, extent, -50)).toEqual({ from: 100, to: 120 });
    expect(panned({ from: 120, to: 140 }, extent, 10)).toEqual({ from: 130, to: 150 });
  });
  it("follows a trace that grows unless it is zoomed", () => {
    expect(followed(extent, extent, { from: 100, to: 300 })).toEqual({ from: 100, to: 300 });
    const part = { from: 110, to: 120 };
    expect(followed(part, extent, { from: 100, to: 300 })).toEqual(part);
    expect(isWhole(part, extent)).toBe(false);
  });
  it("shows a span with air around it", () => {
    expect(around(120, 140, extent)).toEqual({ from: 119, to: 141 });
    const point = around(150, 150, extent);
    expect(point.from).toBeLessThan(150);
    expect(point.to).toBeGreaterThan(150);
  });
});

describe("ticks", () => {
  it("are round, in the view, and not too many", () => {
    const labels = (from: number, to: number) =>
      timeTicks({ from: 50 + from, to: 50 + to }, 50, 440).map(({ label }) => label);
    expect(labels(0, 1)).toEqual(["0", "200 ms", "400 ms", "600 ms", "800 ms", "1.0 s"].map(fix));
    expect(labels(0, 600)).toEqual(["0", "2 min", "4 min", "6 min", "8 min", "10 min"]);
    expect(labels(0, 60)).toEqual(["0", "15 s", "30 s", "45 s", "1 min"]);
    expect(labels(0.0301, 0.0304)[0]).toBe("30.1 ms");
    expect(timeTicks({ from: 1, to: 1 }, 0, 400)).toEqual([]);
    expect(timeTicks({ from: 0, to: 1e9 }, 0, 1e6).length).toBeLessThanOrEqual(200);
  });
  it("say as much as their step needs", () => {
    expect(tickText(0, 1)).toBe("0");
    expect(tickText(150, 30)).toBe("2 min 30 s");
    expect(tickText(3900, 300)).toBe("1 h 5 min");
    expect(tickText(341.25, 0.05)).toBe("341.25 s");
    expect(tickText(0.0005, 0.0001)).toBe("0.5 ms");
    expect(tickText(0.00002, 0.00001)).toBe("20 µs");
    expect(tickText(-2, 1)).toBe("-2 s");
  });
});

/** The axis of one second is in tenths of it. */
function fix(label: string): string {
  return label.endsWith(" ms") ? `${(Number.parseFloat(label) / 1000).toFixed(1)} s` : label;
}
