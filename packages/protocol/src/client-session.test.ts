import { beforeEach, describe, expect, test } from "vitest";
import { ClientSession, type SessionHandler } from "./client-session.ts";

const HANDSHAKE = '0{"sid":"S","upgrades":["websocket"],"pingInterval":100,"pingTimeout":50,"maxPayload":10}';

let log: unknown[];
let session: ClientSession;

beforeEach(() => {
  log = [];
  const told =
    (name: string) =>
    (...args: unknown[]): void =>
      void log.push([name, ...args]);
  const handler: SessionHandler = {
    onOpen: ({ sid }) => void log.push(["open", sid]),
    onPing: told("ping"),
    onClose: (reason) => void log.push(["close", reason]),
  };
  session = new ClientSession(handler);
});

const open = (): void => {
  session.receive(HANDSHAKE, 0);
  log.length = 0;
};

describe("handshake", () => {
  test("opens with the open packet, once", () => {
    session.receive(HANDSHAKE, 0);
    session.receive(HANDSHAKE, 1);
    expect([log, session.isOpen]).toEqual([[["open", "S"]], true]);
  });

  test.each([
    "4x",
    "",
    "0",
    "0null",
    "0{}",
    '0{"sid":"S"}',
    '0{"sid":"S","pingInterval":"a","pingTimeout":1}',
    '0{"sid":"","pingInterval":1,"pingTimeout":1}',
  ])("%j is no open packet", (frame) => {
    session.receive(frame, 0);
    expect(log).toEqual([["close", "parse error"]]);
  });
});

describe("packets", () => {
  beforeEach(open);

  test("messages go up as text or bytes, without their type digit", () => {
    expect(session.receive("4hello", 1)).toBe("hello");
    expect(session.receive("4", 1)).toBe("");
    expect(session.receive(Uint8Array.of(4, 2), 1)).toEqual(Uint8Array.of(4, 2));
    expect(log).toEqual([]);
  });

  test.each(["0x", "3", "3probe", "5", "6", '6R{"k":1}'])("%j is ignored", (frame) => {
    expect([session.receive(frame, 1), log]).toEqual([undefined, []]);
  });

  test.each(["", "7", "x", "bAQI="])("%j closes with parse error, and nothing is read after it", (frame) => {
    session.receive(frame, 1);
    expect(session.receive("4late", 1)).toBeUndefined();
    expect(log).toEqual([["close", "parse error"]]);
  });

  test("1 closes, as the server wants", () => {
    session.receive("1", 1);
    expect(log).toEqual([["close", "transport close"]]);
  });
});

describe("heartbeat", () => {
  beforeEach(open);

  test("a ping is answered and moves the deadline; nothing else does", () => {
    expect(session.deadline).toBe(150);
    session.receive("4x", 40);
    expect(session.deadline).toBe(150);
    session.receive("2", 100);
    expect([session.deadline, log.at(-1)]).toEqual([250, ["ping"]]);
  });

  test("silence up to the deadline closes with ping timeout", () => {
    session.advance(149);
    expect(log).toEqual([]);
    session.advance(150);
    expect([log, session.deadline]).toEqual([[["close", "ping timeout"]], Infinity]);
  });
});

test("ends once", () => {
  open();
  session.end("forced close");
  session.end("transport error");
  session.advance(1e9);
  expect(session.receive("4x", 1)).toBeUndefined();
  expect(log).toEqual([["close", "forced close"]]);
});
