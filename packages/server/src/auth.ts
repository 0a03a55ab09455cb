/** Keys with which an object could reach into others when it is copied carelessly (abuse matrix 81). */
const UNSAFE = ["__proto__", "constructor", "prototype"];

/** Whether no object in an auth payload has own keys that are a trap for careless copying. Depth is bounded by the reader. */
export function isSafeAuth(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (UNSAFE.some((key) => Object.hasOwn(value, key))) return false;
  return Object.values(value).every(isSafeAuth);
}
