// A button that copies a text and says so.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

export interface CopyProps {
  /** Made only when it is asked for. */
  readonly text: string | (() => string);
  readonly label?: string;
}

export function Copy({ text, label = "Copy" }: CopyProps) {
  const said = useSignal<string | null>(null);
  useEffect(() => {
    if (said.value === null) return;
    const timer = setTimeout(() => {
      said.value = null;
    }, 1500);
    return () => clearTimeout(timer);
  }, [said.value]);
  const copy = async () => {
    said.value = (await toClipboard(typeof text === "string" ? text : text())) ? "Copied" : "Not allowed";
  };
  return (
    <button type="button" class="button quiet small" onClick={copy} aria-live="polite">
      {said.value ?? label}
    </button>
  );
}

async function toClipboard(text: string): Promise<boolean> {
  try {
    // Absent where the page is served over plain HTTP from another machine.
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  } catch {
    return false;
  }
}
