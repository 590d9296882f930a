// Two texts side by side, each with what the other lacks marked.

import { useMemo } from "preact/hooks";
import { type Piece, wordDiff } from "../pure/words";

export interface SideDiffProps {
  readonly before: string;
  readonly after: string;
  /** Which of the two is shown here. */
  readonly side: "before" | "after";
}

/** Longer texts are shown as they are: comparing them word by word would hold up the page. */
export const MOST_SIDE_DIFF = 20_000;

export function SideDiff({ before, after, side }: SideDiffProps) {
  const pieces = useMemo(() => wordDiff(before, after), [before, after]);
  const hidden: Piece["kind"] = side === "before" ? "added" : "removed";
  if (pieces === null) return <div class="diff">{side === "before" ? before : after}</div>;
  return (
    <div class="diff">
      {pieces.map(({ kind, text }, index) =>
        kind === hidden ? null : kind === "same" ? (
          <span key={index}>{text}</span>
        ) : kind === "added" ? (
          <ins key={index}>{text}</ins>
        ) : (
          <del key={index} class="plain">
            {text}
          </del>
        ),
      )}
    </div>
  );
}
