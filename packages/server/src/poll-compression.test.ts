import { expect, test } from "vitest";
import { PollCompression } from "./poll-compression.ts";

test("compresses from the threshold on, at most so many at once (abuse matrix 28)", () => {
  const compression = new PollCompression({ threshold: 10 }, 2);
  expect(compression.begin(9)).toBeUndefined();
  const first = compression.begin(10);
  expect(compression.begin(10)).toBeTypeOf("function");
  expect(compression.begin(10)).toBeUndefined();
  first?.();
  expect(compression.begin(10)).toBeTypeOf("function");
});

test("true means 1024, false never, and 0 no limit", () => {
  expect(new PollCompression(false, 0).begin(1e9)).toBeUndefined();
  const compression = new PollCompression(true, 0);
  expect(compression.begin(1023)).toBeUndefined();
  for (let count = 0; count < 100; count++) expect(compression.begin(1024)).toBeTypeOf("function");
});
