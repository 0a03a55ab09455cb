import { afterEach, describe, expect, test, vi } from "vitest";
import { limitedAddress, RatePerAddress } from "./client-address.ts";
import { requestOf } from "./test-kit.ts";

afterEach(() => void vi.restoreAllMocks());

const requestFrom = (address: string, headers: Record<string, string> = {}) => {
  const request = requestOf(headers);
  Object.defineProperty(request.socket, "remoteAddress", { value: address });
  return request;
};

describe("the address that limits count (abuse matrix, limits)", () => {
  test.each([
    ["192.0.2.1", true],
    ["2001:db8::1", true],
    ["::ffff:192.0.2.1", true],
    ["172.15.0.1", true],
    ["172.32.0.1", true],
    ["127.0.0.1", false],
    ["::1", false],
    ["::ffff:127.0.0.1", false],
    ["10.1.2.3", false],
    ["192.168.0.1", false],
    ["172.16.0.1", false],
    ["172.31.255.255", false],
    ["::ffff:10.0.0.1", false],
    ["fd00::1", false],
    ["fe80::1", false],
    ["", false],
  ])("%s counts: %s (loopback and private ones may be a proxy, as may what has none)", (address, counts) => {
    expect(limitedAddress(requestFrom(address), undefined)).toBe(counts ? address : undefined);
  });

  test("behind a proxy nobody is counted, with one warning", () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (const name of ["Forwarded", "X-Forwarded-For", "CF-Connecting-IP"]) {
      expect(limitedAddress(requestFrom("192.0.2.1", { [name]: "198.51.100.1" }), undefined)).toBeUndefined();
    }
    expect(warn).toHaveBeenCalledTimes(1);
  });

  test("the option decides for all", () => {
    const request = requestFrom("127.0.0.1", { "X-Forwarded-For": "198.51.100.1" });
    expect(limitedAddress(request, ({ headers }) => String(headers["x-forwarded-for"]))).toBe("198.51.100.1");
  });
});

describe("a rate per address and minute", () => {
  test("is exceeded beyond the limit, by that address alone, until the minute is over", () => {
    const rate = new RatePerAddress(2);
    expect([1, 2, 3].map(() => rate.exceeds("a", 0))).toEqual([false, false, true]);
    expect(rate.exceeds("b", 1)).toBe(false);
    expect(rate.exceeds("a", 59_999)).toBe(true);
    expect(rate.exceeds("a", 60_000)).toBe(false);
  });

  test("0 switches it off, and who has no address is not counted", () => {
    const [off, on] = [new RatePerAddress(0), new RatePerAddress(1)];
    expect([1, 2].map(() => off.exceeds("a", 0))).toEqual([false, false]);
    expect([1, 2].map(() => on.exceeds(undefined, 0))).toEqual([false, false]);
  });

  test("names of prototypes are ordinary addresses", () => {
    const rate = new RatePerAddress(1);
    expect([rate.exceeds("__proto__", 0), rate.exceeds("__proto__", 0)]).toEqual([false, true]);
  });
});
