// Groups of cases that are at hand, as the server makes them of all.

import type { Case } from "../api/types";
import type { Sort } from "./filters";

export interface Mean {
  readonly mean: number;
  readonly cases: number;
}

export interface CaseGroup {
  readonly key: string | null;
  readonly cases: number;
  readonly errors: number;
  readonly scores: Readonly<Record<string, Mean>>;
  readonly metrics: Readonly<Record<string, Mean>>;
}

type Groupable = Pick<Case, "tags" | "input_hash" | "failed" | "scores" | "metrics">;

/** By `tag`, where a case counts in each of its tags, else by input. */
export function groupCases<T extends Groupable>(cases: readonly T[], by: string): CaseGroup[] {
  const members = new Map<string | null, T[]>();
  for (const one of cases) {
    const tags = one.tags?.length ? [...new Set(one.tags)] : [null];
    for (const key of by === "tag" ? tags : [one.input_hash]) {
      const group = members.get(key);
      if (group) group.push(one);
      else members.set(key, [one]);
    }
  }
  return [...members].map(([key, group]) => ({
    key,
    cases: group.length,
    errors: group.filter(({ failed }) => failed).length,
    scores: means(group.map(({ scores }) => scores)),
    metrics: means(group.map(({ metrics }) => metrics)),
  }));
}

function means(figures: readonly Record<string, number | null>[]): Record<string, Mean> {
  const sums = new Map<string, { sum: number; cases: number }>();
  for (const figure of figures) {
    for (const [name, value] of Object.entries(figure)) {
      if (value === null) continue;
      const before = sums.get(name) ?? { sum: 0, cases: 0 };
      sums.set(name, { sum: before.sum + value, cases: before.cases + 1 });
    }
  }
  return Object.fromEntries([...sums].map(([name, { sum, cases }]) => [name, { mean: sum / cases, cases }]));
}

/** By `cases`, `errors`, `name`, `score:NAME` or `metric:NAME`; groups without the value come last. */
export function sortGroups<T extends CaseGroup>(groups: readonly T[], { by, order }: Sort): T[] {
  const value = (group: CaseGroup): number | string | null => {
    const at = by.indexOf(":");
    const name = by.slice(at + 1);
    if (by.startsWith("score:")) return group.scores[name]?.mean ?? null;
    if (by.startsWith("metric:")) return group.metrics[name]?.mean ?? null;
    if (by === "errors") return group.errors;
    return by === "name" ? group.key : group.cases;
  };
  const turn = order === "asc" ? 1 : -1;
  return [...groups].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return a === b ? other.cases - one.cases : a < b ? -turn : turn;
  });
}
