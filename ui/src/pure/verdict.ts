// Verdicts in words, signs and classes; the words are those of `tidegate compare`.

export type VerdictWord = "better" | "worse" | "same" | "undecided";

export interface VerdictLook {
  readonly word: VerdictWord;
  /** Says the same without colour. */
  readonly sign: string;
  readonly meaning: string;
}

const LOOKS: Record<VerdictWord, VerdictLook> = {
  better: { word: "better", sign: "▲", meaning: "surely better than the base" },
  worse: { word: "worse", sign: "▼", meaning: "surely worse than the base" },
  same: { word: "same", sign: "=", meaning: "within the margin that counts as no difference" },
  undecided: { word: "undecided", sign: "?", meaning: "more cases would be needed to tell" },
};

/** How a verdict looks; words of later servers count as undecided. */
export function verdictLook(word: string): VerdictLook {
  return LOOKS[word as VerdictWord] ?? LOOKS.undecided;
}

/** What several verdicts come to: one that is worse is what matters, then one that is better. */
export function overall(words: Iterable<string>): VerdictWord | null {
  const all = new Set(words);
  for (const word of ["worse", "better", "undecided", "same"] as const) {
    if (all.has(word)) return word;
  }
  return null;
}
