// Columns of the table of traces.

import type { Case } from "../../api/types";
import type { Column } from "../../parts/Table";
import { Time } from "../../parts/Time";
import { count, NONE } from "../../pure/format";
import { metricOrder, metricText, scoreText } from "../../pure/metric";
import { oneLine } from "../../pure/tree";

export interface Choice {
  readonly column: Column<Case>;
  readonly name: string;
  /** Whether it is shown unless somebody chose. */
  readonly usual: boolean;
}

const USUAL_METRICS = ["duration", "tokens", "estimated_cost"];
const USUAL_SCORES = 2;
const MOST_TAGS = 3;
const NAMES: Record<string, string> = { duration: "Duration", estimated_cost: "Cost", tokens: "Tokens" };

export function isShown(
  { column, usual }: Choice,
  show: readonly string[],
  hide: readonly string[],
): boolean {
  return show.includes(column.id) || (usual && !hide.includes(column.id));
}

export function namesOf(items: readonly Case[], kind: "scores" | "metrics"): string[] {
  const times = new Map<string, number>();
  for (const one of items) {
    for (const name of Object.keys(one[kind])) times.set(name, (times.get(name) ?? 0) + 1);
  }
  if (kind === "metrics") return metricOrder(times.keys());
  // Those that most traces have come first.
  return [...times].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([name]) => name);
}

export function choices(items: readonly Case[], onTag: (tag: string) => void): Choice[] {
  const shown = (column: Column<Case>, name: string, usual = true): Choice => ({ column, name, usual });
  return [
    shown(STARTED, "Started"),
    shown(NAME, "Name"),
    shown(INPUT, "Input"),
    shown(OUTPUT, "Output or error"),
    ...namesOf(items, "metrics").map((name) =>
      shown(metricColumn(name), NAMES[name] ?? name, USUAL_METRICS.includes(name)),
    ),
    ...namesOf(items, "scores").map((name, index) => shown(scoreColumn(name), name, index < USUAL_SCORES)),
    shown(SPANS, "Spans"),
    shown(tagsColumn(onTag), "Tags"),
  ];
}

const STARTED: Column<Case> = {
  id: "created",
  sort: "created",
  head: "Started",
  width: 136,
  cell: ({ created, failed }) => (
    <>
      <span
        class={failed ? "trace-mark error" : "trace-mark"}
        title={failed ? "an error in one of its spans" : ""}
      >
        {failed ? "!" : ""}
      </span>
      <Time at={created} />
    </>
  ),
};

const NAME: Column<Case> = {
  id: "name",
  head: "Name",
  width: 132,
  title: ({ name }) => name ?? "",
  cell: ({ name }) => name ?? <span class="faint">{NONE}</span>,
};

const INPUT: Column<Case> = {
  id: "input",
  head: "Input",
  width: 200,
  grow: 3,
  title: ({ input }) => input ?? "",
  cell: ({ input }) => (input === null ? <span class="faint">{NONE}</span> : oneLine(input, 200)),
};

const OUTPUT: Column<Case> = {
  id: "output",
  head: "Output",
  width: 200,
  grow: 3,
  title: ({ output, error }) => error ?? output ?? "",
  cell: ({ output, error }) =>
    error !== null ? (
      <span class="error">{oneLine(error, 200)}</span>
    ) : (
      <span class="muted">{output === null ? NONE : oneLine(output, 200)}</span>
    ),
};

const SPANS: Column<Case> = {
  id: "spans",
  sort: "spans",
  head: "Spans",
  width: 72,
  align: "end",
  cell: ({ spans }) => count(spans),
};

function metricColumn(name: string): Column<Case> {
  return {
    id: `metric:${name}`,
    sort: `metric:${name}`,
    head: NAMES[name] ?? name,
    hint: name,
    width: NAMES[name] ? 96 : 132,
    align: "end",
    cell: ({ metrics }) => {
      const value = metrics[name];
      return value == null ? <span class="faint">{NONE}</span> : metricText(name, value);
    },
  };
}

function scoreColumn(name: string): Column<Case> {
  return {
    id: `score:${name}`,
    sort: `score:${name}`,
    head: name,
    hint: name,
    width: 96,
    align: "end",
    cell: ({ scores }) => {
      const value = scores[name];
      return value == null ? <span class="faint">{NONE}</span> : scoreText(value);
    },
  };
}

function tagsColumn(onTag: (tag: string) => void): Column<Case> {
  return {
    id: "tags",
    head: "Tags",
    width: 148,
    title: ({ tags }) => tags?.join(", ") ?? "",
    cell: ({ tags }) =>
      tags?.length ? (
        <span class="tags">
          {tags.slice(0, MOST_TAGS).map((tag) => (
            <button
              key={tag}
              type="button"
              class="tag"
              tabIndex={-1}
              title={`only traces tagged ${tag}`}
              onClick={() => onTag(tag)}
            >
              {tag}
            </button>
          ))}
          {tags.length > MOST_TAGS && <span class="faint">+{tags.length - MOST_TAGS}</span>}
        </span>
      ) : null,
  };
}
