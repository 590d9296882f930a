import { expect, it } from "vitest";
import { wordDiff } from "./words";

it("words that changed are marked, and the pieces make both texts", () => {
  const [before, after] = ["the quick brown fox\njumps", "the slow brown fox\njumps high"];
  const pieces = wordDiff(before, after) ?? [];
  const side = (kind: string) =>
    pieces
      .filter((piece) => piece.kind === "same" || piece.kind === kind)
      .map(({ text }) => text)
      .join("");
  expect([side("removed"), side("added")]).toEqual([before, after]);
  expect(pieces.filter(({ kind }) => kind === "removed").map(({ text }) => text)).toEqual(["quick"]);
});

it("equal texts have one piece, empty ones none", () => {
  expect(wordDiff("same", "same")).toEqual([{ kind: "same", text: "same" }]);
  expect(wordDiff("", "")).toEqual([]);
});

it("texts without anything in common are given up", () => {
  const words = (first: number) => Array.from({ length: 5000 }, (_, at) => `w${first + at}`).join(" ");
  expect(wordDiff(words(0), words(100_000))).toBeNull();
});
