// The rows of the table as the address asks for them.

import { compare, listCases } from "../../api/lists";
import type { Paged } from "../../api/paged";
import { usePaged } from "../../parts/hooks";
import { conditions } from "../../pure/cases";
import { parseSort, type Sort } from "../../pure/filters";
import { type CaseRow, comparedRow, plainRow, rowKey } from "./rows";

export type View = "cases" | "changes" | "groups";

export const FALLBACK: Sort = { by: "created", order: "desc" };

/** Changes need a base to be against. */
export function viewOf(query: URLSearchParams, base: string | null): View {
  if (query.get("group")) return "groups";
  return query.get("sort") === "change" && base !== null ? "changes" : "cases";
}

export function sortOf(query: URLSearchParams): Sort {
  const sort = parseSort(query, FALLBACK);
  return sort.by === "change"
    ? { by: "change", order: query.get("order") === "desc" ? "desc" : "asc" }
    : sort;
}

/** Names of `/api/compare`'s filter. */
export const WHICH = ["regressed", "improved", "unchanged"] as const;

export function useRows(id: string | null, query: URLSearchParams, view: View): Paged<CaseRow> | null {
  const sort = sortOf(query);
  const by = view === "cases" || sort.by !== "change" ? sort : FALLBACK;
  const asked = conditions(query);
  const which = WHICH.find((one) => one === query.get("which")) ?? "matched";
  const changes = view === "changes";
  return usePaged<CaseRow>(
    id === null
      ? null
      : async (cursor, limit, end) => {
          if (changes) {
            const wanted = { experiment_id: id, sort: "change", order: sort.order, filter: which };
            const most = Math.min(limit, 500);
            const reply = await compare({ ...wanted, limit: most, cursor: cursor ?? undefined }, end);
            return { items: reply.cases.map(comparedRow).filter((row) => row !== null), footer: reply };
          }
          const page: [string, string][] = cursor === null ? [] : [["cursor", cursor]];
          // Without a base there is no such order.
          const order: [string, string][] =
            by.by === "change"
              ? []
              : [
                  ["sort", by.by],
                  ["order", by.order],
                ];
          const reply = await listCases(
            "experiment",
            id,
            [...asked, ...order, ["limit", String(limit)], ...page],
            end,
          );
          return { items: reply.cases.map(plainRow), footer: reply };
        },
    { key: rowKey, first: 100, later: 500 },
    changes ? [id, "changes", sort.order, which] : [id, by.by, by.order, JSON.stringify(asked)],
  );
}
