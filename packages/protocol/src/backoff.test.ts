import { expect, test } from "vitest";
import { Backoff } from "./backoff.ts";

const options = { min: 1000, max: 5000, jitter: 0.5, random: () => 0.5 };

test("doubles the delay with each attempt and stops at the maximum", () => {
  const backoff = new Backoff(options);
  expect(Array.from({ length: 5 }, () => backoff.next())).toEqual([1000, 2000, 4000, 5000, 5000]);
  expect(backoff.attempts).toBe(5);
});

test("starts again after a reset", () => {
  const backoff = new Backoff(options);
  backoff.next();
  backoff.next();
  backoff.reset();
  expect([backoff.attempts, backoff.next()]).toEqual([0, 1000]);
});

test("keeps the spread of the jitter at the cap", () => {
  let random = 0;
  const backoff = new Backoff({ ...options, min: 5000, random: () => random });
  expect(backoff.next()).toBe(2500);
  random = 0.999999;
  expect(backoff.next()).toBe(7500);
});

test("never gives a negative delay, whatever the jitter", () => {
  expect(new Backoff({ ...options, jitter: 3, random: () => 0 }).next()).toBe(0);
});

test("takes another factor, and changes while it runs", () => {
  const backoff = new Backoff({ ...options, factor: 3, jitter: 0 });
  expect([backoff.next(), backoff.next()]).toEqual([1000, 3000]);
  backoff.min = 10;
  backoff.max = 50;
  expect(backoff.next()).toBe(50);
  backoff.max = 500;
  expect(backoff.next()).toBe(270);
});

test("stays finite after any number of attempts, even from 0 ms", () => {
  const none = new Backoff({ ...options, min: 0 });
  const some = new Backoff(options);
  none.attempts = some.attempts = 1e9;
  expect([none.next(), some.next()]).toEqual([0, 5000]);
});
