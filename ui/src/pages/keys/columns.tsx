// Columns of the table of keys.

import type { KeyInfo } from "../../api/types";
import type { Column } from "../../parts/Table";
import { Time } from "../../parts/Time";

/** `ci`, or the beginning of its id. */
export function keyName({ name, id }: KeyInfo): string {
  return name || `key ${id.slice(0, 8)}`;
}

/** What a key is good for, in words. */
export function keyMay({ scope, project_id, project }: KeyInfo): string {
  const where = project_id === null ? "all projects" : (project ?? "a project that was deleted");
  return `${scope === "write" ? "reads and writes" : "reads"} ${where}`;
}

export function columnsOf(own: string | null, onRevoke: (key: KeyInfo) => void): Column<KeyInfo>[] {
  return [
    {
      id: "name",
      head: "Name",
      width: 200,
      grow: 2,
      title: keyName,
      cell: (key) => (
        <>
          <span class={key.revoked ? "faint" : "key-name"}>{keyName(key)}</span>
          {key.id === own && <span class="faint"> (yours)</span>}
        </>
      ),
    },
    {
      id: "may",
      head: "May",
      width: 190,
      grow: 2,
      title: keyMay,
      cell: (key) => <span class={key.revoked ? "faint" : undefined}>{keyMay(key)}</span>,
    },
    {
      id: "id",
      head: "Id",
      hint: "the id is no secret; the text of a key is kept nowhere",
      width: 104,
      title: ({ id }) => id,
      cell: ({ id }) => <span class="mono faint">{id.slice(0, 13)}</span>,
    },
    { id: "created", head: "Created", width: 128, cell: ({ created }) => <Time at={created} /> },
    {
      id: "used",
      head: "Last used",
      width: 128,
      cell: ({ last_used }) => (last_used ? <Time at={last_used} /> : <span class="faint">never</span>),
    },
    {
      id: "end",
      head: "",
      width: 156,
      align: "end",
      cell: (key) =>
        key.revoked ? (
          <span class="faint">
            revoked <Time at={key.revoked} />
          </span>
        ) : (
          <button
            type="button"
            class="button quiet small"
            aria-label={`revoke ${keyName(key)}`}
            onClick={() => onRevoke(key)}
          >
            Revoke…
          </button>
        ),
    },
  ];
}
