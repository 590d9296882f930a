// What the spans of a case say about its scores and errors.

import type { Row } from "../api/types";

export interface Reason {
  /** Of the score. */
  readonly name: string;
  readonly value: number | null;
  /** Why, in the scorer's words. */
  readonly rationale: string | null;
  /** What it chose among, such as the letter of a judge. */
  readonly choice: string | null;
  readonly error: unknown;
  /** The scorer's span, which its page can be opened at. */
  readonly span: string | null;
}

/** Members in which scorers of several libraries put their reasons. */
const RATIONALES = ["rationale", "reasoning", "reason", "reasons", "explanation"];

/** All scores of a case by name, with what their scorers said. */
export function reasons(rows: readonly Row[]): Reason[] {
  const found = new Map<string, Reason>();
  // Scorers first: a score that a person set on the root has no reasons, and must not hide them.
  const ordered = [...rows].sort((a, b) => Number(isScorer(b)) - Number(isScorer(a)));
  for (const row of ordered) {
    const scorer = isScorer(row);
    const names = Object.keys(row.scores ?? {});
    if (names.length === 0 && scorer) names.push(row.span_attributes?.name ?? "score");
    for (const name of names) {
      const value = row.scores?.[name] ?? null;
      const before = found.get(name);
      if (before) {
        if (value !== null && before.value === null) found.set(name, { ...before, value });
        continue;
      }
      found.set(name, {
        name,
        value,
        rationale: scorer ? rationale(row) : null,
        choice: scorer ? text(said(row, "choice")) : null,
        error: row.error ?? null,
        span: row.span_id ?? null,
      });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function isScorer({ span_attributes }: Row): boolean {
  return span_attributes?.type === "score" || span_attributes?.purpose === "scorer";
}

function rationale(row: Row): string | null {
  for (const name of RATIONALES) {
    const found = text(said(row, name));
    if (found !== null) return found;
  }
  return null;
}

/** A member of the metadata of a scorer's span or of what it returned. */
function said(row: Row, name: string): unknown {
  const output = member(row.output, "metadata");
  return row.metadata?.[name] ?? member(output, name) ?? member(row.output, name);
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown): string | null {
  if (value === undefined || value === null || value === "") return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}

export interface Fault {
  /** Name of the span in which it happened. */
  readonly where: string;
  readonly span: string | null;
  /** Whether that span is a scorer's, whose error stands beside its score. */
  readonly scorer: boolean;
  readonly message: string;
  readonly stack: string | null;
}

/** Errors of a case, the root's own last if another span has the same. */
export function faults(rows: readonly Row[]): Fault[] {
  const found: Fault[] = [];
  for (const row of [...rows].sort((a, b) => Number(a.is_root ?? false) - Number(b.is_root ?? false))) {
    if (row.error === undefined || row.error === null || row.error === "") continue;
    const { message, stack } = faultText(row.error);
    if (row.is_root && found.some((one) => one.message === message)) continue;
    found.push({
      where: row.span_attributes?.name ?? "span",
      span: row.span_id ?? null,
      scorer: isScorer(row),
      message,
      stack,
    });
  }
  return found;
}

/** An error is a text whose later lines are the stack, or an object with members of usual names. */
export function faultText(error: unknown): { message: string; stack: string | null } {
  if (typeof error === "object" && error !== null && !Array.isArray(error)) {
    const { message, stack, name } = error as Record<string, unknown>;
    if (typeof message === "string") {
      const head = typeof name === "string" && name !== "Error" ? `${name}: ${message}` : message;
      return { message: head, stack: typeof stack === "string" ? stack : null };
    }
  }
  const all = typeof error === "string" ? error : JSON.stringify(error);
  const end = all.search(/\r?\n/);
  if (end < 0) return { message: all, stack: null };
  return { message: all.slice(0, end), stack: all.slice(end).replace(/^\s*\n/, "") || null };
}
