import { ProtocolError } from "@bowline/protocol";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Message } from "./outbox.ts";
import type { ServerOptions } from "./options.ts";
import { FakeTransport, type Peer, setTheStage, type Stage } from "./test-kit.ts";

afterEach(() => void vi.restoreAllMocks());

const MIB = 1_048_576;

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

const textOf = (bytes: number): string => "x".repeat(bytes);

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

describe("limits on what peers may get wrong", () => {
  test("refused CONNECTs: after maxRejectedConnects the connection ends (abuse matrix 38)", () => {
    const stage = opened({ limits: { maxRejectedConnects: 3 } });
    stage.transport.receive("40/a,", "40/b,", "40/c,");
    expect(closed(stage)).toBe(false);
    stage.transport.receive(..."defghij".split("").map((name) => `40/${name},`));
    expect(closed(stage)).toBe(true);
    expect(stage.transport.sent.length).toBeLessThanOrEqual(4);
  });

  test.fails("refused CONNECTs count per minute", () => {
    const stage = joined({ limits: { maxRejectedConnects: 3 }, pingInterval: 1e9 });
    for (let minute = 0; minute < 10; minute++) {
      stage.transport.receive("40/a,", "40/b,");
      stage.time.advance(60_000);
    }
    expect(closed(stage)).toBe(false);
  });

  test("bad ACKs: ignored up to maxBadAcks, then the connection ends (abuse matrix 93)", () => {
    const stage = joined({ limits: { maxBadAcks: 3 } });
    stage.transport.receive("4399[]", "4399[]", "4399[]");
    expect(closed(stage)).toBe(false);
    stage.transport.receive("4399[]");
    expect(closed(stage)).toBe(true);
  });

  test.fails("bad ACKs count per minute", () => {
    const stage = joined({ limits: { maxBadAcks: 3 }, pingInterval: 1e9 });
    for (let minute = 0; minute < 10; minute++) {
      stage.transport.receive("4399[]");
      stage.time.advance(60_000);
    }
    expect(closed(stage)).toBe(false);
  });

  test("late answers to ids that were given out are not bad", () => {
    const stage = joined({ limits: { maxBadAcks: 1 } });
    socketOf(stage)
      .timeout(10)
      .emit("q", () => {});
    stage.time.advance(10);
    for (let count = 0; count < 10; count++) stage.transport.receive("430[]");
    expect(closed(stage)).toBe(false);
  });

  test("namespaces: the one beyond maxNamespaces is refused (abuse matrix 86)", () => {
    const stage = opened({ limits: { maxNamespaces: 2 } });
    stage.server.of(/^\/n\d$/);
    stage.transport.receive("40/n1,", "40/n2,", "40/n3,");
    stage.time.settle();
    expect(stage.transport.sent.at(-1)).toBe('44/n3,{"message":"too many namespaces"}');
    expect(closed(stage)).toBe(false);
  });

  test("auth with keys that are traps is refused (abuse matrix 81)", () => {
    const stage = opened();
    stage.transport.receive('40{"a":{"__proto__":{"polluted":1}}}');
    stage.time.settle();
    expect(stage.transport.sent).toEqual(['44{"message":"invalid auth"}']);
  });

  test("attachments that do not come: attachmentTimeout, then the connection ends (abuse matrix 96)", () => {
    const stage = joined();
    const reasons = reasonsOf(stage);
    const placeholder = (num: number): string => `{"_placeholder":true,"num":${num}}`;
    stage.transport.receive(`452-["e",${placeholder(0)},${placeholder(1)}]`);
    stage.time.advance(9_000);
    stage.transport.receive(Uint8Array.of(1)); // progress
    stage.time.advance(9_999);
    expect(reasons).toEqual([]);
    stage.time.advance(1);
    expect(reasons).toEqual(["forced close"]);
    expect(closed(stage)).toBe(true);
  });

  test("attachments in time are no cause, and leave no deadline", () => {
    const stage = joined();
    const heard = vi.fn();
    socketOf(stage).on("e", heard);
    stage.transport.receive('451-["e",{"_placeholder":true,"num":0}]', Uint8Array.of(1));
    expect(heard).toHaveBeenCalledTimes(1);
    stage.time.advance(20_000);
    expect(closed(stage)).toBe(false);
  });
});

