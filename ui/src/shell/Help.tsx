// The keys that work now.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { bindings, useKeys } from "../parts/keyboard";
import { helpLines } from "../pure/keys";

export const helpShown = signal(false);

const NAMES: Record<string, string> = {
  ArrowDown: "↓",
  ArrowUp: "↑",
  ArrowLeft: "←",
  ArrowRight: "→",
  Escape: "Esc",
};

export function Help() {
  useKeys([
    {
      keys: ["?"],
      what: "show keys",
      run: () => {
        helpShown.value = true;
      },
    },
  ]);
  return helpShown.value ? <Dialog /> : null;
}

function Dialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const close = () => {
    helpShown.value = false;
  };
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-label="keys"
      onClose={close}
      onClick={(event) => event.target === dialog.current && close()}
      onKeyDown={(event) => event.key === "?" && close()}
    >
      <h2>Keys</h2>
      <dl>
        {helpLines(bindings.value).map(({ keys, what }) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{NAMES[key] ?? key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="faint">In a table that has the focus, arrows, Page up and down, Home and End move as well.</p>
    </dialog>
  );
}
