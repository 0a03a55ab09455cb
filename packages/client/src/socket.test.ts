import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Connection, type ManagerOptions } from "./connection.ts";
import type { Socket, SocketOptions } from "./socket.ts";
import { FakePlatform, settled } from "./testing.ts";

let platform: FakePlatform;

beforeEach(() => {
  platform = new FakePlatform();
});

const open = async (options: ManagerOptions & SocketOptions = {}, nsp = "/"): Promise<Socket> => {
  const manager = new Connection(platform, "http://h", { transports: ["websocket"], ...options });
  const socket = manager.socket(nsp, options);
  await settled();
  return socket;
};

/** The server accepts the session and the namespace. */
const accept = async (sid = "id", extra: object = {}): Promise<void> => {
  platform.last.accept();
  platform.last.receive(`40${JSON.stringify({ sid, ...extra })}`);
  await settled();
};

const connected = async (options: ManagerOptions & SocketOptions = {}): Promise<Socket> => {
  const socket = await open(options);
  await accept();
  platform.last.sent.length = 0;
  return socket;
};

describe("connecting (L4, L6)", () => {
  test("sends CONNECT with auth after the open packet, for each namespace", async () => {
    const socket = await open({ auth: { token: 1 } });
    socket.io.socket("/a", { auth: (done) => done({ token: 2 }) });
    platform.last.accept();
    await settled();
    expect(platform.last.sent).toEqual([['40{"token":1}', '40/a,{"token":2}']]);
  });

  test("sends no payload when auth is null, or calls back with nothing (L4)", async () => {
    const socket = await open({ auth: null as never });
    socket.io.socket("/a", { auth: (done) => done(null as never) });
    platform.last.accept();
    await settled();
    expect(platform.last.packets).toEqual(["40", "40/a,"]);
  });

  test("takes only the first answer of an auth function, and none for an old connection", async () => {
    const answers: ((data: object) => void)[] = [];
    await open({ auth: (done) => answers.push(done) });
    platform.last.accept();
    const first = platform.last;
    platform.last.fail();
    await platform.time.advance(1000);
    platform.last.accept();
    answers[0]?.({ n: 1 });
    answers[1]?.({ n: 2 });
    answers[1]?.({ n: 3 });
    await settled();
    expect([first.packets, platform.last.packets]).toEqual([[], ['40{"n":2}']]);
  });

  test("fires in the order: received events, sent packets, connect (L8)", async () => {
    const socket = await open();
    const log: unknown[] = [];
    socket.on("early", (value) => log.push(value));
    socket.on("connect", () => log.push("connect", socket.id, socket.connected));
    socket.onAnyOutgoing((event) => log.push(`out ${event}`));
    socket.emit("buffered", 1);
    expect(socket.sendBuffer.length).toBe(1);
    platform.last.accept();
    platform.last.receive('42["early","in"]');
    expect(log).toEqual([]);
    platform.last.receive('40{"sid":"x"}');
    expect(log).toEqual(["in", "out buffered", "connect", "x", true]);
    await settled();
    expect(platform.last.packets).toEqual(["40", '42["buffered",1]']);
  });

  test("a refusal makes the socket inactive and closes the connection", async () => {
    const socket = await open();
    const errors: unknown[] = [];
    socket.on("connect_error", (error) => errors.push(error.message, error.data));
    platform.last.accept();
    platform.last.receive('44{"message":"no","data":{"code":1}}');
    await settled();
    expect(errors).toEqual(["no", { code: 1 }]);
    expect([socket.active, platform.last.closed]).toEqual([false, "cleanly"]);
  });

  test("tells v2 servers apart (L7)", async () => {
    const socket = await open();
    const error = vi.fn();
    socket.on("connect_error", error);
    platform.last.accept();
    platform.last.receive("40");
    expect(String(error.mock.calls[0])).toBe(
      "Error: It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client, but they are not compatible (more information here: https://socket.io/docs/v3/migrating-from-2-x-to-3-0/)",
    );
  });

  test("sends pid and offset when it comes back, and knows whether it was recovered", async () => {
    const socket = await open({ auth: { a: 1 } });
    await accept("one", { pid: "P" });
    platform.last.receive('42["news",1,"offset-1"]');
    platform.last.fail();
    await platform.time.advance(1000);
    await accept("one", { pid: "P" });
    expect(platform.last.packets[0]).toBe('40{"pid":"P","offset":"offset-1","a":1}');
    expect(socket.recovered).toBe(true);
  });
});

