// Two panes side by side with a border that can be moved; below each other where there is no room.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

export interface SplitProps {
  readonly first: ComponentChildren;
  readonly second: ComponentChildren;
  /** Under which the place of the border is kept. */
  readonly name: string;
}

const RATIO = { least: 0.25, usual: 0.62, most: 0.8 };

export function Split({ first, second, name }: SplitProps) {
  const box = useRef<HTMLDivElement>(null);
  const ratio = useSignal(stored(name));
  const set = (next: number) => {
    ratio.value = Math.min(Math.max(next, RATIO.least), RATIO.most);
    try {
      localStorage.setItem(name, ratio.value.toFixed(3));
    } catch {
      // Private windows keep nothing.
    }
  };
  return (
    <div class="split" ref={box} style={{ "--split": `${(ratio.value * 100).toFixed(1)}%` }}>
      <div class="split-first">{first}</div>
      <div
        class="split-border"
        role="separator"
        aria-label="border between spans and details"
        aria-orientation="vertical"
        aria-valuenow={Math.round(ratio.value * 100)}
        tabIndex={0}
        onPointerDown={(event) => {
          event.preventDefault();
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          const bounds = box.current?.getBoundingClientRect();
          if (!bounds || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
          set((event.clientX - bounds.left) / bounds.width);
        }}
        onDblClick={() => set(RATIO.usual)}
        onKeyDown={(event) => {
          const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
          if (step === undefined) return;
          event.preventDefault();
          event.stopPropagation();
          set(ratio.value + step);
        }}
      />
      <div class="split-second">{second}</div>
    </div>
  );
}

function stored(name: string): number {
  try {
    const ratio = Number(localStorage.getItem(name));
    return ratio >= RATIO.least && ratio <= RATIO.most ? ratio : RATIO.usual;
  } catch {
    return RATIO.usual;
  }
}
