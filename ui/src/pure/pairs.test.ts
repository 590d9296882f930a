import { describe, expect, test } from "vitest";
import type { Case } from "../api/types";
import {
  addCases,
  type ByInput,
  differenceOf,
  type Figure,
  meanOf,
  pairUp,
  parseFigure,
  passes,
  sortPairs,
} from "./pairs";

const exact: Figure = { kind: "score", name: "exact" };
const duration: Figure = { kind: "metric", name: "duration" };

function trial(input_hash: string, score: number | null, seconds = 1): Case {
  return { input_hash, scores: { exact: score }, metrics: { duration: seconds } } as unknown as Case;
}

function byInput(...cases: Case[]): ByInput {
  const all: ByInput = new Map();
  addCases(all, cases);
  return all;
}

const current = byInput(trial("a", 0), trial("b", 1, 3), trial("c", 0.5), trial("new", 1));
const base = byInput(trial("a", 1), trial("b", 0, 2), trial("c", 0.5), trial("old", 0));

describe("pairs", () => {
  test("trials are averaged, and what has no number is left out", () => {
    const trials = [trial("a", 1), trial("a", 0), trial("a", null)];
    expect(meanOf(trials, exact)).toBe(0.5);
    expect(meanOf([trial("a", null)], exact)).toBeNull();
    expect(meanOf([], exact)).toBeNull();
  });

  test("inputs of both sides are there, a third experiment adds none of its own", () => {
    const third = byInput(trial("a", 1), trial("elsewhere", 1));
    const rows = pairUp([current, base, third], 1);
    expect(rows.map(({ hash }) => hash).sort()).toEqual(["a", "b", "c", "new", "old"]);
    expect(rows.find(({ hash }) => hash === "a")?.sides.map((side) => side.length)).toEqual([1, 1, 1]);
    expect(rows.find(({ hash }) => hash === "old")?.sides.map((side) => side.length)).toEqual([0, 1, 0]);
  });

  test("regressions come first, rows without a difference last in both orders", () => {
    const rows = pairUp([current, base], 1);
    const order = (way: "asc" | "desc") => sortPairs(rows, 1, [exact], way).map(({ hash }) => hash);
    expect(order("asc").slice(0, 3)).toEqual(["a", "c", "b"]);
    expect(order("desc").slice(0, 3)).toEqual(["b", "c", "a"]);
    expect(order("asc").slice(3).sort()).toEqual(["new", "old"]);
    expect(order("desc").slice(3).sort()).toEqual(["new", "old"]);
  });

  test("less of a metric is better", () => {
    const rows = pairUp([current, base], 1);
    const slower = rows.filter((row) => passes(row, 1, [duration], "regressed")).map(({ hash }) => hash);
    expect(slower).toEqual(["b"]);
    expect(sortPairs(rows, 1, [duration], "asc")[0]?.hash).toBe("b");
  });

  test("filters are those of the API", () => {
    const rows = pairUp([current, base], 1);
    const those = (filter: Parameters<typeof passes>[3]) =>
      rows
        .filter((row) => passes(row, 1, [exact], filter))
        .map(({ hash }) => hash)
        .sort();
    expect(those("improved")).toEqual(["b"]);
    expect(those("regressed")).toEqual(["a"]);
    expect(those("unchanged")).toEqual(["c"]);
    expect(those("current_only")).toEqual(["new"]);
    expect(those("base_only")).toEqual(["old"]);
    expect(those(null)).toHaveLength(5);
    expect(differenceOf(rows[0] as never, 1, exact)).toBe(-1);
  });

  test("figures of an address", () => {
    expect(parseFigure("score:a:b")).toEqual({ kind: "score", name: "a:b" });
    expect(parseFigure("metric:")).toBeNull();
    expect(parseFigure("change")).toBeNull();
    expect(parseFigure(null)).toBeNull();
  });
});
