// Zoom and pan of a time axis by pointer, wheel, touch and keys.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Domain } from "../pure/scale";
import { followed, panned, within, zoomed } from "../pure/view";
import { useLatest } from "./hooks";
import { useKeys } from "./keyboard";

export interface TimeAxis {
  /** What is seen. */
  readonly view: Signal<Domain>;
  /** All there is. */
  readonly extent: Signal<Domain>;
  /** What is being dragged over, until it is let go. */
  readonly marked: Signal<Domain | null>;
  readonly zoom: (factor: number, at?: number) => void;
  readonly pan: (ratio: number) => void;
  readonly reset: () => void;
  readonly show: (part: Domain) => void;
}

export function useTimeAxis(whole: Domain): TimeAxis {
  const extent = useSignal(whole);
  const view = useSignal(whole);
  const marked = useSignal<Domain | null>(null);
  useEffect(() => {
    const before = extent.peek();
    if (before.from === whole.from && before.to === whole.to) return;
    extent.value = whole;
    view.value = before.to > before.from ? followed(view.peek(), before, whole) : whole;
  }, [whole.from, whole.to]);
  const show = (part: Domain) => {
    view.value = within(part, extent.peek());
  };
  const zoom = (factor: number, at?: number) => {
    const { from, to } = view.peek();
    view.value = zoomed({ from, to }, extent.peek(), at ?? (from + to) / 2, factor);
  };
  const pan = (ratio: number) => {
    const { from, to } = view.peek();
    view.value = panned({ from, to }, extent.peek(), (to - from) * ratio);
  };
  const reset = () => {
    view.value = extent.peek();
  };
  return { view, extent, marked, zoom, pan, reset, show };
}

export function useTimeKeys(axis: TimeAxis): void {
  useKeys([
    { keys: ["+", "="], what: "zoom in", run: () => axis.zoom(1.6) },
    { keys: ["-"], what: "zoom out", run: () => axis.zoom(1 / 1.6) },
    { keys: ["0"], what: "see all of the time", run: axis.reset },
    { keys: ["<"], what: "go back in time", run: () => axis.pan(-0.2) },
    { keys: [">"], what: "go on in time", run: () => axis.pan(0.2) },
  ]);
}

export interface GestureOptions {
  /** Pixels from the left of the element at which the axis begins, and how long it is. */
  readonly area: () => { readonly left: number; readonly width: number };
  /** The part of time that the axis shows; the view by default. */
  readonly scale?: () => Domain;
  /** Whether a drag that begins at a time moves the view instead of marking a range. */
  readonly pans?: (at: number) => boolean;
}

/** Pixels that a pointer may move and still have clicked. */
const CLICK_PIXELS = 4;

/** Listens on an element: drag marks a range and zooms to it, with shift it pans; ctrl and wheel zoom. */
export function useTimeGestures(
  ref: { readonly current: HTMLElement | null },
  axis: TimeAxis,
  options: GestureOptions,
): void {
  const latest = useLatest(options);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const scale = () => latest.current.scale?.() ?? axis.view.peek();
    const timeAt = (x: number) => {
      const { left, width } = latest.current.area();
      const { from, to } = scale();
      const ratio = (x - element.getBoundingClientRect().left - left) / Math.max(width, 1);
      return from + (to - from) * ratio;
    };
    const inside = (x: number) => {
      const { left, width } = latest.current.area();
      const at = x - element.getBoundingClientRect().left - left;
      return at >= 0 && at <= width;
    };
    const wheel = (event: WheelEvent) => {
      if (!inside(event.clientX)) return;
      const size = event.deltaMode === 1 ? 16 : 1;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        axis.zoom(Math.exp(-event.deltaY * size * 0.004), timeAt(event.clientX));
        return;
      }
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (sideways === 0 || (!event.shiftKey && Math.abs(event.deltaY) > Math.abs(event.deltaX))) return;
      event.preventDefault();
      axis.pan((sideways * size) / Math.max(latest.current.area().width, 1));
    };

    const pointers = new Map<number, number>();
    let drag: { x: number; at: number; pan: boolean; moved: boolean; view: Domain } | null = null;
    let pinch: { apart: number; view: Domain; at: number } | null = null;
    const down = (event: PointerEvent) => {
      if (event.button !== 0 || !inside(event.clientX)) return;
      pointers.set(event.pointerId, event.clientX);
      const [a, b] = [...pointers.values()];
      if (a !== undefined && b !== undefined) {
        drag = null;
        axis.marked.value = null;
        pinch = { apart: Math.max(Math.abs(a - b), 10), view: axis.view.peek(), at: timeAt((a + b) / 2) };
        return;
      }
      const at = timeAt(event.clientX);
      const pan = event.shiftKey || event.pointerType === "touch" || latest.current.pans?.(at) === true;
      drag = { x: event.clientX, at, pan, moved: false, view: axis.view.peek() };
    };
    const move = (event: PointerEvent) => {
      if (!pointers.has(event.pointerId)) return;
      pointers.set(event.pointerId, event.clientX);
      const [a, b] = [...pointers.values()];
      if (pinch && a !== undefined && b !== undefined) {
        const factor = Math.max(Math.abs(a - b), 10) / pinch.apart;
        axis.view.value = zoomed(pinch.view, axis.extent.peek(), pinch.at, factor);
        return;
      }
      if (!drag) return;
      if (!drag.moved) {
        if (Math.abs(event.clientX - drag.x) < CLICK_PIXELS) return;
        drag.moved = true;
        element.setPointerCapture(event.pointerId);
      }
      const { from, to } = latest.current.scale?.() ?? drag.view;
      const { width } = latest.current.area();
      if (drag.pan) {
        const by = ((event.clientX - drag.x) / Math.max(width, 1)) * (to - from);
        // On a map of the whole the view follows the pointer; on the axis itself the time does.
        axis.view.value = panned(drag.view, axis.extent.peek(), latest.current.scale ? by : -by);
      } else {
        const now = timeAt(event.clientX);
        axis.marked.value = within({ from: Math.min(drag.at, now), to: Math.max(drag.at, now) }, scale());
      }
    };
    const up = (event: PointerEvent) => {
      pointers.delete(event.pointerId);
      if (pointers.size < 2) pinch = null;
      const marked = axis.marked.peek();
      if (drag?.moved) {
        // What follows is not meant as a click.
        const stop = (click: Event) => click.stopPropagation();
        element.addEventListener("click", stop, { capture: true, once: true });
        setTimeout(() => element.removeEventListener("click", stop, { capture: true }), 0);
        if (marked && event.type === "pointerup") axis.show(marked);
      }
      axis.marked.value = null;
      drag = null;
    };
    const twice = (event: MouseEvent) => {
      if (!inside(event.clientX)) return;
      event.preventDefault();
      axis.reset();
    };
    element.addEventListener("wheel", wheel, { passive: false });
    element.addEventListener("pointerdown", down);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
    element.addEventListener("dblclick", twice);
    return () => {
      element.removeEventListener("wheel", wheel);
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
      element.removeEventListener("dblclick", twice);
    };
  }, []);
}
