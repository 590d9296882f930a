// One dataset: its rows as they are or were, what changed between versions, and how to evaluate on it.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { subscribe } from "../../api/events";
import { datasetNamed } from "../../api/lists";
import { Chips } from "../../parts/Chips";
import { Copy } from "../../parts/Copy";
import { useCalm } from "../../parts/calm";
import { FilterBox } from "../../parts/FilterBox";
import { useLoad, useNames, usePaged, useQuery, useTitle } from "../../parts/hooks";
import { ProjectTabs } from "../../parts/ProjectTabs";
import { Empty, Failed, Skeleton } from "../../parts/states";
import { pagedRows, Table } from "../../parts/Table";
import { count, counted } from "../../pure/format";
import { content, countChanges, rowOf } from "../../pure/versions";
import { CHANGE, columns } from "./columns";
import { RowDrawer } from "./RowDrawer";
import { changesBetween, type Item, itemOf, MOST_COMPARED, rowsOf, versionsOf } from "./read";
import { Usage } from "./Usage";
import { Versions, versionName } from "./Versions";

export function DatasetPage() {
  const { org, project, dataset: name = "" } = useNames();
  useTitle(`${name} · ${project}`);
  const [query, setQuery] = useQuery();
  const [version, since] = [query.get("version"), query.get("since")];
  const text = version === null && since === null ? (query.get("text") ?? "") : "";
  const found = useLoad(
    async (end) => ({ asked: name, dataset: await datasetNamed(project, name, end) }),
    [project, name],
  );
  const dataset = found.value?.asked === name ? found.value.dataset : null;
  const id = dataset?.id ?? null;
  const busy = useSignal(true);
  const [written, ask] = useCalm(busy.value, 1_000);
  const versions = useLoad(async (end) => (id === null ? [] : versionsOf(id, end)), [id, written]);
  const list = usePaged<Item>(
    id === null || since !== null ? null : rowsOf(id, version, text),
    // Rows may be large: pages are rather small.
    { key: ({ id }) => id, first: 50, later: 200 },
    [id, version, text, since === null],
  );
  const between = useLoad(
    async (end) =>
      id === null || since === null
        ? null
        : { of: `${since} ${version}`, ...(await changesBetween(id, since, version, end)) },
    [id, since, version, written],
  );
  busy.value = versions.loading || between.loading;
  useEffect(() => {
    if (id === null) return;
    return subscribe({ dataset_id: id }, (happened) => {
      if (happened.length === 0) return;
      ask();
      // An earlier version stays as it is.
      if (version === null) void list?.refresh();
    });
  }, [id, list, version]);

  const changes = between.value?.of === `${since} ${version}` ? between.value : null;
  const changed = useMemo(
    () => changes?.changes.map((change) => itemOf(rowOf(change), change)) ?? null,
    [changes],
  );
  const listed = list?.items.value ?? [];
  const done = list?.done.value ?? false;
  const items: readonly Item[] = since === null ? listed : (changed ?? []);
  const rows = useMemo(
    () =>
      since === null
        ? pagedRows(listed, done, (end) => void list?.want(end))
        : { length: items.length, at: (index: number) => items[index] },
    [since, items, listed, done, list],
  );
  const error = found.error ?? (since === null ? (list?.error.value ?? null) : between.error);
  const again = () => {
    if (found.error) found.again();
    else if (since !== null) between.again();
    else void list?.want(1);
  };
  const reset = () => setQuery({ version: null, since: null, text: null, row: null });
  const loading = id === null || (since === null ? listed.length === 0 && !done : changed === null);
  const open = query.get("row");
  const index = items.findIndex(({ id }) => id === open);
  const opened = items[index];
  const go = (to: number) => {
    const item = items[to];
    if (item) setQuery({ row: item.id });
    if (since === null && to > items.length - 10) void list?.want(to + 50);
  };
  const usage = useSignal(false);
  const all = versions.value ?? [];
  const counts = changes && countChanges(changes.changes);
  const nothing = !loading && items.length === 0 && !version && since === null && text === "";
  return (
    <div class="page">
      <ProjectTabs org={org} project={project} at="datasets" />
      {dataset && (
        <div class="toolbar dataset-bar">
          {version === null && since === null && (
            <FilterBox
              value={text}
              placeholder="Words in a row"
              onValue={(words) => setQuery({ text: words, row: null })}
            />
          )}
          <Versions
            versions={all}
            version={version}
            since={since}
            onVersion={(xact) => setQuery({ version: xact, since: null, text: null, row: null }, "push")}
            onSince={(xact) => setQuery({ since: xact, text: null, row: null }, "push")}
          />
          <Chips
            chips={[
              ...(version ? [{ id: "version", text: `as of ${versionName(all, version)}` }] : []),
              ...(since ? [{ id: "since", text: `changes since ${versionName(all, since)}` }] : []),
            ]}
            onRemove={(id) => setQuery({ [id]: null, row: null })}
            onClear={reset}
          />
          {counts && (
            <span class="dataset-counts">
              <span class="better">+ {count(counts.added)} added</span>
              <span class="worse">− {count(counts.removed)} removed</span>
              <span class="undecided">~ {count(counts.changed)} changed</span>
            </span>
          )}
          <span class="space" />
          {items.length > 0 && (
            <Copy
              label={`Copy ${counted(items.length, "row")} as JSON`}
              text={() => JSON.stringify(items.map(asJson), null, 2)}
            />
          )}
          <button
            type="button"
            class="button"
            onClick={() => {
              usage.value = true;
              setQuery({ row: null });
            }}
          >
            Use in Eval
          </button>
        </div>
      )}
      {dataset?.description && <p class="dataset-about muted">{dataset.description}</p>}
      {changes?.cut && (
        <p class="dataset-about faint">
          The first {count(MOST_COMPARED)} rows of each version were compared, in the order of their ids.
        </p>
      )}
      {error && items.length === 0 ? (
        <Failed error={error} onAgain={again} onReset={reset} />
      ) : loading ? (
        <Skeleton rows={14} />
      ) : nothing ? (
        <Empty title="No row yet">
          <p>
            Rows are inserted by a client; <b>Use in Eval</b> above shows how to open this dataset. Logged
            traces become rows with <code>dataset.insert(input=…, expected=…)</code>.
          </p>
        </Empty>
      ) : (
        <Table
          label="rows"
          columns={since === null ? columns : [CHANGE, ...columns]}
          rows={rows}
          rowKey={({ id }) => id}
          open={open}
          onOpen={(item) => {
            usage.value = false;
            setQuery({ row: item.id }, open ? "replace" : "push");
          }}
          empty={
            <Empty title={since === null ? "No such row" : "Nothing changed"}>
              <p>
                {text
                  ? "Words must all occur in one row, within the first 1 024 bytes of input or expected."
                  : since === null
                    ? "The dataset was empty then."
                    : "Both versions have the same rows."}
              </p>
              <button type="button" class="button" onClick={reset}>
                Show all rows
              </button>
            </Empty>
          }
        />
      )}
      {error && items.length > 0 && <Failed error={error} onAgain={again} inline />}
      {opened && id !== null && (
        <RowDrawer
          key={opened.id}
          org={org}
          dataset={id}
          item={opened}
          onClose={() => setQuery({ row: null })}
          onPrevious={index > 0 ? () => go(index - 1) : undefined}
          onNext={index + 1 < items.length ? () => go(index + 1) : undefined}
        />
      )}
      {usage.value && dataset && (
        <Usage
          project={project}
          dataset={dataset.name}
          version={version}
          onClose={() => {
            usage.value = false;
          }}
        />
      )}
    </div>
  );
}

function asJson(item: Item): unknown {
  if (item.row) return { id: item.id, ...content(item.row) };
  const { id, input, expected, tags } = item;
  return { id, input, expected, tags };
}
