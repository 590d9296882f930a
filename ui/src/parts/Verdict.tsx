// A verdict as sign, word and colour.

import { verdictLook } from "../pure/verdict";

export interface VerdictProps {
  readonly word: string;
  /** The sign alone, where the word stands beside it already. */
  readonly short?: boolean;
  /** What it is about, such as the difference in figures. */
  readonly about?: string;
}

export function Verdict({ word, short, about }: VerdictProps) {
  const look = verdictLook(word);
  const title = about ? `${look.word}: ${about}` : `${look.word}: ${look.meaning}`;
  return (
    <span class={`verdict ${look.word}`} title={title}>
      <span class="verdict-sign" aria-hidden="true">
        {look.sign}
      </span>
      <span class={short ? "unseen" : undefined}>{look.word}</span>
    </span>
  );
}
