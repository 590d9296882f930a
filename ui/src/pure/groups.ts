// The order of groups of cases.

import type { Group } from "../api/types";
import type { Sort } from "./filters";

/** By `cases`, `errors`, `name`, `score:NAME` or `metric:NAME`; groups without the value come last. */
export function sortGroups(groups: readonly Group[], { by, order }: Sort): Group[] {
  const value = (group: Group): number | string | null => {
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
