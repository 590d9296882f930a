// Canvases: sharp on any screen, in the colours of the style sheet.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** Makes a canvas as large as it is shown and gives what draws on it in CSS pixels; null if it cannot. */
export function sharp(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const scale = window.devicePixelRatio || 1;
  const [wide, high] = [Math.max(Math.round(width * scale), 1), Math.max(Math.round(height * scale), 1)];
  // Setting a size clears the canvas and takes memory anew.
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context?.setTransform(scale, 0, 0, scale, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

export type Palette = Readonly<Record<string, string>>;

/** Colours by the names of custom properties, as of the theme that is on. */
export function usePalette(names: readonly string[]): Signal<Palette> {
  const palette = useSignal<Palette>(read(names));
  useEffect(() => {
    const again = () => {
      palette.value = read(names);
    };
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const observer = new MutationObserver(again);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    dark.addEventListener("change", again);
    // The style sheet of the page may have come after its first look.
    again();
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", again);
    };
  }, []);
  return palette;
}

/** A custom property is the text of its rule; the colour is what an element gets by it. */
function read(names: readonly string[]): Palette {
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  const colours: Record<string, string> = {};
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

/** Draws at most once a frame, after something was asked to be drawn. */
export function useFrame(draw: () => void): () => void {
  const state = useSignal<{ at: number; draw: () => void }>({ at: 0, draw }).peek();
  state.draw = draw;
  useEffect(
    () => () => {
      cancelAnimationFrame(state.at);
    },
    [],
  );
  return () => {
    if (state.at) return;
    state.at = requestAnimationFrame(() => {
      state.at = 0;
      state.draw();
    });
  };
}
