import { expect, test } from "vitest";
import { backoffDelay } from "./backoff.ts";

test("doubles the delay with each attempt and stops at the maximum", () => {
  expect([0, 1, 2, 3, 4].map((attempts) => backoffDelay(attempts, 1000, 5000, 0))).toEqual([
    1000, 2000, 4000, 5000, 5000,
  ]);
});

test("keeps the spread of the jitter at the cap", () => {
  expect([-0.5, 0.5].map((jitter) => backoffDelay(9, 5000, 5000, jitter))).toEqual([2500, 7500]);
});

test("stays finite after any number of attempts, even from 0 ms", () => {
  expect([backoffDelay(1e9, 0, 5000, 0), backoffDelay(1e9, 1000, 5000, 0)]).toEqual([0, 5000]);
});
