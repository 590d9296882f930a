// Differences of JSON values, member by member.

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export type Change =
  | { readonly kind: "same"; readonly value: Json }
  | { readonly kind: "added"; readonly after: Json }
  | { readonly kind: "removed"; readonly before: Json }
  | { readonly kind: "changed"; readonly before: Json; readonly after: Json }
  | {
      readonly kind: "inside";
      readonly list: boolean;
      readonly members: readonly { readonly name: string; readonly change: Change }[];
    };

/** Deeper values are compared as a whole, so that no input exhausts the stack. */
const DEEPEST = 64;

export function jsonDiff(before: Json, after: Json, depth = 0): Change {
  if (equal(before, after)) return { kind: "same", value: after };
  if (
    depth >= DEEPEST ||
    !isTree(before) ||
    !isTree(after) ||
    Array.isArray(before) !== Array.isArray(after)
  ) {
    return { kind: "changed", before, after };
  }
  const list = Array.isArray(before);
  const [left, right] = [members(before), members(after)];
  const names = [...new Set([...left.keys(), ...right.keys()])];
  return {
    kind: "inside",
    list,
    members: names.map((name) => {
      const [was, is] = [left.get(name), right.get(name)];
      if (was === undefined) return { name, change: { kind: "added", after: is as Json } };
      if (is === undefined) return { name, change: { kind: "removed", before: was } };
      return { name, change: jsonDiff(was, is, depth + 1) };
    }),
  };
}

/** How many values differ. */
export function changes(change: Change): number {
  if (change.kind === "same") return 0;
  return change.kind === "inside" ? change.members.reduce((sum, { change }) => sum + changes(change), 0) : 1;
}

export function isTree(value: Json): value is Json[] | { [name: string]: Json } {
  return typeof value === "object" && value !== null;
}

export function members(value: Json[] | { [name: string]: Json }): Map<string, Json> {
  return new Map(Object.entries(value as { [name: string]: Json }));
}

/** Whether two values are the same whatever the order of members. */
export function equal(a: Json, b: Json, depth = 0): boolean {
  if (a === b) return true;
  if (!isTree(a) || !isTree(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  if (depth > 512) return JSON.stringify(a) === JSON.stringify(b);
  const [left, right] = [members(a), members(b)];
  if (left.size !== right.size) return false;
  for (const [name, value] of left) {
    const other = right.get(name);
    if (other === undefined || !equal(value, other, depth + 1)) return false;
  }
  return true;
}

/** A value in one line of at most `most` characters. */
export function oneLine(value: Json, most: number): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const line = text
    .slice(0, most * 2)
    .replace(/\s+/g, " ")
    .trim();
  return line.length > most || text.length > most * 2 ? `${line.slice(0, most - 1)}…` : line;
}
