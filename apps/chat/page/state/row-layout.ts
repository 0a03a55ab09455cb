/** Pixels above the first row and below the last one. */
const PADDING = { top: 16, bottom: 8 };
/** Pixels that a row is taken to have before it has been in the page. */
const ESTIMATE = 56;

/** Where each row begins, in pixels; the last one is where the list ends. */
export function topsOf(ids: readonly string[], heights: ReadonlyMap<string, number>): Float64Array {
  const tops = new Float64Array(ids.length + 1);
  let top = PADDING.top;
  for (const [index, id] of ids.entries()) {
    tops[index] = top;
    top += heights.get(id) ?? ESTIMATE;
  }
  tops[ids.length] = top + PADDING.bottom;
  return tops;
}

/** The index of the row at a position: the last one that begins there or above, 0 for what is above all. */
export function rowAt(tops: Float64Array, position: number): number {
  let low = 0;
  let high = Math.max(0, tops.length - 2);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((tops[middle] ?? 0) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}
