import { describe, expect, it } from "vitest";
import type { Row } from "../api/types";
import { bins, heights } from "./bins";
import { barRange, conditionChips, conditions, isBarChosen, metadataCondition, noConditions } from "./cases";
import { rangeText } from "./filters";
import { sortGroups } from "./groups";
import { faults, faultText, reasons } from "./reasons";
import { evaluationOf, rowOfDataset } from "./snippets";

describe("conditions on cases", () => {
  const query = new URLSearchParams(
    "sort=created&c=1&score=exact:0.25..0.29999999&failed=true&metadata.model.name=small&text=moon&tag=",
  );

  it("are those that the API knows, and nothing else of the address", () => {
    expect(conditions(query)).toEqual([
      ["score", "exact:0.25..0.29999999"],
      ["failed", "true"],
      ["metadata.model.name", "small"],
      ["text", "moon"],
    ]);
    expect(noConditions(query)).toEqual({
      score: null,
      failed: null,
      "metadata.model.name": null,
      text: null,
    });
  });

  it("read as people would say them", () => {
    expect(conditionChips(query).map(({ text }) => text)).toEqual([
      "exact 0.25 to 0.3",
      "with an error",
      "model.name = small",
    ]);
    const open = new URLSearchParams("metric=a:b:2..&score=x:..0.5&failed=false");
    expect(conditionChips(open).map(({ text }) => text)).toEqual(["a:b ≥ 2", "x ≤ 0.5", "without an error"]);
  });

  it("of a bar hold its lower end and not the next bar's", () => {
    const range = barRange("x", 0.5, 0.75, false);
    expect(range.least).toBe(0.5);
    expect(range.most).toBeLessThan(0.75);
    expect(range.most).toBeGreaterThan(0.7499999);
    expect(barRange("x", 19 * 0.05, 1, true)).toEqual({ name: "x", least: 0.95, most: 1 });
    expect(isBarChosen(new URLSearchParams({ score: rangeText(range) }), "score", range)).toBe(true);
    expect(isBarChosen(new URLSearchParams({ metric: rangeText(range) }), "score", range)).toBe(false);
  });

  it("on metadata are a path and a value", () => {
    expect(metadataCondition("model.name = small one")).toEqual(["metadata.model.name", "small one"]);
    expect(metadataCondition("metadata.n=3")).toEqual(["metadata.n", "3"]);
    expect(metadataCondition("url=a=b")).toEqual(["metadata.url", "a=b"]);
    for (const bad of ["model", "=x", "a..b=1", "a=", ""]) expect(metadataCondition(bad)).toBeNull();
  });
});

describe("histogram", () => {
  const of = (values: (number | null)[]) => values.map((value) => ({ value, failed: value === 1 }));

  it("counts each value once, and those that are missing", () => {
    const { buckets, cases, missing } = bins(of([0, 0.1, 0.5, 1, 1, null, Number.NaN]), 4);
    expect(buckets.map(({ cases }) => cases)).toEqual([2, 0, 1, 2]);
    expect(buckets.map(({ lower }) => lower)).toEqual([0, 0.25, 0.5, 0.75]);
    expect([cases, missing, buckets[3]?.errors, buckets[3]?.upper]).toEqual([5, 2, 2, 1]);
  });

  it("goes from the least to the most beyond fractions", () => {
    const { buckets } = bins(of([-2, 8, 3]), 5);
    expect([buckets[0]?.lower, buckets[4]?.upper]).toEqual([-2, 8]);
    expect(bins(of([7, 7]), 5).buckets).toEqual([{ lower: 7, upper: 7, cases: 2, errors: 0 }]);
    expect(bins(of([0.25, 0.5]), 5, false).buckets.map(({ lower }) => lower)[0]).toBe(0.25);
    expect(bins([], 5)).toEqual({ buckets: [], cases: 0, missing: 0 });
  });

  it("one case beside thousands is seen, none is not", () => {
    expect(heights([{ cases: 5000 }, { cases: 1 }, { cases: 0 }], 0.08)).toEqual([1, 0.08, 0]);
  });
});

describe("what spans say", () => {
  const row = (more: Partial<Row>): Row => ({ id: "1", ...more });

  it("scores have the reasons of their scorers, whatever the order of rows", () => {
    const rows = [
      row({ is_root: true, scores: { exact: 1, liked: 0.5 } }),
      row({
        span_id: "s1",
        span_attributes: { name: "exact", type: "score" },
        scores: { exact: 1 },
        metadata: { rationale: "the same", choice: "A" },
      }),
      row({
        span_attributes: { name: "judge", purpose: "scorer" },
        output: { score: null, metadata: { reasons: ["too", "long"] } },
        error: "no answer",
      }),
    ];
    expect(reasons(rows)).toEqual([
      { name: "exact", value: 1, rationale: "the same", choice: "A", error: null, span: "s1" },
      {
        name: "judge",
        value: null,
        rationale: '["too","long"]',
        choice: null,
        error: "no answer",
        span: null,
      },
      { name: "liked", value: 0.5, rationale: null, choice: null, error: null, span: null },
    ]);
  });

  it("errors are a message and a stack; the root repeats none", () => {
    const text = "ValueError: no such city\n  at look (a.py:3)\n  at main";
    expect(faultText(text)).toEqual({
      message: "ValueError: no such city",
      stack: "  at look (a.py:3)\n  at main",
    });
    expect(faultText({ name: "TypeError", message: "x", stack: "at y" })).toEqual({
      message: "TypeError: x",
      stack: "at y",
    });
    expect(faultText({ code: 3 })).toEqual({ message: '{"code":3}', stack: null });
    const rows = [
      row({ is_root: true, error: text }),
      row({ error: text, span_attributes: { name: "task" } }),
      row({}),
    ];
    expect(faults(rows).map(({ where }) => where)).toEqual(["task"]);
  });
});

describe("snippets", () => {
  it("names are texts of Rust, whatever they hold", () => {
    expect(evaluationOf("p", 'a "b"\\c\n')).toContain(
      '.data_from_experiment::<Value, Value>("a \\"b\\"\\\\c\\n")',
    );
  });

  it("a row of a dataset is what a case was given, without what it got", () => {
    const root: Row = {
      id: "1",
      input: { q: 1 },
      output: 2,
      expected: null,
      metadata: { a: 1 },
      tags: [],
      scores: { x: 1 },
    };
    expect(JSON.parse(rowOfDataset(root))).toEqual({ input: { q: 1 }, metadata: { a: 1 } });
  });
});

describe("groups", () => {
  const group = (key: string, mean: number | null, cases: number) => ({
    key,
    cases,
    errors: 0,
    scores: mean === null ? {} : { exact: { mean, cases } },
    metrics: {},
  });
  const groups = [group("a", 0.75, 2), group("b", 0, 1), group("c", null, 3)];

  it("without the value come last both ways", () => {
    const keys = (by: string, order: "asc" | "desc") =>
      sortGroups(groups, { by, order }).map(({ key }) => key);
    expect(keys("score:exact", "asc")).toEqual(["b", "a", "c"]);
    expect(keys("score:exact", "desc")).toEqual(["a", "b", "c"]);
    expect(keys("cases", "desc")).toEqual(["c", "a", "b"]);
    expect(keys("name", "desc")).toEqual(["c", "b", "a"]);
  });
});
