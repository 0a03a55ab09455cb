import { type RefObject, useEffect, useEffectEvent, useLayoutEffect, useMemo, useState } from "react";
import { limits } from "../../limits.mjs";
import { rowAt, topsOf } from "../state/row-layout.ts";

/** Pixels from the end that still count as being there. */
const AT_END = 60;
/** Pixels above and below what is in view that are in the page, too. */
const MARGIN = 600;

/** What of the list is in view. */
interface View {
  readonly top: number;
  readonly height: number;
  readonly isAtEnd: boolean;
  /** The first row in view, and where it was: it must not move when others change above it. */
  readonly anchor: { readonly id: string | undefined; readonly top: number };
}

export interface VirtualRows {
  /** Pixels of the whole list. */
  readonly height: number;
  /** The rows that are in the page, and where. */
  readonly rows: readonly { readonly index: number; readonly top: number }[];
  readonly isAtEnd: boolean;
}

/**
 * Of a long list whose rows have any height, only those around the view. It stays at the end if it is there, else with
 * the row that is read, whatever comes, goes or grows above it.
 * @param ids of the rows, which carry them as `data-id`
 * @param scroller the element that scrolls
 * @param jumps grows when the end should come into view
 */
export function useVirtualRows(
  ids: readonly string[],
  scroller: RefObject<HTMLElement | null>,
  jumps: number,
): VirtualRows {
  const [heights, setHeights] = useState<ReadonlyMap<string, number>>(new Map());
  const [view, setView] = useState<View>({ top: 0, height: 0, isAtEnd: true, anchor: { id: undefined, top: 0 } });
  const tops = useMemo(() => topsOf(ids, heights), [ids, heights]);

  const look = (element: HTMLElement): void => {
    const { scrollTop: top, clientHeight: height, scrollHeight } = element;
    const first = rowAt(tops, top);
    const isAtEnd = scrollHeight - top - height < AT_END;
    setView({ top, height, isAtEnd, anchor: { id: ids[first], top: tops[first] ?? 0 } });
  };
  const showEnd = (element: HTMLElement): void => {
    element.scrollTop = element.scrollHeight;
    look(element);
  };

  const onScroll = useEffectEvent(() => scroller.current && look(scroller.current));
  const onResize = useEffectEvent(() => scroller.current && (view.isAtEnd ? showEnd : look)(scroller.current));
  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const listener = (): void => void onScroll();
    const observer = new ResizeObserver(() => void onResize());
    element.addEventListener("scroll", listener, { passive: true });
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", listener);
      observer.disconnect();
    };
  }, [scroller]);

  // before anything is painted: a row whose height was only estimated, or that has changed
  useLayoutEffect(() => {
    const changed = measure(scroller.current, heights);
    if (changed.length > 0) setHeights(withHeights(heights, changed));
  });

  const onLayout = useEffectEvent(() => {
    const element = scroller.current;
    if (!element) return;
    if (view.isAtEnd) return showEnd(element);
    const anchor = ids.indexOf(view.anchor.id ?? "");
    if (anchor !== -1) element.scrollTop += (tops[anchor] ?? 0) - view.anchor.top;
    look(element);
  });
  useLayoutEffect(() => onLayout(), [tops]);

  const onJump = useEffectEvent(() => scroller.current && showEnd(scroller.current));
  useLayoutEffect(() => void onJump(), [jumps]);

  return { height: tops[ids.length] ?? 0, rows: rowsIn(tops, view), isAtEnd: view.isAtEnd };
}

function withHeights(heights: ReadonlyMap<string, number>, changed: [string, number][]): ReadonlyMap<string, number> {
  // of rows that are gone the heights go from time to time
  const next = new Map(heights.size > 2 * limits.history ? [] : heights);
  for (const [id, height] of changed) next.set(id, height);
  return next;
}

function rowsIn(tops: Float64Array, { top, height }: View): VirtualRows["rows"] {
  if (tops.length < 2) return [];
  const first = rowAt(tops, top - MARGIN);
  const last = rowAt(tops, top + height + MARGIN);
  return Array.from({ length: last - first + 1 }, (_, offset) => ({
    index: first + offset,
    top: tops[first + offset] ?? 0,
  }));
}

/** The rows in the page whose height is not the known one. */
function measure(scroller: HTMLElement | null, heights: ReadonlyMap<string, number>): [string, number][] {
  const rows = [...(scroller?.querySelectorAll<HTMLElement>("[data-id]") ?? [])];
  return rows
    .map((row): [string, number] => [row.dataset.id ?? "", row.getBoundingClientRect().height])
    .filter(([id, height]) => heights.get(id) !== height);
}
