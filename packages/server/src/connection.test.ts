import { ProtocolError } from "@bowline/protocol";
import { describe, expect, test, vi } from "vitest";
import type { ServerOptions } from "./options.ts";
import { Message } from "./outbox.ts";
import { FakeTransport, type Peer, setTheStage, type Stage } from "./test-kit.ts";

const joined = (options: Partial<ServerOptions> = {}): Stage & Peer => {
  const stage = setTheStage(options);
  return { ...stage, ...stage.join() };
};

const opened = (options: Partial<ServerOptions> = {}, transport?: FakeTransport): Stage & Peer => {
  const stage = setTheStage(options);
  return { ...stage, ...stage.open(transport) };
};

const socketOf = ({ server }: Stage) => [...server.sockets.sockets.values()][0]!;

/** The reasons that the sockets of a namespace will have been told. */
const reasonsOf = (stage: Stage, nsp = "/"): unknown[] => {
  const reasons: unknown[] = [];
  for (const socket of stage.server.of(nsp).sockets.values()) socket.on("disconnect", (reason) => reasons.push(reason));
  return reasons;
};

const closed = (peer: Peer): boolean => peer.connection.readyState === "closed";

describe("joining (socket-protocol §3)", () => {
  test("CONNECT is answered with a sid of 20 characters and no other key", () => {
    const stage = opened();
    stage.transport.receive("40");
    stage.time.settle();
    expect(stage.transport.sent).toEqual([expect.stringMatching(/^40\{"sid":"[A-Za-z0-9_-]{20}"\}$/)]);
  });

  test("what the connection listener sends follows the answer", () => {
    const stage = opened();
    stage.server.on("connection", (socket) => socket.emit("welcome"));
    stage.transport.receive("40");
    stage.time.settle();
    expect(stage.transport.sent).toEqual([expect.stringMatching(/^40\{/), '42["welcome"]']);
    expect(stage.transport.writes).toHaveLength(1);
  });

  test("an unknown namespace is refused, and the connection stays open", () => {
    const stage = opened();
    stage.transport.receive("40/random,", "40");
    stage.time.settle();
    expect(stage.transport.sent[0]).toBe('44/random,{"message":"Invalid namespace"}');
    expect(stage.transport.sent[1]).toMatch(/^40\{/);
  });

  test.each([
    ["a second CONNECT", ["40", "40"]],
    ["an event before its CONNECT", ['42["e"]']],
    ["an event for another namespace", ["40", '42/foo,["e"]']],
    ["an ACK for another namespace", ["40", "43/foo,1[]"]],
    ["a DISCONNECT for another namespace", ["40", "41/foo,"]],
    ["an event behind an own DISCONNECT", ["40", "41", '42["e"]']],
  ])("%s closes: forced server close", (_name, frames) => {
    const stage = opened();
    const reasons: unknown[] = [];
    stage.server.on("connection", (socket) => socket.on("disconnect", (reason) => reasons.push(reason)));
    stage.transport.receive(...frames);
    expect(closed(stage)).toBe(true);
    expect(reasons.filter((reason) => reason !== "client namespace disconnect")).toEqual(
      frames[0] === "40" && frames[1] !== "41" ? ["forced server close"] : [],
    );
  });

  test.each([
    ["a second CONNECT", "40"],
    ["an event", '42["e"]'],
    ["a DISCONNECT", "41"],
  ])("while a middleware decides, the slot is taken: %s closes (abuse matrix 80)", (_name, frame) => {
    const stage = opened();
    const connected = vi.fn();
    let admit = (): void => {};
    stage.server.on("connection", connected);
    stage.server.use((_socket, next) => {
      admit = next;
    });
    stage.transport.receive("40");
    expect(closed(stage)).toBe(false);
    stage.transport.receive(frame);
    expect(closed(stage)).toBe(true);
    admit();
    expect(connected).not.toHaveBeenCalled();
    expect(stage.server.sockets.sockets.size).toBe(0);
    expect(stage.server.sockets.adapter.rooms.size).toBe(0);
  });

  test("a namespace can be joined again after an own DISCONNECT, with a new sid", () => {
    const stage = joined();
    const before = socketOf(stage).id;
    stage.transport.receive("41", "40");
    stage.time.settle();
    expect(socketOf(stage).id).not.toBe(before);
  });

  test("what is no packet fires error on each socket and ends them with forced close (socket-protocol §5)", () => {
    const stage = setTheStage();
    stage.server.of("/a");
    const peer = stage.join("/", "/a");
    const reasons = [reasonsOf(stage), reasonsOf(stage, "/a")];
    const errors: unknown[] = [];
    for (const nsp of ["/", "/a"])
      for (const socket of stage.server.of(nsp).sockets.values()) socket.on("error", (error) => errors.push(error));
    peer.transport.receive("4abc", '42["late"]');
    expect(errors).toEqual([expect.any(ProtocolError), expect.any(ProtocolError)]);
    expect(reasons).toEqual([["forced close"], ["forced close"]]);
    expect(peer.transport.closes[0]).toMatchObject({ reason: "forced close" });
  });

  test("what is no Engine.IO packet ends the sockets with parse error", () => {
    const stage = joined();
    const reasons = reasonsOf(stage);
    stage.transport.receive("7");
    expect(reasons).toEqual(["parse error"]);
  });
});

describe("leaving (socket-protocol §5)", () => {
  test("packets that crossed the server's DISCONNECT are dropped for 10 s, then they close", () => {
    const stage = joined();
    socketOf(stage).disconnect();
    stage.transport.receive('42["crossing"]', "430[]", "41");
    stage.time.advance(9_999);
    stage.transport.receive('42["late"]');
    expect(closed(stage)).toBe(false);
    stage.time.advance(1);
    stage.transport.receive('42["too late"]');
    expect(closed(stage)).toBe(true);
  });

  test("until the peer's next CONNECT there", () => {
    const stage = joined();
    socketOf(stage).disconnect();
    stage.transport.receive("40");
    const heard = vi.fn();
    socketOf(stage).on("e", heard);
    stage.transport.receive('42["e"]');
    expect(heard).toHaveBeenCalledTimes(1);
    stage.transport.receive("41", '42["e"]');
    expect(closed(stage)).toBe(true);
  });

  test("a DISCONNECT goes out to the client, and the connection stays open", () => {
    const stage = joined();
    const reasons = reasonsOf(stage);
    socketOf(stage).disconnect();
    stage.time.settle();
    expect(stage.transport.sent).toEqual(["41"]);
    expect(reasons).toEqual(["server namespace disconnect"]);
    expect(closed(stage)).toBe(false);
  });
});

describe("the end of a connection (api.md K6)", () => {
  test("disconnecting with rooms, then disconnect, for each socket, then close", () => {
    const stage = setTheStage();
    stage.server.of("/a");
    const { connection } = stage.join("/", "/a");
    const order: unknown[] = [];
    for (const nsp of ["/", "/a"]) {
      for (const socket of stage.server.of(nsp).sockets.values()) {
        socket.on("disconnecting", (reason) => order.push([nsp, "disconnecting", reason, socket.rooms.size]));
        socket.on("disconnect", (reason) => order.push([nsp, "disconnect", reason, socket.rooms.size]));
      }
    }
    connection.on("close", (reason) => order.push(["close", reason]));
    connection.endWith("forced server close");
    expect(order).toEqual([
      ["/", "disconnecting", "forced server close", 1],
      ["/", "disconnect", "forced server close", 0],
      ["/a", "disconnecting", "forced server close", 1],
      ["/a", "disconnect", "forced server close", 0],
      ["close", "forced server close"],
    ]);
  });

  test("what waits is written before the close", () => {
    const stage = joined();
    socketOf(stage).emit("last words");
    stage.connection.close();
    expect(stage.transport.sent).toEqual(['42["last words"]']);
    expect(stage.transport.closes[0]).toMatchObject({ reason: "forced close" });
  });

  test("also when the transport is busy", () => {
    const stage = joined();
    stage.transport.writable = false;
    socketOf(stage).emit("last words");
    stage.time.settle();
    socketOf(stage).disconnect(true);
    stage.transport.writable = true;
    stage.transport.handler.onDrain();
    expect(stage.transport.sent).toEqual(['42["last words"]', "41"]);
  });

  test("close(true) drops what waits", () => {
    const stage = joined();
    socketOf(stage).emit("lost");
    stage.connection.close(true);
    expect(stage.transport.sent).toEqual([]);
    expect(stage.transport.closes[0]).toMatchObject({ discard: true });
  });

  test("close(true) ends a session that was closing in peace", () => {
    const transport = new FakeTransport("polling");
    transport.lingers = true;
    const stage = opened({}, transport);
    stage.connection.close();
    expect(stage.connection.readyState).toBe("closing");
    stage.connection.close(true);
    expect(transport.closes.at(-1)).toMatchObject({ discard: true });
  });

  test("nothing is accepted afterwards, and nothing is left", () => {
    const stage = joined();
    const socket = socketOf(stage);
    stage.connection.close();
    stage.transport.take();
    socket.emit("late");
    stage.connection.sendMessage(new Message(["4late"]));
    stage.connection.close();
    stage.time.settle();
    expect(stage.transport.sent).toEqual([]);
    expect(stage.connection.writeBuffer).toEqual([]);
    expect(stage.server.clock.size).toBe(0);
  });

  test("a listener of disconnect that throws costs nobody anything", () => {
    const stage = joined();
    socketOf(stage).on("disconnect", () => {
      throw new Error("mine");
    });
    stage.connection.close();
    expect([closed(stage), stage.errors]).toEqual([true, [expect.objectContaining({ message: "mine" })]]);
  });

  test("without a pong it is a ping timeout", () => {
    const stage = joined();
    const reasons = reasonsOf(stage);
    stage.time.advance(44_999);
    expect(reasons).toEqual([]);
    stage.time.advance(1);
    expect(reasons).toEqual(["ping timeout"]);
    expect(stage.server.clock.size).toBe(0);
  });

  test("a pong that was there before the process paused counts (engine-protocol §7)", () => {
    const stage = joined();
    const reasons = reasonsOf(stage);
    stage.time.advance(25_000);
    stage.time.stall(60_000);
    stage.time.wake();
    stage.transport.receive("3");
    stage.time.settle();
    expect(reasons).toEqual([]);
  });
});

describe("the public face, socket.conn (api.md ES7, ES8)", () => {
  test("raw messages go out, and the callback comes behind their flush", () => {
    const stage = joined();
    const flushed = vi.fn();
    stage.connection.send("text", {}, flushed).write(Uint8Array.of(1));
    expect(stage.connection.writeBuffer).toHaveLength(2);
    expect(flushed).not.toHaveBeenCalled();
    stage.time.settle();
    expect(stage.transport.sent).toEqual(["4text", Uint8Array.of(1)]);
    expect(flushed.mock.calls).toEqual([[stage.transport]]);
    expect(() => stage.connection.send("a\u001eb")).toThrow(expect.objectContaining({ code: "separator_in_text" }));
  });

  test("packets are announced, both ways, to who listens", () => {
    const stage = joined();
    const told: unknown[] = [];
    stage.connection.on("packetCreate", (packet) => told.push(["packetCreate", packet]));
    stage.connection.on("packet", (packet) => told.push(["packet", packet]));
    stage.connection.on("heartbeat", () => told.push(["heartbeat"]));
    socketOf(stage).emit("e");
    stage.transport.receive('42["x"]');
    stage.time.advance(25_000);
    stage.transport.receive("3");
    expect(told).toEqual([
      ["packetCreate", { type: "message", data: '2["e"]' }],
      ["packet", { type: "message", data: '2["x"]' }],
      ["packetCreate", { type: "ping", data: undefined }],
      ["packet", { type: "pong", data: undefined }],
      ["heartbeat"],
    ]);
  });

  test("flush comes with its packets before they are written, drain behind them, at the engine too (ES5)", () => {
    const stage = joined();
    const told: unknown[] = [];
    const note =
      (name: string) =>
      (...args: unknown[]): unknown =>
        told.push([name, stage.transport.sent.length, ...args]);
    stage.connection.on("flush", note("flush")).on("drain", note("drain"));
    stage.server.engine.on("flush", note("engine flush")).on("drain", note("engine drain"));
    stage.connection.send("a").send(Uint8Array.of(1));
    stage.time.settle();
    const packets = [
      { type: "message", data: "a" },
      { type: "message", data: Uint8Array.of(1) },
    ];
    expect(told).toEqual([
      ["flush", 0, packets],
      ["engine flush", 0, stage.connection, packets],
      ["drain", 2],
      ["engine drain", 2, stage.connection],
    ]);
  });

  test("request may be set to null, to save memory: the handshake is still there", () => {
    const stage = opened();
    const { request } = stage.connection;
    stage.connection.request = null;
    expect(stage.connection.request).not.toBe(request);
    stage.transport.receive("40");
    expect(socketOf(stage).handshake.url).toBe(request.url);
  });
});
