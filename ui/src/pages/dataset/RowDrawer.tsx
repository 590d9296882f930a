// One row of a dataset, or what changed in it.

import { wholeRow } from "../../api/rows";
import { tagsOf } from "../../api/shapes";
import type { Row } from "../../api/types";
import { Copy } from "../../parts/Copy";
import { Drawer } from "../../parts/Drawer";
import { useLoad } from "../../parts/hooks";
import { JsonDiff } from "../../parts/JsonDiff";
import { JsonView } from "../../parts/JsonView";
import { Failed, Skeleton } from "../../parts/states";
import { Time } from "../../parts/Time";
import { path } from "../../pure/path";
import { content } from "../../pure/versions";
import type { Item } from "./read";

export interface RowDrawerProps {
  readonly org: string;
  readonly dataset: string;
  readonly item: Item;
  readonly onClose: () => void;
  readonly onPrevious: (() => void) | undefined;
  readonly onNext: (() => void) | undefined;
}

export function RowDrawer({ org, dataset, item, ...rest }: RowDrawerProps) {
  const read = useLoad(
    async (end) => item.row ?? (await wholeRow("dataset", dataset, item.id, end)),
    [dataset, item.id, item.row],
  );
  const row = item.row ?? read.value;
  return (
    <Drawer
      title={item.input?.slice(0, 120) ?? item.id}
      of="row"
      actions={
        row && (
          <Copy label="Copy as JSON" text={() => JSON.stringify({ id: row.id, ...content(row) }, null, 2)} />
        )
      }
      {...rest}
    >
      {item.change?.kind === "changed" ? (
        <Changed before={item.change.before} after={item.change.after} />
      ) : read.error && !row ? (
        <Failed error={read.error} onAgain={read.again} inline />
      ) : row ? (
        <Members org={org} row={row} />
      ) : (
        <Skeleton rows={8} />
      )}
    </Drawer>
  );
}

function Changed({ before, after }: { readonly before: Row; readonly after: Row }) {
  return (
    <section class="row-part">
      <h3>What changed</h3>
      <JsonDiff before={content(before)} after={content(after)} />
    </section>
  );
}

function Members({ org, row }: { readonly org: string; readonly row: Row }) {
  const tags = tagsOf(row.tags);
  return (
    <>
      <Part name="Input" value={row.input} />
      <Part name="Expected" value={row.expected} />
      {row.metadata != null && <Part name="Metadata" value={row.metadata} />}
      {tags && (
        <section class="row-part">
          <h3>Tags</h3>
          <span class="tags wrap">
            {tags.map((tag) => (
              <span key={tag} class="tag">
                {tag}
              </span>
            ))}
          </span>
        </section>
      )}
      <dl class="row-facts">
        <dt>Id</dt>
        <dd class="mono">{row.id}</dd>
        <dt>Created</dt>
        <dd>
          <Time at={row.created} />
        </dd>
        <dt>Written by</dt>
        <dd class="mono">{String(row._xact_id ?? "")}</dd>
        <Origin org={org} origin={row.origin} />
      </dl>
    </>
  );
}

function Part({ name, value }: { readonly name: string; readonly value: unknown }) {
  return (
    <section class="row-part">
      <h3>{name}</h3>
      {value == null ? <span class="faint">none</span> : <JsonView value={value} open={3} />}
    </section>
  );
}

/** The row of logs or of an experiment that this one was made from. */
function Origin({ org, origin }: { readonly org: string; readonly origin: unknown }) {
  if (typeof origin !== "object" || origin === null) return null;
  const { object_type, object_id, id } = origin as Record<string, unknown>;
  if (typeof object_type !== "string" || typeof object_id !== "string" || typeof id !== "string") return null;
  return (
    <>
      <dt>Made from</dt>
      <dd>
        <a href={path.object(org, object_type, object_id, id)}>
          {object_type === "project_logs" ? "a logged trace" : `a row of ${object_type.replaceAll("_", " ")}`}
        </a>
      </dd>
    </>
  );
}