describe("connectTimeout (socket-protocol §3)", () => {
  test("a connection that has joined nothing by then is closed", () => {
    const stage = opened({ connectTimeout: 1_000 });
    stage.time.advance(999);
    expect(closed(stage)).toBe(false);
    stage.time.advance(1);
    expect(closed(stage)).toBe(true);
    expect(stage.server.clock.size).toBe(0);
  });

  test("a refused CONNECT does not help, a middleware that is asked does not either", () => {
    const stage = opened({ connectTimeout: 1_000 });
    stage.server.use(() => {});
    stage.transport.receive("40/nope,", "40");
    stage.time.advance(1_000);
    expect(closed(stage)).toBe(true);
  });

  test("who has joined once stays, though the last namespace was left", () => {
    const stage = joined({ connectTimeout: 1_000 });
    stage.transport.receive("41");
    stage.time.advance(20_000);
    expect(closed(stage)).toBe(false);
  });

  test.fails("a polling session without a poll ends, too: 30 s later (engine-protocol §9)", () => {
    const transport = new FakeTransport("polling");
    transport.writable = false;
    transport.lingers = true;
    const stage = opened({ connectTimeout: 1_000 }, transport);
    stage.time.advance(1_000);
    expect(stage.connection.readyState).toBe("closing");
    stage.time.advance(30_000);
    expect(stage.connection.readyState).toBe("closed");
  });

  test.fails("a session that is closing keeps its deadline when connectTimeout comes in between", () => {
    const transport = new FakeTransport("polling");
    transport.lingers = true;
    const stage = opened({ connectTimeout: 20_000 }, transport);
    stage.connection.close();
    stage.time.advance(30_000);
    expect(stage.connection.readyState).toBe("closed");
  });

  test.fails("a session that closes because attachments are late keeps its deadline", () => {
    const transport = new FakeTransport("polling");
    transport.lingers = true;
    const stage = opened({}, transport);
    transport.receive("40", '451-["e",{"_placeholder":true,"num":0}]');
    stage.time.advance(10_000);
    expect(stage.connection.readyState).toBe("closing");
    stage.time.advance(30_000);
    expect(stage.connection.readyState).toBe("closed");
  });
});

describe("slow readers (abuse matrix 43, 65)", () => {
  test("one that reads nothing for slowReaderGrace beyond maxBufferedBytes ends with transport error", () => {
    const stage = joined();
    const reasons = reasonsOf(stage);
    stage.transport.writable = false;
    socketOf(stage).emit("e", textOf(MIB));
    stage.time.advance(4_999);
    expect(reasons).toEqual([]);
    stage.time.advance(1);
    expect(reasons).toEqual(["transport error"]);
  });

  test("the description says slow consumer", () => {
    const stage = joined();
    const described: unknown[] = [];
    socketOf(stage).on("disconnect", (_reason, description) => described.push(description));
    stage.transport.writable = false;
    socketOf(stage).emit("e", textOf(MIB));
    stage.time.advance(5_000);
    expect(described).toEqual([expect.objectContaining({ message: "slow consumer" })]);
  });

  test("bytes count that the transport has taken and its peer has not", () => {
    const stage = joined();
    stage.transport.bufferedBytes = MIB + 1;
    socketOf(stage).emit("e");
    stage.time.advance(5_000);
    expect(closed(stage)).toBe(true);
  });

  test("less than that may wait as long as the heartbeat allows", () => {
    const stage = joined();
    stage.transport.writable = false;
    socketOf(stage).emit("e", textOf(MIB / 2));
    stage.time.advance(20_000);
    expect(closed(stage)).toBe(false);
  });

  test("a drain within the grace saves it, and what waited is written", () => {
    const stage = joined();
    stage.transport.writable = false;
    socketOf(stage).emit("e", textOf(MIB));
    stage.time.advance(4_999);
    stage.transport.writable = true;
    stage.transport.handler.onDrain();
    expect(stage.transport.sent).toHaveLength(1);
    stage.time.advance(10_000);
    expect(closed(stage)).toBe(false);
  });

  test.fails("a peer that takes bytes, though it never drains the buffer, is not a slow reader", () => {
    const stage = joined();
    stage.transport.bufferedBytes = 4 * MIB;
    socketOf(stage).emit("e");
    for (let second = 0; second < 10; second++) {
      stage.time.advance(1_000);
      stage.transport.bufferedBytes -= MIB / 4;
    }
    expect(closed(stage)).toBe(false);
  });

  test.fails("a peer that has come below the limit by the end of the grace is not, either", () => {
    const stage = joined();
    stage.transport.bufferedBytes = 2 * MIB;
    socketOf(stage).emit("e");
    stage.time.advance(4_000);
    stage.transport.bufferedBytes = 1_000;
    stage.time.advance(2_000);
    expect(closed(stage)).toBe(false);
  });

  test("the hard stop ends it at once", () => {
    const stage = joined({ limits: { maxBufferedBytesHard: 1_000 } });
    const reasons = reasonsOf(stage);
    stage.transport.writable = false;
    socketOf(stage).emit("e", textOf(900));
    expect(reasons).toEqual([]);
    socketOf(stage).emit("e", textOf(900));
    expect(reasons).toEqual(["transport error"]);
  });

  test.fails("the hard stop counts what the transport still holds: nothing passes it", () => {
    const stage = joined({ limits: { maxBufferedBytesHard: 1_000 } });
    stage.transport.writable = false;
    stage.transport.bufferedBytes = 900;
    socketOf(stage).emit("e", textOf(900));
    expect(closed(stage)).toBe(true);
  });

  test("0 switches both limits off", () => {
    const stage = joined({ limits: { maxBufferedBytes: 0, maxBufferedBytesHard: 0 } });
    stage.transport.writable = false;
    socketOf(stage).emit("e", textOf(2 * MIB));
    stage.time.advance(20_000);
    expect(closed(stage)).toBe(false);
  });

  test("volatile packets are dropped earlier: while it is not writable, or the limit is reached", () => {
    const stage = joined({ limits: { maxBufferedBytes: 100 } });
    const socket = socketOf(stage);
    socket.volatile.emit("kept");
    socket.emit("large", textOf(100));
    socket.volatile.emit("lost");
    stage.time.settle();
    expect(stage.transport.sent.map((packet) => String(packet).slice(0, 8))).toEqual(['42["kept', '42["larg']);
  });
});

