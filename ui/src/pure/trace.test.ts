import { describe, expect, it } from "vitest";
import { criticalPath } from "./criticalPath";
import { ancestors, label, rowOf, type TraceRow, traceTree, visibleRows } from "./trace";

function row(id: string, parents: string[], start: number, end: number | null, more = {}): TraceRow {
  return {
    id: `row ${id}`,
    span_id: id,
    span_parents: parents,
    span_attributes: { name: id, type: "task" },
    metrics: { start, ...(end === null ? {} : { end }) },
    ...more,
  };
}

const ROWS = [
  row("b", ["root"], 4, 9, { error: "no" }),
  row("root", [], 0, 10),
  row("b1", ["b"], 5, 6),
  row("a", ["root"], 1, 5),
];

describe("a trace as a tree", () => {
  it("has parents before children, and siblings by start", () => {
    const tree = traceTree(ROWS);
    const shown = tree.spans.map(({ name, depth, parent, size }) => [name, depth, parent, size]);
    expect(shown).toEqual([
      ["root", 0, -1, 4],
      ["a", 1, 0, 1],
      ["b", 1, 0, 2],
      ["b1", 2, 2, 1],
    ]);
    expect(tree.extent).toEqual({ from: 0, to: 10 });
    expect([tree.failed, tree.spans[0]?.failedBelow]).toEqual([1, 1]);
    expect(tree.at.get("b")).toBe(tree.at.get("row b"));
  });
  it("knows the time in which no child was under way", () => {
    const self = Object.fromEntries(traceTree(ROWS).spans.map(({ name, self }) => [name, self]));
    expect(self).toEqual({ root: 2, a: 4, b: 4, b1: 1 });
  });
  it("takes what nobody should send: missing parents, rings, itself as parent, no times", () => {
    const tree = traceTree([
      row("lost", ["gone"], 3, 4),
      row("x", ["y"], 1, 2),
      row("y", ["x"], 1, 2),
      row("own", ["own"], 1, 2),
      { id: "bare", span_attributes: null, metrics: null, created: "1970-01-01T00:00:02Z" },
      row("odd", [], 5, 1, { metrics: { start: 5, end: Number.NaN, tokens: "many" } }),
    ]);
    expect(tree.spans.length).toBe(6);
    expect(tree.spans[tree.at.get("lost") as number]?.orphan).toBe(true);
    expect(tree.spans[tree.at.get("bare") as number]).toMatchObject({
      name: "unnamed",
      start: 2,
      open: false,
    });
    expect(tree.spans[tree.at.get("odd") as number]).toMatchObject({ open: true, tokens: null });
    expect(traceTree([]).spans).toEqual([]);
  });
  it("is as deep as it is", () => {
    const chain = Array.from({ length: 50_000 }, (_, at) =>
      row(`${at}`, at ? [`${at - 1}`] : [], at, 60_000),
    );
    const tree = traceTree(chain);
    expect(tree.spans.at(-1)?.depth).toBe(49_999);
    expect(criticalPath(tree).size).toBe(50_000);
  });
  it("reaches to the end of the trace where a span has none yet", () => {
    const tree = traceTree([row("root", [], 0, null), row("a", ["root"], 1, 7)]);
    expect(tree.spans[0]).toMatchObject({ open: true, end: 7 });
    expect(tree.open).toBe(1);
  });
});

describe("rows of a waterfall", () => {
  const tree = traceTree(ROWS);
  it("leave out what is collapsed", () => {
    expect([...visibleRows(tree, new Set())]).toEqual([0, 1, 2, 3]);
    expect([...visibleRows(tree, new Set(["b"]))]).toEqual([0, 1, 2]);
    expect([...visibleRows(tree, new Set(["root", "b"]))]).toEqual([0]);
  });
  it("lead to a span or to what it is collapsed into", () => {
    const rows = visibleRows(tree, new Set(["b"]));
    expect([rowOf(rows, 0), rowOf(rows, 2), rowOf(rows, 3), rowOf(rows, -1)]).toEqual([0, 2, 2, -1]);
    expect(ancestors(tree, 3)).toEqual(["b", "root"]);
  });
  it("have labels of one line without marks of direction", () => {
    expect(label("a\u202e\nb\u2066c")).toBe("a bc");
  });
});

describe("the critical path", () => {
  const named = (rows: TraceRow[]) => {
    const tree = traceTree(rows);
    return Object.fromEntries([...criticalPath(tree)].map(([at, parts]) => [tree.spans[at]?.name, parts]));
  };
  it("goes backwards along what ended last", () => {
    expect(named(ROWS)).toEqual({
      root: [
        { from: 9, to: 10 },
        { from: 0, to: 1 },
      ],
      a: [{ from: 1, to: 4 }],
      b: [
        { from: 6, to: 9 },
        { from: 4, to: 5 },
      ],
      b1: [{ from: 5, to: 6 }],
    });
  });
  it("leaves out what something else outlasts", () => {
    const path = named([row("root", [], 0, 10), row("short", ["root"], 2, 4), row("long", ["root"], 1, 10)]);
    expect(path).toEqual({ root: [{ from: 0, to: 1 }], long: [{ from: 1, to: 10 }] });
  });
  it("covers the whole trace once, whatever overlaps", () => {
    const rows = [row("root", [], 0, 100)];
    for (let at = 1; at < 300; at++) {
      const start = (at * 37) % 90;
      rows.push(row(`${at}`, [at % 3 ? `${Math.floor(at / 3)}` : "root"], start, start + ((at * 13) % 20)));
    }
    const tree = traceTree(rows);
    const pieces = [...criticalPath(tree).values()].flat().sort((a, b) => a.from - b.from);
    const sum = pieces.reduce((sum, { from, to }) => sum + to - from, 0);
    for (const [at, piece] of pieces.entries()) {
      expect(piece.from).toBeGreaterThanOrEqual(pieces[at - 1]?.to ?? 0);
    }
    expect(sum).toBeLessThanOrEqual(tree.extent.to - tree.extent.from + 1e-9);
    expect(sum).toBeGreaterThan(90);
  });
});
