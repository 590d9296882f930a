// The datasets of a project.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { countRows, listDatasets } from "../../api/datasets";
import { isAborted } from "../../api/error";
import { subscribe } from "../../api/events";
import type { Dataset } from "../../api/types";
import { FilterBox } from "../../parts/FilterBox";
import { useLoad, useNames, useQuery, useTitle } from "../../parts/hooks";
import { ProjectTabs } from "../../parts/ProjectTabs";
import { Empty, Failed, Skeleton } from "../../parts/states";
import { type Column, Table } from "../../parts/Table";
import { Time } from "../../parts/Time";
import { count, NONE } from "../../pure/format";
import { path } from "../../pure/path";

export default function Datasets() {
  const { org, project } = useNames();
  useTitle(`Datasets · ${project}`);
  const [query, setQuery] = useQuery();
  const search = query.get("search") ?? "";
  const written = useSignal(0);
  const list = useLoad(
    async (end) => ({ project, all: await listDatasets(project, end) }),
    [project, written.value],
  );
  useEffect(
    () =>
      subscribe({}, (happened) => {
        const ours = happened.some(({ type, data }) => type !== "changed" || data.object_type === "dataset");
        if (ours) written.value += 1;
      }),
    [],
  );
  const all = list.value?.project === project ? list.value.all : null;
  const shown = useMemo(
    () =>
      [...(all ?? [])]
        .filter(({ name }) => name.toLowerCase().includes(search.toLowerCase()))
        .sort((a, b) => (a.created < b.created ? 1 : -1)),
    [all, search],
  );
  const sizes = useSizes(shown, written.value);
  const columns = useMemo(() => columnsOf(sizes.value), [sizes.value]);
  return (
    <div class="page">
      <ProjectTabs org={org} project={project} at="datasets" />
      {list.error && all === null ? (
        <Failed error={list.error} onAgain={list.again} />
      ) : all === null ? (
        <Skeleton rows={8} />
      ) : all.length === 0 ? (
        <NoDatasets project={project} />
      ) : (
        <>
          <div class="toolbar">
            <FilterBox
              value={search}
              placeholder="Filter by name"
              onValue={(text) => setQuery({ search: text })}
            />
          </div>
          <Table
            label="datasets"
            columns={columns}
            rows={{ length: shown.length, at: (index) => shown[index] }}
            rowKey={({ id }) => id}
            href={({ name }) => path.dataset(org, project, name)}
            empty={<Empty title={`No dataset has "${search}" in its name`} />}
          />
        </>
      )}
    </div>
  );
}

type Sizes = ReadonlyMap<string, number | null>;

/** Rows of each dataset, asked for one after the other: the server counts them each time. */
function useSizes(datasets: readonly Dataset[], times: number): Signal<Sizes> {
  const sizes = useSignal<Sizes>(new Map());
  const key = datasets.map(({ id }) => id).join("\n");
  useEffect(() => {
    const end = new AbortController();
    void (async () => {
      for (const { id } of datasets) {
        try {
          const rows = await countRows(id, end.signal);
          sizes.value = new Map(sizes.peek()).set(id, rows);
        } catch (error) {
          if (isAborted(error) || end.signal.aborted) return;
          sizes.value = new Map(sizes.peek()).set(id, null);
        }
      }
    })();
    return () => end.abort();
  }, [key, times]);
  return sizes;
}

function columnsOf(sizes: Sizes): Column<Dataset>[] {
  return [
    {
      id: "name",
      head: "Dataset",
      width: 220,
      grow: 2,
      title: ({ name }) => name,
      cell: ({ name }) => name,
    },
    {
      id: "rows",
      head: "Rows",
      width: 88,
      align: "end",
      cell: ({ id }) => {
        const rows = sizes.get(id);
        return rows == null ? <span class="faint">{sizes.has(id) ? NONE : "…"}</span> : count(rows);
      },
    },
    {
      id: "description",
      head: "Description",
      width: 240,
      grow: 3,
      title: ({ description }) => description ?? "",
      cell: ({ description }) => <span class="muted">{description ?? ""}</span>,
    },
    { id: "created", head: "Created", width: 128, cell: ({ created }) => <Time at={created} /> },
  ];
}

function NoDatasets({ project }: { readonly project: string }) {
  return (
    <Empty title="No dataset yet">
      <p>A dataset keeps inputs and what is expected of them, with all of its earlier versions:</p>
      <pre>{`import braintrust

dataset = braintrust.init_dataset(project=${JSON.stringify(project)}, name="questions")
dataset.insert(input="What is the capital of France?", expected="Paris")
dataset.flush()`}</pre>
    </Empty>
  );
}
