import type { ReactElement } from "react";

/** The number of colours that base.css has for people. */
const TONES = 8;

/** The colour that somebody has everywhere. */
export function toneOf(name: string): number {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 65_521;
  return hash % TONES;
}

export function Avatar({ name }: { name: string }): ReactElement {
  return (
    <span className="avatar" data-tone={toneOf(name)} aria-hidden="true">
      {[...name][0]?.toUpperCase()}
    </span>
  );
}
