// Differences of texts, word by word.

import { diffWordsWithSpace } from "diff";

export interface Piece {
  readonly kind: "same" | "added" | "removed";
  readonly text: string;
}

/** Beyond this many edits a diff says nothing that reading both would not; it is bounded in time, too. */
const MOST_EDITS = 4000;
const MOST_MILLISECONDS = 200;

/** The pieces that lead from one text to another; null if they have too little in common to show. */
export function wordDiff(before: string, after: string): Piece[] | null {
  if (before === after) return before === "" ? [] : [{ kind: "same", text: before }];
  const limits = { maxEditLength: MOST_EDITS, timeout: MOST_MILLISECONDS };
  const changes = diffWordsWithSpace(before, after, limits);
  if (!changes) return null;
  return changes.map(({ added, removed, value }) => ({
    kind: added ? "added" : removed ? "removed" : "same",
    text: value,
  }));
}
