import { useInsertionEffect, useRef } from "react";

/** A value of the last committed render, for what runs later. Renders that React throws away leave no trace. */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  // runs before all other effects, and unlike a layout effect says nothing on the server
  useInsertionEffect(() => {
    latest.current = value;
  }, [value]);
  return latest;
}
