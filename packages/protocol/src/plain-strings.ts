/**
 * Most small packets hold short strings without escapes and nothing else. For those JSON.parse and JSON.stringify are
 * slower than one look by a regular expression; longer ones they do better.
 */
const SHORT = 256;
const QUOTE = 34;

// oxlint-disable-next-line no-control-regex -- JSON does not allow them unescaped
const STRINGS = /\["([^"\\\0-\x1f]*)"(?:,"([^"\\\0-\x1f]*)")?\]$/y;
// oxlint-disable-next-line no-control-regex -- JSON.stringify escapes them, and surrogates that have lost their other half
const PLAIN = /^[^"\\\0-\x1f\ud800-\udfff]*$/;

/** Hot path. What JSON.parse gives for an array of one or two plain strings that begins at `start`; undefined for other texts. */
export const readStrings = (text: string, start: number): string[] | undefined => {
  if (text.length > SHORT || text.charCodeAt(text.length - 2) !== QUOTE) return undefined;
  STRINGS.lastIndex = start;
  const match = STRINGS.exec(text);
  if (match === null) return undefined;
  const [, first, second] = match;
  return second === undefined ? [first!] : [first!, second];
};

/** The name that was written last: most often the next event has the same one, and it is as plain. */
let lastName = "";

/** Hot path. What JSON.stringify gives for an array of one or two plain strings; undefined for other values. */
export const writeStrings = (data: unknown): string | undefined => {
  if (!Array.isArray(data) || data.length === 0 || data.length > 2) return undefined;
  const [first, second] = data as unknown[];
  if (data.length === 1) return isPlain(first) ? `["${first}"]` : undefined;
  if (first !== lastName && !isPlain(first)) return undefined;
  lastName = first;
  return isPlain(second) ? `["${first}","${second}"]` : undefined;
};

const isPlain = (value: unknown): value is string =>
  typeof value === "string" && value.length <= SHORT && PLAIN.test(value);
