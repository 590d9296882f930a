// What changed in a text, word by word.

import { useMemo } from "preact/hooks";
import { wordDiff } from "../pure/words";

export interface TextDiffProps {
  readonly before: string;
  readonly after: string;
}

export function TextDiff({ before, after }: TextDiffProps) {
  const pieces = useMemo(() => wordDiff(before, after), [before, after]);
  if (pieces === null) {
    return (
      <div class="diff">
        <del>{before}</del>
        <ins>{after}</ins>
      </div>
    );
  }
  return (
    <div class="diff">
      {pieces.map(({ kind, text }, index) =>
        kind === "added" ? (
          <ins key={index}>{text}</ins>
        ) : kind === "removed" ? (
          <del key={index}>{text}</del>
        ) : (
          <span key={index}>{text}</span>
        ),
      )}
    </div>
  );
}
