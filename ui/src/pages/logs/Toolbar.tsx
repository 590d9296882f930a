// Conditions on traces, as the address has them.

import { useSignal } from "@preact/signals";
import type { Case } from "../../api/types";
import { type Chip, Chips } from "../../parts/Chips";
import { ColumnChooser } from "../../parts/ColumnChooser";
import { FilterBox } from "../../parts/FilterBox";
import { useQuery } from "../../parts/hooks";
import { Menu } from "../../parts/Menu";
import { Switch } from "../../parts/Tabs";
import { parseRange, rangeLabel, rangeText } from "../../pure/filters";
import { timeRange } from "../../pure/histogram";
import { absolute } from "../../pure/time";
import { choices, isShown, namesOf } from "./columns";

export interface FiltersProps {
  readonly items: readonly Case[];
  readonly onClear: () => void;
}

export function Filters({ items, onClear }: FiltersProps) {
  const [query, setQuery] = useQuery();
  const failed = query.get("failed");
  const time = timeRange(query, 0);
  const between = !query.has("since") && (time.from !== null || time.to !== null);
  const all = choices(items, () => {});
  const [show, hide] = [query.getAll("show"), query.getAll("hide")];
  const chips: Chip[] = [];
  for (const kind of ["score", "metric"] as const) {
    const text = query.get(kind);
    const range = text === null ? null : parseRange(text);
    if (text) chips.push({ id: kind, text: range ? rangeLabel(range) : text });
  }
  const tag = query.get("tag");
  if (tag) chips.push({ id: "tag", text: `tag ${tag}` });
  if (between) {
    const at = (milliseconds: number | null) =>
      milliseconds === null ? "…" : absolute(new Date(milliseconds)).slice(0, 16);
    chips.push({ id: "time", text: `${at(time.from)} to ${at(time.to)}` });
  }
  return (
    <div class="toolbar">
      <FilterBox
        value={query.get("text") ?? ""}
        placeholder="Words in any span"
        onValue={(text) => setQuery({ text })}
      />
      <button
        type="button"
        class="button"
        aria-pressed={failed === "true"}
        title="only traces with an error in one of their spans"
        onClick={() => setQuery({ failed: failed === "true" ? null : "true" })}
      >
        Failed
      </button>
      <Menu label="Filter" hint="by tag, score or metric">
        <AddFilter items={items} />
      </Menu>
      <Chips
        chips={chips}
        onRemove={(id) => setQuery(id === "time" ? { from: null, to: null } : { [id]: null })}
        onClear={onClear}
      />
      <span class="space" />
      <Switch
        label="how far back"
        at={between ? "between" : (query.get("since") ?? "all")}
        choices={[
          { id: "1h", text: "1 h" },
          { id: "24h", text: "24 h" },
          { id: "7d", text: "7 d" },
          { id: "all", text: "All" },
        ]}
        onChoose={(id) => setQuery({ since: id === "all" ? null : id, from: null, to: null })}
      />
      <ColumnChooser
        columns={all.map(({ column, name }) => ({ id: column.id, name }))}
        shown={all.filter((choice) => isShown(choice, show, hide)).map(({ column }) => column.id)}
        onShown={(ids) =>
          setQuery({
            show: all
              .filter(({ column, usual }) => !usual && ids.includes(column.id))
              .map(({ column }) => column.id),
            hide: all
              .filter(({ column, usual }) => usual && !ids.includes(column.id))
              .map(({ column }) => column.id),
          })
        }
        onReset={() => setQuery({ show: null, hide: null })}
      />
    </div>
  );
}

function AddFilter({ items }: { readonly items: readonly Case[] }) {
  const [, setQuery] = useQuery();
  const figures = [
    ...namesOf(items, "scores").map((name) => `score:${name}`),
    ...namesOf(items, "metrics").map((name) => `metric:${name}`),
  ];
  const tags = [...new Set(items.flatMap(({ tags }) => tags ?? []))].sort().slice(0, 200);
  const wrong = useSignal(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const number = (name: string) => (text(name) === "" ? null : Number(text(name).replace(",", ".")));
    const [least, most, figure, tag] = [number("least"), number("most"), text("figure"), text("tag")];
    const ranged = least !== null || most !== null;
    wrong.value = Number.isNaN(least) || Number.isNaN(most) || (!ranged && tag === "");
    if (wrong.value) return;
    const at = figure.indexOf(":");
    setQuery({
      ...(ranged && figure
        ? { [figure.slice(0, at)]: rangeText({ name: figure.slice(at + 1), least, most }) }
        : {}),
      ...(tag ? { tag } : {}),
    });
  };
  return (
    <form class="add-filter" onSubmit={submit}>
      {figures.length > 0 && (
        <>
          <label for="filter-figure">Score or metric</label>
          <select id="filter-figure" class="select" name="figure">
            {figures.map((figure) => (
              <option key={figure} value={figure}>
                {figure.slice(figure.indexOf(":") + 1)}
              </option>
            ))}
          </select>
          <div class="add-filter-range">
            <input
              class="input"
              name="least"
              inputMode="decimal"
              placeholder="at least"
              aria-label="at least"
            />
            <input class="input" name="most" inputMode="decimal" placeholder="at most" aria-label="at most" />
          </div>
        </>
      )}
      <label for="filter-tag">Tag</label>
      <input id="filter-tag" class="input" name="tag" list="filter-tags" autocomplete="off" />
      <datalist id="filter-tags">
        {tags.map((tag) => (
          <option key={tag} value={tag} />
        ))}
      </datalist>
      {wrong.value && (
        <p class="error small" role="alert">
          A number or a tag is needed.
        </p>
      )}
      <button type="submit" class="button primary">
        Apply
      </button>
    </form>
  );
}
