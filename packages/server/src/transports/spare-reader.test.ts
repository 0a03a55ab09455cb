import { expect, test } from "vitest";
import { bufferBytes } from "../buffer-bytes.ts";
import { SpareReader } from "./spare-reader.ts";

const READER = { role: "server", bytes: bufferBytes, maxPayload: 1_000 } as const;
const HELLO = [0x81, 0x85, 1, 2, 3, 4, 0x69, 0x67, 0x6f, 0x68, 0x6e];

test("a reader serves one connection after the other, whatever the one before has read", () => {
  const readers = new SpareReader(READER);
  const first = readers.take();
  first.push(Uint8Array.from([...HELLO, ...HELLO]));
  expect([first.next(), first.isIdle]).toEqual(["hello", false]);
  expect([first.next(), first.next(), first.isIdle]).toEqual(["hello", undefined, true]);
  readers.giveBack(first);
  const second = readers.take();
  expect(second).toBe(first);
  second.push(Uint8Array.from(HELLO));
  expect(second.next()).toBe("hello");
  expect(readers.take()).not.toBe(second);
});

test("a reader that holds anything of its connection is not idle: part of a header, of a payload, of a message, a close", () => {
  const close = [0x88, 0x82, 0, 0, 0, 0, 3, 232];
  const begun = [0x01, 0x81, 0, 0, 0, 0, 0x61];
  const halfPing = [0x89, 0x82, 0, 0, 0, 0, 0x61];
  for (const bytes of [HELLO.slice(0, 1), HELLO.slice(0, 6), HELLO.slice(0, 8), begun, halfPing, close]) {
    const reader = new SpareReader(READER).take();
    reader.push(Uint8Array.from(bytes));
    reader.next();
    expect(reader.isIdle).toBe(false);
  }
});
