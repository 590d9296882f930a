import { describe, expect, it } from "vitest";
import { changes, equal, type Json, jsonDiff, oneLine } from "./tree";

describe("differences of JSON", () => {
  it("names each member that is new, gone or changed", () => {
    const change = jsonDiff(
      { a: 1, b: [1, 2], c: "x", same: null },
      { b: [1, 3, 4], c: "y", same: null, d: true },
    );
    expect(change).toEqual({
      kind: "inside",
      list: false,
      members: [
        { name: "a", change: { kind: "removed", before: 1 } },
        {
          name: "b",
          change: {
            kind: "inside",
            list: true,
            members: [
              { name: "0", change: { kind: "same", value: 1 } },
              { name: "1", change: { kind: "changed", before: 2, after: 3 } },
              { name: "2", change: { kind: "added", after: 4 } },
            ],
          },
        },
        { name: "c", change: { kind: "changed", before: "x", after: "y" } },
        { name: "same", change: { kind: "same", value: null } },
        { name: "d", change: { kind: "added", after: true } },
      ],
    });
    expect(changes(change)).toBe(5);
  });

  it("the order of members is no difference, that of items is", () => {
    expect(equal({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
    expect(equal([1, 2], [2, 1])).toBe(false);
    expect(equal({ 0: 1 }, [1])).toBe(false);
    expect(equal({ a: null }, { b: null })).toBe(false);
  });

  it("values that are very deep do not end it", () => {
    const deep = (end: Json) => Array.from({ length: 3000 }).reduce<Json>((inner) => [inner], end);
    expect(changes(jsonDiff(deep(1), deep(2)))).toBe(1);
  });

  it("a name of the language's own is a name like any other", () => {
    const value = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}') as Json;
    expect(changes(jsonDiff({}, value))).toBe(2);
  });

  it("one line is short and has no breaks", () => {
    expect(oneLine("a\n  b", 10)).toBe("a b");
    expect(oneLine({ long: "x".repeat(100) }, 12)).toBe('{"long":"xx…');
  });
});
