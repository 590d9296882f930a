// Which columns are shown: as the address says, else as somebody last chose here, else the usual ones.

import { useMemo } from "preact/hooks";
import type { Experiment } from "../../api/types";
import { useQuery } from "../../parts/hooks";
import type { Column } from "../../parts/Table";
import { type Choice, choices, INPUT } from "./columns";
import type { CaseRow } from "./rows";

const KEY = "tidegate.columns.cases";

export interface Columns {
  readonly columns: readonly Column<CaseRow>[];
  readonly all: readonly { readonly id: string; readonly name: string }[];
  readonly shown: readonly string[];
  readonly onShown: (ids: readonly string[]) => void;
  readonly onReset: () => void;
}

export function useColumns(experiment: Experiment | null, changes: boolean): Columns {
  const [query, setQuery] = useQuery();
  // New figures come while it runs; new columns only with new names.
  const names = JSON.stringify([
    Object.keys(experiment?.scores ?? {}),
    Object.keys(experiment?.metrics ?? {}),
    (experiment?.errors ?? 0) > 0,
  ]);
  const all = useMemo(() => choices(experiment, changes, new Date()), [names, changes]);
  const asked = { show: query.getAll("show"), hide: query.getAll("hide") };
  const chosen = asked.show.length + asked.hide.length > 0 ? asked : kept();
  const text = JSON.stringify(chosen);
  const shown = useMemo(() => all.filter((one) => isShown(one, chosen)), [all, text]);
  const columns = useMemo(() => [INPUT, ...shown.map(({ column }) => column)], [shown]);
  return {
    columns,
    all: all.map(({ column, name }) => ({ id: column.id, name })),
    shown: shown.map(({ column }) => column.id),
    onShown: (ids) => {
      const of = (wanted: (one: Choice) => boolean) => all.filter(wanted).map(({ column }) => column.id);
      const show = of(({ column, usual }) => !usual && ids.includes(column.id));
      const hide = of(({ column, usual }) => usual && !ids.includes(column.id));
      keep({ show, hide });
      setQuery({ show, hide });
    },
    onReset: () => {
      keep({ show: [], hide: [] });
      setQuery({ show: null, hide: null });
    },
  };
}

interface Chosen {
  readonly show: readonly string[];
  readonly hide: readonly string[];
}

function isShown({ column, usual }: Choice, { show, hide }: Chosen): boolean {
  return show.includes(column.id) || (usual && !hide.includes(column.id));
}

function kept(): Chosen {
  try {
    const { show, hide } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { show: Array.isArray(show) ? show : [], hide: Array.isArray(hide) ? hide : [] };
  } catch {
    // Forbidden by the browser, or of another version.
    return { show: [], hide: [] };
  }
}

function keep(chosen: Chosen): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(chosen));
  } catch {
    // The address has it as well.
  }
}