describe("emitting", () => {
  test("joins the emits of one microtask into one write", async () => {
    const socket = await connected();
    socket.emit("a", 1).emit("b");
    socket.send("c");
    expect(platform.last.sent).toEqual([]);
    await settled();
    expect(platform.last.sent).toEqual([['42["a",1]', '42["b"]', '42["message","c"]']]);
  });

  test("refuses reserved names and more than 10 attachments at the call", async () => {
    const socket = await connected();
    expect(() => socket.emit("connect")).toThrow('"connect" is a reserved event name');
    const many = Array.from({ length: 11 }, () => new Uint8Array(1));
    expect(() => socket.emit("x", many)).toThrow("too many attachments");
    expect(() => socket.emit("x", 1n)).toThrow();
    await settled();
    expect(platform.last.packets).toEqual([]);
  });

  test("gives the socket back, also with flags, which end there (L5)", async () => {
    const socket = await connected();
    platform.last.bufferedBytes = 2 << 20;
    expect(socket.volatile.emit("dropped").emit("kept")).toBe(socket);
    expect(socket.compress(false).timeout(5).volatile.send("dropped")).toBe(socket);
    await settled();
    expect(platform.last.packets).toEqual(['42["kept"]']);
  });

  test("flags are of one emit only", async () => {
    const socket = await connected();
    const volatile = socket.volatile;
    platform.last.bufferedBytes = 2 << 20;
    volatile.emit("dropped");
    socket.emit("kept");
    volatile.compress(false).timeout(5).emit("dropped too");
    await settled();
    expect(platform.last.packets).toEqual(['42["kept"]']);
  });

  test("volatile events are dropped while disconnected and sent while the line is free (L9)", async () => {
    const socket = await open();
    socket.volatile.emit("early");
    await accept();
    socket.emit("a");
    socket.volatile.emit("b");
    await settled();
    expect(platform.last.packets).toEqual(["40", '42["a"]', '42["b"]']);
  });

  test("buffers and closes with ping timeout when a deadline passed unnoticed, as after a sleep (EC7)", async () => {
    const socket = await connected();
    const reason = vi.fn();
    socket.on("disconnect", reason);
    platform.time.now += 45_000;
    socket.emit("x");
    expect([socket.sendBuffer.length, reason.mock.calls.length]).toEqual([1, 0]);
    await settled();
    expect(reason).toHaveBeenCalledWith("ping timeout", undefined);
  });
});

describe("acknowledgements", () => {
  test("come back once, by id, with all values", async () => {
    const socket = await connected();
    const ack = vi.fn();
    socket.emit("q", 1, ack);
    await settled();
    expect(platform.last.packets).toEqual(['420["q",1]']);
    platform.last.receive('430["x","y"]', '430["again"]', "4399[]");
    expect(ack.mock.calls).toEqual([["x", "y"]]);
  });

  test("time out with an error, and leave the send buffer", async () => {
    const socket = await open();
    const ack = vi.fn();
    socket.timeout(100).emit("q", ack);
    await platform.time.advance(99);
    expect(ack).not.toHaveBeenCalled();
    await platform.time.advance(1);
    expect(String(ack.mock.calls[0]?.[0])).toBe("Error: operation has timed out");
    expect(socket.sendBuffer).toEqual([]);
  });

  test("get null first when there is a timeout", async () => {
    const socket = await connected({ ackTimeout: 50 });
    const ack = vi.fn();
    socket.emit("q", ack);
    platform.last.receive('430["x"]');
    expect(ack.mock.calls).toEqual([[null, "x"]]);
    await platform.time.advance(100);
    expect(ack).toHaveBeenCalledTimes(1);
  });

  test("settle on disconnection if they take an error; plain ones are dropped, buffered ones kept (L11)", async () => {
    const socket = await connected();
    const plain = vi.fn();
    const timed = vi.fn();
    socket.emit("q", plain);
    socket.timeout(60_000).emit("q", timed);
    const promise = expect(socket.emitWithAck("q")).rejects.toThrow("socket has been disconnected");
    platform.last.fail();
    await promise;
    expect(plain).not.toHaveBeenCalled();
    expect(String(timed.mock.calls[0]?.[0])).toBe("Error: socket has been disconnected");
    const later = socket.emitWithAck("later");
    await platform.time.advance(1000);
    await accept();
    platform.last.receive('433["late"]');
    expect(await later).toBe("late");
  });

  test("are sent once by listeners", async () => {
    const socket = await connected();
    socket.on("ask", (n: number, ack: (value: number) => void) => {
      ack(n + 1);
      ack(n + 2);
    });
    platform.last.receive('427["ask",1]');
    await settled();
    expect(platform.last.packets).toEqual(["437[2]"]);
  });
});

