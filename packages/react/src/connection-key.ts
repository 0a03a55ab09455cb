const identities = new WeakMap<object, number>();
let count = 0;

const identityOf = (value: object): number => {
  const known = identities.get(value);
  if (known !== undefined) return known;
  identities.set(value, ++count);
  return count;
};

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** A text that is equal for equal values: plain objects, arrays and dates by content, all others by identity. */
const textOf = (value: unknown): string => {
  if (typeof value === "function") return `#${identityOf(value)}`;
  // JSON has no text for NaN, Infinity, bigint and symbols
  if (typeof value !== "object" || value === null)
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (value instanceof Date) return `#${value.getTime()} ms`;
  if (!isPlain(value)) return `#${identityOf(value)}`;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, each]) => `${JSON.stringify(name)}:${textOf(each)}`).join()}}`;
};

/**
 * What two components must agree on to share a connection. An `auth` function counts as the same one each time:
 * who connects always asks the newest.
 */
export function connectionKey(
  url: string | undefined,
  options: { readonly auth?: unknown; readonly graceMs?: number } = {},
): string {
  const { graceMs: _, auth, ...others } = options;
  // the type keeps the word apart from a text
  return textOf([url, others, typeof auth, typeof auth === "function" ? "any" : auth]);
}
