// Rows of the table: cases as a list has them, or cases matched with the base, one for all trials.

import type { Case, ComparedCase } from "../../api/types";

export interface CaseRow {
  /** The first trial. */
  readonly one: Case;
  /** Trials of the experiment and of the base; 1 and 0 in a plain list. */
  readonly trials: number;
  readonly baseTrials: number;
  /** Means over the trials. */
  readonly scores: Readonly<Record<string, number | null>>;
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Against the base, by score; absent in a plain list. */
  readonly differences?: Readonly<Record<string, number | null>>;
  /** Beginning of the first trial of the base. */
  readonly baseOutput?: string | null;
}

export function plainRow(one: Case): CaseRow {
  return { one, trials: 1, baseTrials: 0, scores: one.scores, metrics: one.metrics };
}

/** Null for a case that only the base has. */
export function comparedRow(compared: ComparedCase): CaseRow | null {
  const one = compared.current[0];
  if (!one) return null;
  const means = (sides: ComparedCase["scores"]) =>
    Object.fromEntries(Object.entries(sides).map(([name, { current }]) => [name, current]));
  return {
    one,
    trials: compared.current.length,
    baseTrials: compared.base.length,
    scores: means(compared.scores),
    metrics: means(compared.metrics),
    differences: Object.fromEntries(
      Object.entries(compared.scores).map(([name, { difference }]) => [name, difference]),
    ),
    baseOutput: compared.base[0]?.output ?? null,
  };
}

export const rowKey = ({ one }: CaseRow) => one.root_span_id;
