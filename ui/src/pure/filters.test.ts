import { describe, expect, it } from "vitest";
import { nextSort, parseRange, parseSort, pick, rangeLabel, rangeText, withQuery } from "./filters";

describe("filters and addresses", () => {
  it("ranges go to text and back, names with colons included", () => {
    for (const text of ["exact_match:0.5..", "duration:..2", "a:b:0..1", "x:-1..1e3"]) {
      const range = parseRange(text);
      expect(range && parseRange(rangeText(range))).toEqual(range);
    }
    expect(parseRange("a:b:0..1")).toEqual({ name: "a:b", least: 0, most: 1 });
    expect(["", "x", "x:1", "x:..", ":1..2", "x:a..b", "x:1..2..3"].map(parseRange)).toEqual(
      Array(7).fill(null),
    );
  });

  it("ranges have a label for people", () => {
    const labels = ["s:0.5..", "s:..0.5", "s:0..1", "s:1..1"].map((text) =>
      rangeLabel(parseRange(text) as never),
    );
    expect(labels).toEqual(["s ≥ 0.5", "s ≤ 0.5", "s 0 to 1", "s = 1"]);
  });

  it("changes leave the rest of a query as it is", () => {
    expect(withQuery("?b=2&a=1&score=x:0..&score=y:0..", { a: null, c: "n & m" })).toBe(
      "?b=2&c=n+%26+m&score=x%3A0..&score=y%3A0..",
    );
    expect(withQuery("?tag=a&tag=b", { tag: ["b"] })).toBe("?tag=b");
    expect(withQuery("?tag=a", { tag: [] })).toBe("");
    expect(pick(new URLSearchParams("a=1&b=2&a=3&c="), ["a", "c"])).toEqual([
      ["a", "1"],
      ["a", "3"],
    ]);
  });

  it("a head goes through descending, ascending, and the list's own order", () => {
    const own = { by: "created", order: "desc" } as const;
    const once = nextSort(own, "errors", own);
    const twice = nextSort(once, "errors", own);
    expect([once, twice, nextSort(twice, "errors", own)]).toEqual([
      { by: "errors", order: "desc" },
      { by: "errors", order: "asc" },
      own,
    ]);
    expect(nextSort(own, "name", own)).toEqual({ by: "name", order: "asc" });
    expect(parseSort(new URLSearchParams("sort=name&order=up"), own)).toEqual({ by: "name", order: "desc" });
    expect(parseSort(new URLSearchParams(), own)).toBe(own);
  });
});
