import { expect, it } from "vitest";
import { tagsOf } from "./shapes";

it("tags of any shape are texts, each once", () => {
  expect([undefined, null, [], [null]].map(tagsOf)).toEqual([null, null, null, null]);
  expect(tagsOf(["b", "a", "b"])).toEqual(["b", "a"]);
  expect(tagsOf("alone")).toEqual(["alone"]);
  expect(tagsOf([{ a: 1 }, null, 3, ["x"]])).toEqual(['{"a":1}', "3", '["x"]']);
  expect(tagsOf({})).toEqual(["{}"]);
});
