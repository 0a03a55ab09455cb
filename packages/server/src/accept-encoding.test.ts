import { describe, expect, test } from "vitest";
import { chooseEncoding } from "./accept-encoding.ts";

const polling = ["gzip", "deflate"] as const;

describe("what a client accepts (RFC 9110 §12.5.3, E5)", () => {
  test.each([
    [undefined, undefined],
    ["", undefined],
    [",", undefined],
    ["gzip", "gzip"],
    ["GZIP", "gzip"],
    ["x-gzip", "gzip"],
    ["gzip;q=0", undefined],
    ["gzip;q=0.0", undefined],
    ["gzip ; Q=0.000", undefined],
    ["gzip;q=0.001", "gzip"],
    ["gzip;q=1.000", "gzip"],
    ["*", "gzip"],
    ["*;q=0", undefined],
    ["gzip;q=0, *", "deflate"],
    ["deflate", "deflate"],
    ["deflate, gzip", "gzip"],
    ["deflate;q=0.9, gzip;q=0.8", "deflate"],
    ["*;q=0.5, deflate", "deflate"],
    ["br, zstd", undefined],
    ["br, gzip", "gzip"],
    ["identity", undefined],
    ["identity, gzip", "gzip"],
    ["identity, gzip;q=0.5", undefined],
    ["identity;q=0.5, gzip;q=0.8", "gzip"],
    ["identity;q=0", undefined],
    ["identity;q=0, *", "gzip"],
    ["identity;q=1, *;q=0", undefined],
  ])("%j: %s", (header, encoding) => expect(chooseEncoding(header, polling)).toBe(encoding));

  test.each([
    "gzip;q=2",
    "gzip;q=-1",
    "gzip;q=",
    "gzip;q=0.1234",
    "gzip;x=1",
    "gzip;q=1;q=0",
    "gzipped",
    '"gzip"',
    "gz ip",
  ])("%j is malformed, and asks for nothing", (header) => expect(chooseEncoding(header, polling)).toBeUndefined());
});

test("what a client does not decide the server does: the first that it offers", () => {
  expect(chooseEncoding("deflate, gzip, br", ["br", "gzip", "deflate"])).toBe("br");
  expect(chooseEncoding("deflate, gzip", ["br", "gzip", "deflate"])).toBe("gzip");
  expect(chooseEncoding("*", ["br", "gzip", "deflate"])).toBe("br");
});

test("a header over 1,024 characters asks for nothing (abuse 135)", () => {
  expect(chooseEncoding("gzip".padEnd(1_024, " "), polling)).toBe("gzip");
  expect(chooseEncoding("gzip".padEnd(1_025, " "), polling)).toBeUndefined();
});