describe("turns (abuse matrix 37, 102)", () => {
  /** Each event costs 1 ms of virtual time. */
  const busy = (options: Partial<ServerOptions> = {}): Stage & { heard: string[] } => {
    const stage = setTheStage(options);
    const heard: string[] = [];
    stage.server.on("connection", (socket) =>
      socket.on("e", (name: string) => {
        stage.time.stall(1);
        heard.push(name);
      }),
    );
    return { ...stage, heard };
  };
  const events = (name: string, count: number): string[] => Array.from({ length: count }, () => `42["e","${name}"]`);

  test("a connection with a lot of input yields after its slice, and pauses its transport", () => {
    const stage = busy();
    const { transport } = stage.join();
    transport.receive(...events("a", 100));
    expect(stage.heard.length).toBeLessThan(32);
    expect(transport.paused).toBe(true);
    stage.time.settle();
    expect(stage.heard.length).toBe(100);
    expect(transport.paused).toBe(false);
  });

  test("others have their turn in between, round robin", () => {
    const stage = busy();
    const [a, b] = [stage.join(), stage.join()];
    a.transport.receive(...events("a", 100));
    b.transport.receive(...events("b", 100));
    stage.time.settle();
    expect(stage.heard.length).toBe(200);
    const half = stage.heard.slice(0, 100);
    expect(half.filter((name) => name === "b").length).toBeGreaterThan(30);
  });

  test("one with little input does not wait for those with a lot", () => {
    const stage = busy();
    const [a, b] = [stage.join(), stage.join()];
    a.transport.receive(...events("a", 1_000));
    b.transport.receive(...events("b", 1));
    expect(stage.heard.filter((name) => name === "b")).toHaveLength(1);
  });

  test("input that comes while a connection waits for its turn keeps its place behind the earlier", () => {
    const stage = busy();
    const { transport } = stage.join();
    transport.receive(...events("first", 40));
    transport.receive(...events("second", 3));
    expect(stage.heard).not.toContain("second");
    stage.time.settle();
    expect(stage.heard.lastIndexOf("first")).toBeLessThan(stage.heard.indexOf("second"));
    expect(stage.heard).toHaveLength(43);
  });

  test("a connection that ends while it waits is not resumed", () => {
    const stage = busy();
    const { transport, connection } = stage.join();
    transport.receive(...events("a", 100));
    const { length } = stage.heard;
    connection.close(true);
    stage.time.settle();
    expect(stage.heard.length).toBe(length);
  });

  test("a small input runs in one go", () => {
    const stage = busy();
    const { transport } = stage.join();
    transport.receive(...events("a", 10));
    expect(stage.heard).toHaveLength(10);
  });

  test("slice 0 switches it off", () => {
    const stage = busy({ limits: { slice: 0 } });
    const { transport } = stage.join();
    transport.receive(...events("a", 1_000));
    expect(stage.heard).toHaveLength(1_000);
  });
});

