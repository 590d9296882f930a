// Filters, sort and columns of a list ↔ the query of its address. The names are those of the API
// (docs/lists.md), so that an address can be read and written by hand.

export interface Sort {
  readonly by: string;
  readonly order: "asc" | "desc";
}

/** `score=NAME:LEAST..MOST`; either bound may be missing. */
export interface Range {
  readonly name: string;
  readonly least: number | null;
  readonly most: number | null;
}

/** `exact_match:0.5..`; null if it is none. */
export function parseRange(text: string): Range | null {
  // Names may hold colons, bounds do not.
  const at = text.lastIndexOf(":");
  const bounds = at > 0 ? text.slice(at + 1).split("..") : [];
  if (bounds.length !== 2) return null;
  const [least, most] = bounds.map((bound) => (bound === "" ? null : Number(bound))) as [
    number | null,
    number | null,
  ];
  if (Number.isNaN(least) || Number.isNaN(most) || (least === null && most === null)) return null;
  return { name: text.slice(0, at), least, most };
}

export function rangeText({ name, least, most }: Range): string {
  return `${name}:${least ?? ""}..${most ?? ""}`;
}

/** `duration ≥ 0.5`, `exact_match 0.2 to 0.8`: a range for people. */
export function rangeLabel({ name, least, most }: Range): string {
  if (least !== null && most !== null)
    return least === most ? `${name} = ${least}` : `${name} ${least} to ${most}`;
  return least !== null ? `${name} ≥ ${least}` : `${name} ≤ ${most}`;
}

/** The sort in a query; `fallback` if there is none or it is malformed. */
export function parseSort(query: URLSearchParams, fallback: Sort): Sort {
  const by = query.get("sort");
  const order = query.get("order");
  if (!by) return fallback;
  return { by, order: order === "asc" || order === "desc" ? order : "desc" };
}

/** The next sort when a column's head is chosen: descending, ascending, the list's own. */
export function nextSort(current: Sort, by: string, fallback: Sort): Sort {
  if (current.by !== by) return { by, order: by === "name" ? "asc" : "desc" };
  const first = by === "name" ? "asc" : "desc";
  if (current.order === first) return { by, order: first === "asc" ? "desc" : "asc" };
  return fallback;
}

export type Changes = Readonly<Record<string, string | number | readonly string[] | null | undefined>>;

/**
 * A query with some members replaced: null, undefined, "" and [] remove one. Members keep their order,
 * so that equal states have equal addresses.
 */
export function withQuery(query: string | URLSearchParams, changes: Changes): string {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    const values = value == null || value === "" ? [] : Array.isArray(value) ? value : [String(value)];
    for (const one of values) next.append(name, one);
  }
  next.sort();
  const text = next.toString();
  return text === "" ? "" : `?${text}`;
}

/** The members of `query` named in `names`, as a list takes them. */
export function pick(query: URLSearchParams, names: readonly string[]): [string, string][] {
  return [...query].filter(([name, value]) => names.includes(name) && value !== "");
}
