import { expect, test } from "vitest";
import { ChunkQueue } from "./chunk-queue.ts";

const readAll = (queue: ChunkQueue): number[] => {
  const bytes: number[] = [];
  while (queue.hasBytes()) bytes.push(queue.chunk[queue.offset++]!);
  return bytes;
};

test("bytes come out in order, however they came and wherever reading stopped in between", () => {
  const queue = new ChunkQueue();
  expect(queue.hasBytes()).toBe(false);
  queue.push(Uint8Array.of(1, 2));
  expect(queue.hasBytes()).toBe(true);
  queue.offset = 1;
  for (const bytes of [[], [3], [], [], [4, 5], []]) queue.push(Uint8Array.from(bytes));
  expect(readAll(queue)).toEqual([2, 3, 4, 5]);
  queue.push(new Uint8Array());
  expect(queue.hasBytes()).toBe(false);
  queue.push(Uint8Array.of(6));
  expect(readAll(queue)).toEqual([6]);
});

test("a chunk that was read is let go, and what is dropped as well", () => {
  const queue = new ChunkQueue();
  const chunk = Uint8Array.of(1);
  queue.push(chunk);
  expect(queue.chunk).toBe(chunk);
  expect(readAll(queue)).toEqual([1]);
  expect(queue.chunk).not.toBe(chunk);
  queue.push(Uint8Array.of(1, 2));
  queue.push(Uint8Array.of(3));
  queue.clear();
  expect(readAll(queue)).toEqual([]);
  queue.push(Uint8Array.of(4));
  expect(readAll(queue)).toEqual([4]);
});