describe("receiving", () => {
  const uncaught = vi.fn();
  afterEach(() => process.off("uncaughtException", uncaught));

  test("a listener that throws stops neither the others nor the connection (L12)", async () => {
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", uncaught);
    const socket = await connected();
    const other = vi.fn();
    socket.on("x", () => {
      throw new Error("mine");
    });
    socket.on("x", other);
    platform.last.receive('42["x",1]', '42["x",2]');
    await new Promise((resolve) => setImmediate(resolve));
    for (const listener of listeners) process.on("uncaughtException", listener);
    expect([other.mock.calls, socket.connected, uncaught.mock.calls.length]).toEqual([[[1], [2]], true, 2]);
  });

  test("catch-all listeners see every event, in their order, until removed", async () => {
    const socket = await connected();
    const log: unknown[] = [];
    const second = (event: string): unknown => log.push(`second ${event}`);
    socket.onAny(second).prependAny((event, ...args) => log.push([event, ...args]));
    platform.last.receive('42["x",1]');
    socket.offAny(second);
    expect(socket.listenersAny().length).toBe(1);
    platform.last.receive('42["y"]');
    expect(log).toEqual([["x", 1], "second x", ["y"]]);
  });

  test("what cannot be decoded closes the connection with parse error", async () => {
    const socket = await connected();
    const reason = vi.fn();
    socket.on("disconnect", reason);
    platform.last.receive("4nonsense");
    expect(reason.mock.calls[0]?.[0]).toBe("parse error");
    expect([platform.last.closed, socket.active]).toEqual(["cleanly", true]);
  });

  test("after a DISCONNECT of the server it stays away, until told otherwise", async () => {
    const socket = await connected();
    socket.on("disconnect", (reason) => {
      expect([reason, socket.active, socket.id]).toEqual(["io server disconnect", false, undefined]);
      socket.connect();
    });
    platform.last.receive("41", '42["late"]');
    await settled();
    expect(platform.opened.map(({ closed }) => closed)).toEqual(["cleanly", undefined]);
  });
});

describe("retries (L10)", () => {
  test("one emit is in flight; it is sent again on timeout, then given up", async () => {
    const socket = await connected({ retries: 1, ackTimeout: 100 });
    const first = vi.fn();
    const second = vi.fn();
    socket.emit("a", first);
    socket.emit("b", second);
    await settled();
    expect(platform.last.packets).toEqual(['420["a"]']);
    await platform.time.advance(100);
    expect(platform.last.packets).toEqual(['420["a"]', '421["a"]']);
    await platform.time.advance(100);
    expect(String(first.mock.calls[0]?.[0])).toBe("Error: operation has timed out");
    expect(platform.last.packets.at(-1)).toBe('422["b"]');
    platform.last.receive('432["ok"]');
    expect(second.mock.calls).toEqual([[null, "ok"]]);
  });

  test("what was in flight is sent again after a reconnection", async () => {
    const socket = await connected({ retries: 3 });
    socket.emit("a");
    await settled();
    platform.last.fail();
    await platform.time.advance(1000);
    await accept();
    expect(platform.last.packets).toEqual(["40", '421["a"]']);
  });
});
