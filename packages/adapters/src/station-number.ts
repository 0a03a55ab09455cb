const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** How many numbers there are. */
export const STATIONS: number = DIGITS.length ** 2;

/** Random characters of a session id that are kept: 108 bits. */
const KEPT = 18;

/** Puts a number into the last two characters of a session id. */
export const withNumber = (id: string, number: number): string =>
  id.slice(0, KEPT) + DIGITS.charAt(Math.floor(number / DIGITS.length)) + DIGITS.charAt(number % DIGITS.length);

/** The number in a session id; undefined if it can have none. */
export function numberIn(sid: string): number | undefined {
  if (sid.length !== KEPT + 2) return undefined;
  const [high, low] = [DIGITS.indexOf(sid.charAt(KEPT)), DIGITS.indexOf(sid.charAt(KEPT + 1))];
  return high < 0 || low < 0 ? undefined : high * DIGITS.length + low;
}
