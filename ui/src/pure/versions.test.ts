import { expect, test } from "vitest";
import type { Row } from "../api/types";
import { content, countChanges, rowChanges, xactTime } from "./versions";

const row = (id: string, xact: string, members: Partial<Row> = {}): Row => ({
  id,
  _xact_id: xact,
  input: id,
  ...members,
});

test("rows are added, removed and changed by id", () => {
  const before = [row("a", "1"), row("b", "1"), row("c", "1"), row("d", "1", { tags: ["x"] })];
  const after = [
    row("a", "1"),
    row("c", "2", { expected: 1 }),
    row("d", "2", { tags: ["x"], metadata: null }),
    row("0", "2"),
  ];
  const changes = rowChanges(before, after);
  expect(changes.map(({ kind }) => kind)).toEqual(["added", "removed", "changed"]);
  expect(countChanges(changes)).toEqual({ added: 1, removed: 1, changed: 1 });
  expect(rowChanges(before, before)).toEqual([]);
  expect(rowChanges([], after)).toHaveLength(4);
});

test("content leaves out what says where a row is, and what is null", () => {
  expect(content(row("a", "1", { metadata: null, expected: 0, origin: { id: "x" } }))).toEqual({
    input: "a",
    expected: 0,
  });
});

test("a transaction knows its second", () => {
  expect(xactTime("1000198294158442509")?.toISOString()).toBe("2026-11-29T21:42:28.000Z");
  for (const text of ["", "1", "latest", "-000198294158442509"]) expect(xactTime(text)).toBeNull();
});
