// All projects that the key may see.

import { useEffect, useMemo } from "preact/hooks";
import { subscribe } from "../../api/events";
import { listProjects } from "../../api/lists";
import { whoAmI } from "../../api/session";
import type { Project } from "../../api/types";
import { FilterBox } from "../../parts/FilterBox";
import { useLoad, usePaged, useQuery, useTitle } from "../../parts/hooks";
import { Empty, Failed, Skeleton } from "../../parts/states";
import { type Column, pagedRows, Table } from "../../parts/Table";
import { Time } from "../../parts/Time";
import { nextSort, parseSort, type Sort } from "../../pure/filters";
import { count, counted } from "../../pure/format";
import { path } from "../../pure/path";
import { FirstRun } from "./FirstRun";

const FALLBACK: Sort = { by: "last_write", order: "desc" };

const COLUMNS: readonly Column<Project>[] = [
  {
    id: "name",
    head: "Project",
    cell: ({ name }) => name,
    width: 180,
    grow: 1,
    sort: "name",
    title: ({ name }) => name,
  },
  {
    id: "experiments",
    head: "Experiments",
    cell: ({ experiments }) => count(experiments),
    width: 112,
    align: "end",
  },
  { id: "rows", head: "Rows", cell: ({ rows }) => count(rows), width: 112, align: "end" },
  {
    id: "last_write",
    head: "Last write",
    cell: ({ last_write }) => <Time at={last_write} />,
    width: 144,
    align: "end",
    sort: "last_write",
  },
  {
    id: "created",
    head: "Created",
    cell: ({ created }) => <Time at={created} />,
    width: 144,
    align: "end",
    sort: "created",
  },
];

export default function Projects() {
  useTitle("Projects");
  const [query, setQuery] = useQuery();
  const sort = parseSort(query, FALLBACK);
  const search = query.get("search") ?? "";
  const who = useLoad(whoAmI, []);
  const list = usePaged<Project>(
    async (cursor, limit, end) => {
      const asked = { sort: sort.by, order: sort.order, search, limit, cursor: cursor ?? undefined };
      const reply = await listProjects(asked, end);
      return { items: reply.projects, footer: reply };
    },
    { key: ({ id }) => id },
    [sort.by, sort.order, search],
  );
  useEffect(() => (list ? subscribe({}, () => void list.refresh()) : undefined), [list]);

  const items = list?.items.value ?? [];
  const done = list?.done.value ?? false;
  const rows = useMemo(() => pagedRows(items, done, (end) => void list?.want(end)), [list, items, done]);
  const error = list?.error.value ?? who.error;
  const again = () => {
    who.again();
    void list?.want(1);
  };
  if (error && items.length === 0)
    return <Failed error={error} onAgain={again} onReset={() => setQuery({ sort: null, order: null })} />;
  const org = who.value?.org;
  if (done && items.length === 0 && search === "") return <FirstRun />;
  return (
    <div class="page">
      <div class="toolbar">
        <h1 class="unseen">Projects</h1>
        <FilterBox
          value={search}
          placeholder="Filter by name"
          onValue={(text) => setQuery({ search: text })}
        />
        <span class="space" />
        <span class="faint small">{done && counted(items.length, "project")}</span>
      </div>
      {(items.length === 0 && !done) || org === undefined ? (
        <Skeleton />
      ) : (
        <Table
          label="projects"
          columns={COLUMNS}
          rows={rows}
          rowKey={({ id }) => id}
          href={({ name }) => path.project(org, name)}
          sort={sort}
          onSort={(by) => {
            const next = nextSort(sort, by, FALLBACK);
            setQuery(next === FALLBACK ? { sort: null, order: null } : { sort: next.by, order: next.order });
          }}
          empty={<Empty title={`No project has "${search}" in its name`} />}
        />
      )}
      {error && <Failed error={error} onAgain={again} inline />}
    </div>
  );
}
