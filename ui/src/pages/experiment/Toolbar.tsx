// What is above the table: search, conditions as chips, the three views, columns.

import { useSignal } from "@preact/signals";
import type { Experiment } from "../../api/types";
import { Chips } from "../../parts/Chips";
import { ColumnChooser } from "../../parts/ColumnChooser";
import { FilterBox } from "../../parts/FilterBox";
import { useQuery } from "../../parts/hooks";
import { Menu } from "../../parts/Menu";
import { Switch } from "../../parts/Tabs";
import { conditionChips, metadataCondition, noConditions } from "../../pure/cases";
import type { Columns } from "./useColumns";
import { sortOf, type View, WHICH } from "./useRows";

export interface ToolbarProps {
  readonly view: View;
  readonly base: string | null;
  readonly columns: Columns;
  readonly experiment: Experiment | null;
}

export function Toolbar({ view, base, columns, experiment }: ToolbarProps) {
  const [query, setQuery] = useQuery();
  const chips = conditionChips(query);
  const { order } = sortOf(query);
  const views: { id: View; text: string; hint: string }[] = [
    { id: "cases", text: "Cases", hint: "every trial, filtered and sorted" },
    ...(base
      ? [{ id: "changes" as const, text: "Changes", hint: "cases against the base, most regressed first" }]
      : []),
    { id: "groups", text: "Groups", hint: "by input, tag or metadata" },
  ];
  return (
    <div class="toolbar">
      <Switch
        label="view"
        at={view}
        choices={views}
        onChoose={(id) => {
          const plain = { group: null, which: null };
          if (id === "cases") setQuery({ ...plain, sort: null, order: null });
          // The comparison knows no other conditions: they would look as if they held.
          else if (id === "changes")
            setQuery({ ...noConditions(query), ...plain, sort: "change", order: null });
          else setQuery({ ...plain, sort: null, order: null, group: "input_hash" });
        }}
      />
      {view === "changes" ? (
        <>
          <Switch
            label="changes"
            at={query.get("which") ?? ""}
            choices={[
              { id: "", text: "All" },
              ...WHICH.map((id) => ({ id: id as string, text: (id[0] ?? "").toUpperCase() + id.slice(1) })),
            ]}
            onChoose={(which) =>
              // Of what improved the most is of interest, not the least.
              setQuery({ which, order: which === "improved" ? "desc" : null })
            }
          />
          <button
            type="button"
            class="button quiet"
            onClick={() => setQuery({ order: order === "asc" ? "desc" : null })}
          >
            {order === "asc" ? "worst change first ↓" : "best change first ↓"}
          </button>
        </>
      ) : (
        <>
          <FilterBox
            value={query.get("text") ?? ""}
            placeholder="Words in any span"
            onValue={(text) => setQuery({ text })}
          />
          <FilterMenu experiment={experiment} />
          <Chips
            chips={chips}
            onRemove={(id) => setQuery({ [id]: null })}
            onClear={() => setQuery(noConditions(query))}
          />
        </>
      )}
      <span class="space" />
      {view !== "groups" && (
        <ColumnChooser
          columns={columns.all}
          shown={columns.shown}
          onShown={columns.onShown}
          onReset={columns.onReset}
        />
      )}
    </div>
  );
}

function FilterMenu({ experiment }: { readonly experiment: Experiment | null }) {
  const [query, setQuery] = useQuery();
  const wrong = useSignal(false);
  const failed = query.get("failed");
  const figures = [
    ...Object.keys(experiment?.scores ?? {}).map((name) => ["score", name] as const),
    ...Object.keys(experiment?.metrics ?? {}).map((name) => ["metric", name] as const),
  ];
  return (
    <Menu label="Filter" hint="conditions on cases">
      <label class="menu-item">
        <input
          type="checkbox"
          checked={failed === "true"}
          onChange={() => setQuery({ failed: failed === "true" ? null : "true" })}
        />
        With an error
      </label>
      <form
        class="filter-form"
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          const [kind, ...name] = String(data.get("figure")).split(":");
          const [least, most] = [String(data.get("least")), String(data.get("most"))];
          if (!kind || (least === "" && most === "")) return;
          setQuery({ [kind]: `${name.join(":")}:${least}..${most}` });
        }}
      >
        <select class="select" name="figure" aria-label="score or metric">
          {figures.map(([kind, name]) => (
            <option key={`${kind}:${name}`} value={`${kind}:${name}`}>
              {name}
            </option>
          ))}
        </select>
        <span class="filter-bounds">
          <input class="input" name="least" type="number" step="any" placeholder="least" aria-label="least" />
          <input class="input" name="most" type="number" step="any" placeholder="most" aria-label="most" />
          <button type="submit" class="button">
            Set
          </button>
        </span>
      </form>
      <form
        class="filter-form"
        onSubmit={(event) => {
          event.preventDefault();
          const tag = String(new FormData(event.currentTarget).get("tag")).trim();
          if (tag) setQuery({ tag });
        }}
      >
        <input class="input" name="tag" placeholder="tag" aria-label="tag" autocomplete="off" />
      </form>
      <form
        class="filter-form"
        onSubmit={(event) => {
          event.preventDefault();
          const found = metadataCondition(String(new FormData(event.currentTarget).get("metadata")));
          wrong.value = found === null;
          if (found) setQuery({ [found[0]]: found[1] });
        }}
      >
        <input
          class="input"
          name="metadata"
          placeholder="metadata: model.name = small"
          aria-label="metadata: path = value"
          aria-invalid={wrong.value}
          autocomplete="off"
        />
        {wrong.value && <span class="error small">a path, = and a value</span>}
      </form>
    </Menu>
  );
}
