import { describe, expect, it } from "vitest";
import { crumbs, path, safeLink, safeTarget } from "./path";

describe("addresses", () => {
  it("names may hold anything", () => {
    const href = path.experiment("a b", "p/q?", "100 % #1");
    expect(href).toBe("/app/a%20b/p/p%2Fq%3F/experiments/100%20%25%20%231");
    expect(crumbs(href).map(({ text }) => text)).toEqual(["a b", "p/q?", "100 % #1"]);
    expect(path.compare("o", "p", ["a", "b"])).toBe("/app/o/p/p/compare?e=a&e=b");
  });

  it("the last crumb is where one is, the others lead there", () => {
    const way = crumbs("/app/local/p/demo/experiments/run/trace/0123456789abcdef");
    expect(way.at(-1)).toEqual({ text: "01234567" });
    expect(way[1]).toEqual({ text: "demo", href: "/app/local/p/demo" });
    expect(crumbs("/")).toEqual([{ text: "Projects" }]);
    // Malformed escapes are shown as they are.
    expect(crumbs("/app/local/p/%E0%A4%A").at(-1)).toEqual({ text: "%E0%A4%A" });
  });

  it("a login leads to pages of ours only", () => {
    expect(safeTarget("/app/local/p/x?sort=name")).toBe("/app/local/p/x?sort=name");
    const others = [
      "//evil.example",
      "/\\evil.example",
      "https://evil.example",
      "/\t/evil.example",
      "",
      null,
      "x",
    ];
    expect(others.map(safeTarget)).toEqual(Array(others.length).fill("/"));
  });

  it("links from data are http or nothing", () => {
    expect(safeLink("https://example.com/a?b=c")).toBe("https://example.com/a?b=c");
    expect(
      ["javascript:alert(1)", "data:text/html,x", "see https://x.example", " https://x"].map(safeLink),
    ).toEqual(Array(4).fill(null));
  });
});
