// Cases of several experiments side by side, as `/api/compare` pairs them: by input, trials averaged.

import type { Case } from "../api/types";

export interface Figure {
  readonly kind: "score" | "metric";
  readonly name: string;
}

/** `score:NAME` or `metric:NAME`; null for anything else. */
export function parseFigure(text: string | null | undefined): Figure | null {
  const found = text?.match(/^(score|metric):([\s\S]+)$/);
  return found?.[1] && found[2] ? { kind: found[1] as Figure["kind"], name: found[2] } : null;
}

export function figureText({ kind, name }: Figure): string {
  return `${kind}:${name}`;
}

/** One input: its trials in each experiment, the one looked at first; none where it lacks the input. */
export interface PairRow {
  readonly hash: string;
  readonly sides: readonly (readonly Case[])[];
}

/** Cases by input, each with its trials. */
export type ByInput = Map<string, Case[]>;

export function addCases(to: ByInput, cases: Iterable<Case>): void {
  for (const one of cases) {
    const trials = to.get(one.input_hash);
    if (trials) trials.push(one);
    else to.set(one.input_hash, [one]);
  }
}

/** Every input of the first experiment and of one base, with what the others have of it. */
export function pairUp(experiments: readonly ByInput[], base: number): PairRow[] {
  const hashes = new Set([...(experiments[0]?.keys() ?? []), ...(experiments[base]?.keys() ?? [])]);
  return [...hashes].map((hash) => ({ hash, sides: experiments.map((one) => one.get(hash) ?? []) }));
}

/** The mean over the trials that have the figure; null if none does. */
export function meanOf(trials: readonly Case[] | undefined, { kind, name }: Figure): number | null {
  let [sum, count] = [0, 0];
  for (const trial of trials ?? []) {
    const value = (kind === "score" ? trial.scores : trial.metrics)[name];
    if (typeof value !== "number" || !Number.isFinite(value)) continue;
    sum += value;
    count += 1;
  }
  return count > 0 ? sum / count : null;
}

/** The experiment looked at minus a base; null if either lacks it. */
export function differenceOf({ sides }: PairRow, base: number, figure: Figure): number | null {
  const [current, before] = [meanOf(sides[0], figure), meanOf(sides[base], figure)];
  return current === null || before === null ? null : current - before;
}

/** A difference seen so that more is better: less of a metric is. */
export function gain(difference: number, { kind }: Figure): number {
  return kind === "score" ? difference : 0 - difference;
}

export const FILTERS = ["improved", "regressed", "unchanged", "current_only", "base_only"] as const;
export type PairFilter = (typeof FILTERS)[number];

function gains(row: PairRow, base: number, figures: readonly Figure[]): number[] {
  return figures.flatMap((figure) => {
    const difference = differenceOf(row, base, figure);
    return difference === null ? [] : [gain(difference, figure)];
  });
}

/** Whether a row passes a filter, judged by `figures`; the rules are those of `/api/compare`. */
export function passes(
  row: PairRow,
  base: number,
  figures: readonly Figure[],
  filter: PairFilter | null,
): boolean {
  const [now, before] = [row.sides[0]?.length ?? 0, row.sides[base]?.length ?? 0];
  switch (filter) {
    case null:
      return true;
    case "current_only":
      return before === 0;
    case "base_only":
      return now === 0;
    case "improved":
      return gains(row, base, figures).some((one) => one > 0);
    case "regressed":
      return gains(row, base, figures).some((one) => one < 0);
    case "unchanged":
      return now > 0 && before > 0 && gains(row, base, figures).every((one) => one === 0);
  }
}

/** By the worst change of any figure, most regressed first (`asc`) or last; rows without one at the end. */
export function sortPairs(
  rows: readonly PairRow[],
  base: number,
  figures: readonly Figure[],
  order: "asc" | "desc",
): PairRow[] {
  const sign = order === "asc" ? 1 : -1;
  const keyed = rows.map((row) => {
    const all = gains(row, base, figures);
    return { row, key: all.length > 0 ? Math.min(...all) : null };
  });
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
    return sign * (a.key - b.key) || (a.row.hash < b.row.hash ? -1 : 1);
  });
  return keyed.map(({ row }) => row);
}

/** The trial that stands for a row in lists: of the experiment looked at, else of a base. */
export function representative({ sides }: PairRow): Case | undefined {
  return sides.find((trials) => trials.length > 0)?.[0];
}
