// Conditions on the cases of a list: as the address has them, as the API takes them, as people read them.

import { pick, type Range, rangeText } from "./filters";

/** Parameters of a list of cases that narrow it, besides `metadata.PATH`. */
const NAMES = ["text", "failed", "score", "metric", "tag", "input_hash"];
const METADATA = "metadata.";

/** The conditions in a query, as `/api/objects/…/cases`, `/histogram` and `/groups` take them. */
export function conditions(query: URLSearchParams): [string, string][] {
  const metadata = [...query.keys()].filter((name) => name.startsWith(METADATA) && name.length > 9);
  return pick(query, [...NAMES, ...metadata]);
}

export interface Condition {
  /** Name of the parameter, which lifts it. */
  readonly id: string;
  readonly text: string;
  readonly hint?: string;
}

/** The conditions in words; `text` has a field of its own. */
export function conditionChips(query: URLSearchParams): Condition[] {
  const chips: Condition[] = [];
  for (const [id, value] of conditions(query)) {
    if (id === "text") continue;
    chips.push({ id, text: words(id, value), hint: `${id}=${value}` });
  }
  return chips;
}

function words(id: string, value: string): string {
  if (id === "failed") return value === "true" ? "with an error" : "without an error";
  if (id === "tag") return `tag ${value}`;
  if (id === "input_hash") return "one input";
  if (id.startsWith(METADATA)) return `${id.slice(METADATA.length)} = ${value}`;
  const at = value.lastIndexOf(":");
  const [least = "", most = ""] = value.slice(at + 1).split("..");
  const name = value.slice(0, at);
  const [from, to] = [short(least), short(most)];
  if (from === "" || to === "") return from === "" ? `${name} ≤ ${to}` : `${name} ≥ ${from}`;
  return from === to ? `${name} = ${from}` : `${name} ${from} to ${to}`;
}

function short(bound: string): string {
  return bound === "" ? "" : String(Number(Number(bound).toPrecision(4)));
}

/** All conditions of a query lifted, as changes of it. */
export function noConditions(query: URLSearchParams): Record<string, null> {
  return Object.fromEntries(conditions(query).map(([name]) => [name, null]));
}

/**
 * The range of a bar of a histogram. Its upper end belongs to the next bar, unless it is the last one:
 * a list includes both bounds, so the bound is a little below.
 */
export function barRange(name: string, lower: number, upper: number, last: boolean): Range {
  const most = last ? upper : upper - (upper - lower) * 1e-9;
  return { name, least: tidy(lower), most: tidy(most) };
}

/** Without the last bits of a sum: `0.95`, not `0.9500000000000001`. */
function tidy(bound: number): number {
  return Number(bound.toPrecision(12));
}

/** Whether a query asks for just that bar. */
export function isBarChosen(query: URLSearchParams, kind: "score" | "metric", range: Range): boolean {
  return query.get(kind) === rangeText(range);
}

/** `metadata.model.name=small` or `model.name=small`; null if it is no such condition. */
export function metadataCondition(text: string): [string, string] | null {
  const found = /^(?:metadata\.)?([^=\s][^=]*?)\s*=\s*(.+)$/.exec(text.trim());
  const [path, value] = [found?.[1] ?? "", found?.[2] ?? ""];
  if (path === "" || value === "" || path.split(".").some((step) => step === "")) return null;
  return [METADATA + path, value];
}
