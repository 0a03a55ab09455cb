import { UsageError } from "@bowline/protocol";

/** @throws UsageError unless the value of an option is a number that is not negative */
export function checkNumber(name: string, value: unknown): void {
  if (typeof value === "number" && value >= 0) return;
  throw new UsageError("invalid_option", `option ${name} must be a number >= 0, not ${String(value)}`);
}

/** @throws UsageError unless the value of an option is absent or an integer of this range */
export function checkInteger(name: string, value: unknown, least: number, most: number = Infinity): void {
  if (value === undefined || (Number.isInteger(value) && Number(value) >= least && Number(value) <= most)) return;
  const range = most === Infinity ? `an integer >= ${least}` : `an integer from ${least} to ${most}`;
  throw new UsageError("invalid_option", `option ${name} must be ${range}, not ${String(value)}`);
}

/** An explicit `undefined` means the default. */
export function definedOf<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Options of compression, as zlib names them. */
export interface ZlibOptions {
  /** From 0 (not at all) or 1 (fast) to 9 (small). @default 6 */
  level?: number;
  /** Memory while it works, from 1 to 9. @default 8 */
  memLevel?: number;
  /** One of zlib's constants, from 0 to 4. @default 0 */
  strategy?: number;
}

/** @throws UsageError unless zlib allows the values */
export function checkZlib(name: string, { level, memLevel, strategy }: ZlibOptions): void {
  checkInteger(`${name}.level`, level, -1, 9);
  checkInteger(`${name}.memLevel`, memLevel, 1, 9);
  checkInteger(`${name}.strategy`, strategy, 0, 4);
}
