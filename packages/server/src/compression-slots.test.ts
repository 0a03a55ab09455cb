import { expect, test } from "vitest";
import { CompressionSlots } from "./compression-slots.ts";

test("as many jobs run at once as there are slots, the others in order when one is free (abuse 28)", () => {
  const slots = new CompressionSlots(2);
  const log: string[] = [];
  const leaves: (() => void)[] = [];
  for (const name of ["a", "b", "c", "d"]) {
    slots.enter((leave) => {
      log.push(name);
      leaves.push(leave);
    });
  }
  expect(log).toEqual(["a", "b"]);
  expect(slots.tryEnter()).toBe(false);
  leaves[1]?.();
  leaves[0]?.();
  expect(log).toEqual(["a", "b", "c", "d"]);
  expect(slots.tryEnter()).toBe(false);
  leaves[2]?.();
  expect(slots.tryEnter()).toBe(true);
  slots.leave();
  leaves[3]?.();
  expect([slots.tryEnter(), slots.tryEnter(), slots.tryEnter()]).toEqual([true, true, false]);
});

test("0 means no limit", () => {
  const slots = new CompressionSlots(0);
  for (let count = 0; count < 1_000; count++) expect(slots.tryEnter()).toBe(true);
});
