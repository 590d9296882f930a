// Versions of a dataset, and what lies between two of them.

import { listCases, listVersions } from "../../api/lists";
import type { FetchPage } from "../../api/paged";
import { datasetRows } from "../../api/rows";
import { tagsOf } from "../../api/shapes";
import type { Row } from "../../api/types";
import { type Json, oneLine } from "../../pure/tree";
import { type RowChange, rowChanges } from "../../pure/versions";

export interface Version {
  readonly xact: string;
  readonly created: string;
  readonly changed: number;
  readonly deleted: number;
  readonly names: readonly string[];
}

const MOST_VERSIONS = 200;

/** Newest first. */
export async function versionsOf(dataset: string, end: AbortSignal): Promise<Version[]> {
  const { versions } = await listVersions(dataset, { limit: MOST_VERSIONS }, end);
  return versions.map((version) => ({
    xact: version._xact_id,
    created: version.created,
    changed: version.changed,
    deleted: version.deleted,
    names: [...version.snapshots, ...version.environments],
  }));
}

/** A row as the table shows it. */
export interface Item {
  readonly id: string;
  /** In one line, made once: values may be megabytes. */
  readonly input: string | null;
  readonly expected: string | null;
  readonly metadata: string | null;
  readonly tags: readonly string[] | null;
  readonly created: string | undefined;
  /** The whole row, unless only its beginning is known. */
  readonly row: Row | null;
  readonly change: RowChange | null;
}

const LONGEST = 1000;

function line(value: unknown): string | null {
  return value == null ? null : oneLine(value as Json, LONGEST);
}

export function itemOf(row: Row, change: RowChange | null = null): Item {
  const { id, input, expected, metadata, tags, created } = row;
  return {
    id,
    input: line(input),
    expected: line(expected),
    metadata: line(metadata),
    tags: tagsOf(tags),
    created,
    row,
    change,
  };
}

/** Rows of a version in the order of their ids; those with certain words, newest first, only of now. */
export function rowsOf(dataset: string, version: string | null, text: string): FetchPage<Item> {
  return async (cursor, limit, end) => {
    if (text !== "" && version === null) {
      const reply = await listCases("dataset", dataset, { text, limit, cursor: cursor ?? undefined }, end);
      const items = reply.cases.map(
        ({ id, input, expected, tags, created }): Item => ({
          id,
          input,
          expected,
          metadata: null,
          tags,
          created,
          row: null,
          change: null,
        }),
      );
      return { items, footer: reply };
    }
    const page = await datasetRows(dataset, { version, cursor, limit }, end);
    const items = page.rows.map((row) => itemOf(row));
    return { items, footer: { cursor: page.cursor, exact: true, lag_rows: 0, lag_seconds: 0 } };
  };
}

/** Rows of each side that are compared; whole rows, so that a browser can hold them. */
export const MOST_COMPARED = 20_000;

export interface Changes {
  readonly changes: readonly RowChange[];
  /** Further rows were not looked at. */
  readonly cut: boolean;
}

/** What changed from one version to another; null is the present. */
export async function changesBetween(
  dataset: string,
  before: string,
  after: string | null,
  end: AbortSignal,
): Promise<Changes> {
  const [old, now] = await Promise.all([all(dataset, before, end), all(dataset, after, end)]);
  if (!old.cut && !now.cut) return { changes: rowChanges(old.rows, now.rows), cut: false };
  // Both are in the order of ids: beyond the end of either nothing can be said.
  const last = [old, now]
    .flatMap(({ rows, cut }) => (cut ? [rows.at(-1)?.id ?? ""] : []))
    .sort()[0] as string;
  const upTo = (rows: readonly Row[]) => rows.filter(({ id }) => id <= last);
  return { changes: rowChanges(upTo(old.rows), upTo(now.rows)), cut: true };
}

async function all(
  dataset: string,
  version: string | null,
  end: AbortSignal,
): Promise<{ rows: Row[]; cut: boolean }> {
  const rows: Row[] = [];
  let cursor: string | null = null;
  do {
    const page = await datasetRows(dataset, { version, cursor, limit: 1000 }, end);
    rows.push(...page.rows);
    cursor = page.cursor;
  } while (cursor !== null && rows.length < MOST_COMPARED);
  return { rows, cut: cursor !== null };
}
