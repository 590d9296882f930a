// Which columns of a table are shown.

import { Menu } from "./Menu";

export interface ColumnChooserProps {
  readonly columns: readonly { readonly id: string; readonly name: string }[];
  readonly shown: readonly string[];
  /** Gets the ids that are shown, in the order of `columns`. */
  readonly onShown: (ids: string[]) => void;
  /** Back to what a list shows by itself. */
  readonly onReset?: () => void;
}

export function ColumnChooser({ columns, shown, onShown, onReset }: ColumnChooserProps) {
  const toggle = (id: string) =>
    onShown(columns.map((column) => column.id).filter((one) => shown.includes(one) !== (one === id)));
  return (
    <Menu label="Columns" hint="choose columns">
      {columns.map(({ id, name }) => (
        <label key={id} class="menu-item">
          <input type="checkbox" checked={shown.includes(id)} onChange={() => toggle(id)} />
          <span class="cut">{name}</span>
        </label>
      ))}
      {onReset && (
        <button type="button" class="menu-item quiet" onClick={onReset}>
          Reset
        </button>
      )}
    </Menu>
  );
}
