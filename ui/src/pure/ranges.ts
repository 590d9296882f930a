// Ranges in bytes of UTF-8, as a search gives them, as pieces of a JavaScript string.

export interface Slice {
  readonly text: string;
  readonly inside: boolean;
}

export function byteRanges(text: string, ranges: readonly (readonly [number, number])[]): Slice[] {
  const bytes = new TextEncoder().encode(text);
  const decoder = new TextDecoder();
  const slices: Slice[] = [];
  let at = 0;
  const push = (end: number, inside: boolean) => {
    if (end > at) slices.push({ text: decoder.decode(bytes.subarray(at, end)), inside });
    at = Math.max(at, end);
  };
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    push(Math.min(from, bytes.length), false);
    push(Math.min(to, bytes.length), true);
  }
  push(bytes.length, false);
  return slices;
}
