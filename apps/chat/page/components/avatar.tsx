import type { ReactElement } from "react";

/** The number of colours that base.css has for people. */
const TONES = 8;

/** The colour that somebody has everywhere. */
export function toneOf(name: string): number {
  let hash = 7;
  for (const letter of name) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x9e3779b1);
  return (hash >>> 16) % TONES;
}

const letters = new Intl.Segmenter("en");

/** What people take for one sign, such as a flag, is several in memory. */
function firstOf(name: string): string | undefined {
  for (const { segment } of letters.segment(name)) return segment;
}

export function Avatar({ name }: { name: string }): ReactElement {
  return (
    <span className="avatar" data-tone={toneOf(name)} aria-hidden="true">
      {firstOf(name)?.toUpperCase()}
    </span>
  );
}
