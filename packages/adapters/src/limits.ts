import { UsageError } from "bowline/cluster";

/** @throws UsageError for what is not a number of at least 1 */
export function checkLimit(name: string, value: unknown): void {
  if (typeof value === "number" && value >= 1) return;
  throw new UsageError("invalid_option", `option ${name} must be a number of at least 1, not ${String(value)}`);
}
