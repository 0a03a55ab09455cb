import { constants, gunzipSync, inflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { CompressionSlots } from "./compression-slots.ts";
import { checkHttpCompression, type HttpCompressionOptions, PollCompression } from "./poll-compression.ts";

interface Result {
  readonly body: string | Uint8Array;
  readonly encoding: string | undefined;
}

/** What becomes of a body; undefined: it goes plain. */
function compress(
  option: boolean | HttpCompressionOptions,
  body: string | Uint8Array,
  { accepted = "gzip", slots = new CompressionSlots(0) }: { accepted?: string; slots?: CompressionSlots } = {},
): Promise<Result> | undefined {
  const compression = new PollCompression(option, slots);
  const { promise, resolve } = withResolvers<Result>();
  return compression.start(body, accepted, (result, encoding) => resolve({ body: result, encoding }))
    ? promise
    : undefined;
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

test("answers are compressed from the threshold on, which counts bytes (E5)", async () => {
  expect(compress({ threshold: 10 }, "123456789")).toBeUndefined();
  expect(compress({ threshold: 10 }, "€€€")).toBeUndefined();
  expect(await compress({ threshold: 10 }, "€€€1")).toMatchObject({ encoding: "gzip" });
  expect(compress({ threshold: 10 }, new Uint8Array(9))).toBeUndefined();
  const { body } = (await compress({ threshold: 10 }, new Uint8Array(10).fill(7))) ?? {};
  expect(gunzipSync(body ?? "")).toEqual(Buffer.alloc(10, 7));
});

test("as the client accepts it: gzip before deflate, nothing else (E5)", async () => {
  const long = "ü".repeat(1_000);
  const { body = "", encoding } = (await compress(true, long, { accepted: "deflate, br" })) ?? {};
  expect([encoding, inflateSync(body).toString()]).toEqual(["deflate", long]);
  expect(await compress(true, long, { accepted: "deflate, gzip" })).toMatchObject({ encoding: "gzip" });
  expect(compress(true, long, { accepted: "br" })).toBeUndefined();
  expect(compress(true, long, { accepted: "" })).toBeUndefined();
});

test("true means 1024, and false never", () => {
  expect(compress(false, "x".repeat(1e6))).toBeUndefined();
  expect(compress(true, "x".repeat(1_023))).toBeUndefined();
  expect(compress(true, "x".repeat(1_024))).toBeDefined();
  expect(compress({ level: 9 }, "x".repeat(1_023))).toBeUndefined();
});

test("where no slot is free answers go plain, and a slot is given back (abuse matrix 28)", async () => {
  const slots = new CompressionSlots(2);
  const long = "x".repeat(2_000);
  const running = [compress(true, long, { slots }), compress(true, long, { slots })].filter(
    (each) => each !== undefined,
  );
  expect(running.length).toBe(2);
  expect(compress(true, long, { slots })).toBeUndefined();
  for (const each of running) await each;
  expect([slots.tryEnter(), slots.tryEnter(), slots.tryEnter()]).toEqual([true, true, false]);
});

test("zlib's options count as in v4 (ES2)", async () => {
  const text = Array.from({ length: 2_000 }, (_, index) => index).join();
  const sizes = await Promise.all(
    [
      { level: 0 },
      { strategy: constants.Z_HUFFMAN_ONLY },
      { level: 1, memLevel: 1 },
      { windowBits: 9 },
      { level: 9, chunkSize: 64 },
    ].map(async (options) => {
      const { body = "" } = (await compress(options, text)) ?? {};
      expect(gunzipSync(body).toString()).toBe(text);
      return body.length;
    }),
  );
  expect(sizes[0]).toBeGreaterThan(text.length);
  expect(new Set(sizes).size).toBe(sizes.length);
});

test.each<[HttpCompressionOptions, string]>([
  [{ threshold: -1 }, "threshold must be an integer >= 0, not -1"],
  [{ level: 10 }, "level must be an integer from -1 to 9, not 10"],
  [{ memLevel: 0 }, "memLevel must be an integer from 1 to 9, not 0"],
  [{ strategy: 5 }, "strategy must be an integer from 0 to 4, not 5"],
  [{ windowBits: 8 }, "windowBits must be an integer from 9 to 15, not 8"],
  [{ chunkSize: 63 }, "chunkSize must be an integer >= 64, not 63"],
])("%j is refused at the start, not with the first answer", (options, message) => {
  expect(() => checkHttpCompression(options)).toThrow(`option httpCompression.${message}`);
});
