import type { ReactElement } from "react";

const list = new Intl.ListFormat("en-GB");

/** Names in a sentence: each turns its own way, whatever its script, and none turns the others. */
export function Names({ names, others = 0 }: { names: readonly string[]; others?: number }): ReactElement {
  const all = others === 0 ? names : [...names, others === 1 ? "one other" : `${others} others`];
  return (
    <>
      {list.formatToParts(all).map(({ type, value }, index) =>
        // they have no other identity than their place
        // oxlint-disable-next-line react/no-array-index-key
        type === "element" ? <bdi key={index}>{value}</bdi> : value,
      )}
    </>
  );
}
