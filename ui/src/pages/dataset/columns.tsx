// Columns of the table of rows.

import { Tags } from "../../parts/Chips";
import type { Column } from "../../parts/Table";
import { Time } from "../../parts/Time";
import { NONE } from "../../pure/format";
import type { Item } from "./read";

const SHOWN = 200;

function text(value: string | null): string {
  return value === null ? NONE : value.slice(0, SHOWN);
}

export const columns: readonly Column<Item>[] = [
  {
    id: "input",
    head: "Input",
    width: 240,
    grow: 4,
    title: ({ input }) => input ?? "",
    cell: ({ input }) => text(input),
  },
  {
    id: "expected",
    head: "Expected",
    width: 200,
    grow: 3,
    title: ({ expected }) => expected ?? "",
    cell: ({ expected }) => <span class={expected === null ? "faint" : undefined}>{text(expected)}</span>,
  },
  {
    id: "metadata",
    head: "Metadata",
    width: 160,
    grow: 2,
    title: ({ metadata }) => metadata ?? "",
    cell: ({ metadata }) => <span class="muted">{metadata === null ? "" : text(metadata)}</span>,
  },
  { id: "tags", head: "Tags", width: 128, cell: ({ tags }) => <Tags tags={tags} most={2} /> },
  { id: "created", head: "Created", width: 128, cell: ({ created }) => <Time at={created} /> },
  {
    id: "id",
    head: "Id",
    width: 96,
    title: ({ id }) => id,
    cell: ({ id }) => <span class="mono faint">{id.slice(0, 12)}</span>,
  },
];

const LOOKS = {
  added: { sign: "+", tone: "better" },
  removed: { sign: "−", tone: "worse" },
  changed: { sign: "~", tone: "undecided" },
} as const;

export const CHANGE: Column<Item> = {
  id: "change",
  head: "Change",
  width: 116,
  cell: ({ change }) => {
    if (!change) return null;
    const { sign, tone } = LOOKS[change.kind];
    return (
      <span class={`dataset-change ${tone}`}>
        {sign} {change.kind}
      </span>
    );
  },
};
