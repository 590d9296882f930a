// What changed between two versions of a dataset.

import type { Row } from "../api/types";
import { equal, type Json } from "./tree";

export type RowChange =
  | { readonly kind: "added"; readonly after: Row }
  | { readonly kind: "removed"; readonly before: Row }
  | { readonly kind: "changed"; readonly before: Row; readonly after: Row };

/** Members that are a row's content; others say when and where it was written. */
const CONTENT = ["input", "expected", "metadata", "tags"] as const;

export function content(row: Row): { [name: string]: Json } {
  const members: { [name: string]: Json } = {};
  for (const name of CONTENT) {
    const value = row[name];
    // Null and absent are the same to every reader.
    if (value != null) members[name] = value as Json;
  }
  return members;
}

/** Rows by id; those that were written again with the same content did not change. In the order of ids. */
export function rowChanges(before: readonly Row[], after: readonly Row[]): RowChange[] {
  const old = new Map(before.map((row) => [row.id, row]));
  const changes: RowChange[] = [];
  for (const row of after) {
    const was = old.get(row.id);
    old.delete(row.id);
    if (was === undefined) changes.push({ kind: "added", after: row });
    else if (was._xact_id !== row._xact_id && !equal(content(was), content(row)))
      changes.push({ kind: "changed", before: was, after: row });
  }
  for (const row of old.values()) changes.push({ kind: "removed", before: row });
  return changes.sort((a, b) => (rowOf(a).id < rowOf(b).id ? -1 : 1));
}

/** The row as it is, or as it was last. */
export function rowOf(change: RowChange): Row {
  return change.kind === "removed" ? change.before : change.after;
}

export function countChanges(changes: readonly RowChange[]): Record<RowChange["kind"], number> {
  const counts = { added: 0, removed: 0, changed: 0 };
  for (const { kind } of changes) counts[kind] += 1;
  return counts;
}

/** When a transaction was: unix seconds are in the middle of its 64 bits. Null for what is no id of one. */
export function xactTime(xact: string): Date | null {
  if (!/^\d{19}$/.test(xact)) return null;
  return new Date(Number((BigInt(xact) >> 16n) & 0xffff_ffffn) * 1000);
}
