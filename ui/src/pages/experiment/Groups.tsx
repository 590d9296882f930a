// Cases in groups: trials of an input, a tag, a member of the metadata.

import { useEffect, useMemo } from "preact/hooks";
import { groups } from "../../api/lists";
import type { Paged } from "../../api/paged";
import type { Experiment, Group, Groups as GroupsReply } from "../../api/types";
import { useLoad, useQuery } from "../../parts/hooks";
import { Empty, Failed, Skeleton } from "../../parts/states";
import { type Column, plainColumn, Table } from "../../parts/Table";
import { Switch } from "../../parts/Tabs";
import { conditions } from "../../pure/cases";
import { nextSort, parseSort, type Sort } from "../../pure/filters";
import { count, counted, NONE } from "../../pure/format";
import { sortGroups } from "../../pure/groups";
import { metricText, scoreText } from "../../pure/metric";
import type { CaseRow } from "./rows";

export interface GroupsProps {
  readonly id: string;
  readonly query: URLSearchParams;
  readonly list: Paged<CaseRow> | null;
  readonly sums: Experiment | null;
  /** Changes with each write. */
  readonly state: string | null;
}

/** Cases that are read for the texts of inputs. */
const LOADED = 1000;
/** Groups that are shown. */
const MOST = 1000;
const FALLBACK: Sort = { by: "cases", order: "desc" };
const METRICS = ["duration", "estimated_cost", "tokens"];

export function Groups({ id, query, list, sums, state }: GroupsProps) {
  const [, setQuery] = useQuery();
  const by = query.get("group") ?? "input_hash";
  const path = by.startsWith("metadata.") ? by.slice("metadata.".length) : null;
  const asked = conditions(query);
  const sort = parseSort(query, FALLBACK);
  const found = useLoad(
    // A path that is still to be typed asks for nothing.
    async (end) =>
      path === "" ? null : groups("experiment", id, [["by", by], ["limit", String(MOST)], ...asked], end),
    [id, by, JSON.stringify(asked), state],
  );
  useEffect(() => void list?.want(LOADED), [list]);
  const rows = list?.items.value ?? [];
  const value = found.value;
  const all = value?.groups ?? null;
  const inputs = useMemo(
    () => new Map(rows.map(({ one }) => [one.input_hash, one.input ?? ""] as const)),
    [rows],
  );
  const columns = useMemo(() => columnsOf(by, sums, inputs), [by, sums, inputs]);
  const shown = useMemo(() => sortGroups(all ?? [], sort), [all, sort.by, sort.order]);
  const open = (group: Group) =>
    group.key !== null && setQuery({ [by]: group.key, group: null, sort: null, order: null }, "push");

  return (
    <>
      <div class="toolbar group-bar">
        <span class="faint">by</span>
        <Switch
          label="groups by"
          at={path === null ? by : "metadata."}
          choices={[
            { id: "input_hash", text: "Input", hint: "trials of one input" },
            { id: "tag", text: "Tag", hint: "a case counts in each of its tags" },
            { id: "metadata.", text: "Metadata" },
          ]}
          onChoose={(group) => setQuery({ group, sort: null, order: null })}
        />
        {path !== null && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              const text = String(new FormData(event.currentTarget).get("path")).trim();
              setQuery({ group: `metadata.${text.replace(/^metadata\./, "")}` });
            }}
          >
            <input
              class="input"
              name="path"
              aria-label="path into the metadata"
              placeholder="path, such as model.name"
              defaultValue={path}
              autocomplete="off"
              autofocus={path === ""}
            />
          </form>
        )}
        <span class="faint">{value && note(value, shown.length)}</span>
      </div>
      {path === "" ? (
        <Empty title="Which member of the metadata?">
          <p>Its path, with dots between names, and Enter. A case's drawer shows its metadata.</p>
        </Empty>
      ) : found.error && all === null ? (
        <Failed error={found.error} onAgain={found.again} onReset={() => setQuery({ group: "input_hash" })} />
      ) : all === null ? (
        <Skeleton />
      ) : (
        <Table
          label="groups"
          columns={columns}
          rows={{ length: shown.length, at: (index) => shown[index] }}
          rowKey={({ key }) => key ?? ""}
          onOpen={open}
          sort={sort}
          onSort={(by) => {
            const next = nextSort(sort, by, FALLBACK);
            setQuery(next === FALLBACK ? { sort: null, order: null } : { sort: next.by, order: next.order });
          }}
          empty={<Empty title={by === "tag" ? "No case has a tag" : "No case to group"} />}
        />
      )}
    </>
  );
}

function note({ total, left_out }: GroupsReply, shown: number): string {
  const most =
    total > shown ? `the largest ${count(shown)} of ${counted(total, "group")}` : counted(shown, "group");
  return left_out > 0 ? `${most}, ${count(left_out)} cases in further ones` : most;
}

function columnsOf(
  by: string,
  sums: Experiment | null,
  inputs: ReadonlyMap<string, string>,
): Column<Group>[] {
  const name = ({ key }: Group) =>
    key === null ? "(without)" : by === "input_hash" ? (inputs.get(key) ?? key.slice(0, 12)) : key;
  const number = (id: string, head: string, text: (group: Group) => string, width: number) =>
    plainColumn<Group>({ id, head, sort: id, width, align: "end", text });
  return [
    plainColumn<Group>({
      id: "key",
      head: by === "input_hash" ? "Input" : by === "tag" ? "Tag" : by.slice("metadata.".length),
      width: 240,
      grow: 1,
      sort: "name",
      text: (group) => name(group).slice(0, 200).replace(/\s+/g, " "),
      title: name,
      tone: ({ key }) => (key === null ? "faint" : null),
    }),
    number("cases", by === "input_hash" ? "Trials" : "Cases", ({ cases }) => count(cases), 88),
    {
      ...number("errors", "Errors", ({ errors }) => count(errors), 80),
      tone: ({ errors }) => (errors > 0 ? "worse" : "faint"),
    },
    ...Object.keys(sums?.scores ?? {})
      .sort()
      .map((name) => ({
        ...number(`score:${name}`, name, ({ scores }) => scoreText(scores[name]?.mean), 120),
        bar: ({ scores }: Group) => scores[name]?.mean ?? null,
      })),
    ...METRICS.filter((name) => sums?.metrics[name]).map((name) =>
      number(
        `metric:${name}`,
        { duration: "Duration", estimated_cost: "Cost", tokens: "Tokens" }[name] ?? name,
        ({ metrics }) => (metrics[name] ? metricText(name, metrics[name].mean) : NONE),
        104,
      ),
    ),
  ];
}