describe("candidates (engine-protocol §8)", () => {
  const onPolling = (options: Partial<ServerOptions> = {}) => {
    const stage = opened(options, new FakeTransport("polling"));
    stage.transport.receive("40");
    stage.time.settle();
    stage.transport.take();
    const candidate = new FakeTransport();
    return { ...stage, candidate, offered: stage.connection.offerCandidate(candidate) };
  };

  test("the probe is answered at once, on the candidate alone", () => {
    const { candidate, transport, offered } = onPolling();
    expect(offered).toBe(true);
    candidate.receive("2probe");
    expect(candidate.sent).toEqual(["3probe"]);
    expect(transport.sent).toEqual([]);
    expect(transport.releases).toBe(1);
  });

  test("until the 5 everything travels over polling; behind it over the candidate, in order", () => {
    const { candidate, transport, connection, time, ...stage } = onPolling();
    const socket = socketOf({ ...stage, time });
    const heard: unknown[] = [];
    socket.on("e", (value) => heard.push(value));
    candidate.receive("2probe");
    socket.emit("over polling");
    time.settle();
    transport.writable = false;
    socket.emit("waits");
    time.settle();
    candidate.receive("5", '42["e",1]', '42["e",2]');
    expect(transport.sent).toEqual(['42["over polling"]']);
    expect(candidate.sent).toEqual(["3probe", '42["waits"]']);
    expect(heard).toEqual([1, 2]);
    expect([transport.retired, connection.transport, connection.upgraded]).toEqual([true, candidate, true]);
  });

  test("anything else on it closes the candidate, and the session goes on (abuse matrix 44, 45)", () => {
    for (const frames of [['42["e"]'], ["2probe", "2probe"], ["x"], ["2"]]) {
      const { candidate, transport, connection } = onPolling();
      candidate.receive(...frames);
      expect(candidate.closes.length).toBeGreaterThan(0);
      expect([connection.readyState, connection.transport]).toEqual(["open", transport]);
    }
  });

  test("a late one is closed at upgradeTimeout (abuse matrix 47)", () => {
    const { candidate, connection, time } = onPolling();
    time.advance(10_000);
    expect(candidate.closes).toHaveLength(1);
    expect(connection.readyState).toBe("open");
    expect(connection.offerCandidate(new FakeTransport())).toBe(true);
  });

  test("a second one is not wanted (abuse matrix 46)", () => {
    const { candidate, connection } = onPolling();
    expect(connection.offerCandidate(new FakeTransport())).toBe(false);
    candidate.receive("2probe", "5");
    expect(connection.upgraded).toBe(true);
  });

  test("one that ends by itself is forgotten", () => {
    const { candidate, connection } = onPolling();
    candidate.handler.onTransportEnd("transport close", "");
    expect([connection.upgrading, connection.readyState]).toEqual([false, "open"]);
    expect(connection.offerCandidate(new FakeTransport())).toBe(true);
  });

  test("the session's end closes it, whatever its state, and leaves no deadline (abuse matrix 51)", () => {
    for (const frames of [[], ["2probe"]]) {
      const { candidate, transport, server } = onPolling();
      candidate.receive(...frames);
      transport.handler.onTransportEnd("transport error", "overlap from client");
      expect(candidate.closes).toHaveLength(1);
      expect(server.clock.size).toBe(0);
    }
  });

  test("the pong's deadline lives through the upgrade (§7)", () => {
    const { candidate, connection, time } = onPolling();
    time.advance(9_000);
    candidate.receive("2probe", "5");
    time.advance(16_000);
    expect(candidate.sent).toContain("2");
    time.advance(20_000);
    expect(connection.readyState).toBe("closed");
  });

  test("attempts are counted: over `candidates` in 10 s there are too many (abuse matrix 47)", () => {
    const { connection, time } = joined({ limits: { candidates: 3 } });
    expect(Array.from({ length: 5 }, () => connection.countCandidate())).toEqual([true, true, true, false, false]);
    time.advance(10_000);
    expect(connection.countCandidate()).toBe(true);
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
  test("raw messages go out, and the callback comes with their flush", () => {
    const stage = joined();
    const flushed = vi.fn();
    stage.connection.send("text", {}, flushed).write(Uint8Array.of(1));
    expect(stage.connection.writeBuffer).toHaveLength(2);
    expect(flushed).not.toHaveBeenCalled();
    stage.time.settle();
    expect(stage.transport.sent).toEqual(["4text", Uint8Array.of(1)]);
    expect(flushed).toHaveBeenCalledTimes(1);
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
      ["heartbeat"],
    ]);
  });
});
