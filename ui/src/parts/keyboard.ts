// Keys of the page that is open. Parts add theirs while they are shown.

import { signal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { type Binding, dispatch, keyName } from "../pure/keys";
import { useLatest } from "./hooks";

/** All bindings in force, outermost first. */
export const bindings = signal<readonly Binding[]>([]);

/** Adds keys while the component is shown. `run` may close over anything: the newest one is called. */
export function useKeys(added: readonly Binding[], active = true): void {
  const latest = useLatest(added);
  // Names and words only: a new closure each time is no new binding.
  const shape = added.map(({ keys, what }) => `${keys.join(" ")}:${what}`).join("\n");
  // With what is shown, not after it was painted: on a busy machine somebody is faster than that.
  useLayoutEffect(() => {
    if (!active) return;
    const stable = latest.current.map(
      (binding, index): Binding => ({ ...binding, run: () => latest.current[index]?.run() }),
    );
    bindings.value = [...bindings.peek(), ...stable];
    return () => {
      bindings.value = bindings.peek().filter((binding) => !stable.includes(binding));
    };
  }, [shape, active]);
}

/** Listens for keys on the whole page; the shell calls it once. Returns what ends it. */
export function listen(): () => void {
  const down = (event: KeyboardEvent) => {
    // A modal dialog has the keyboard for itself, and closes on Esc by itself.
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const name = keyName(event);
    if (name && dispatch(bindings.peek(), name, isTyping(event))) event.preventDefault();
  };
  document.addEventListener("keydown", down);
  return () => document.removeEventListener("keydown", down);
}

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement)
    return !["checkbox", "radio", "button", "range"].includes(target.type);
  return (
    target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
  );
}
