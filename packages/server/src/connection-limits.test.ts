import { describe, expect, test, vi } from "vitest";
import type { ServerOptions } from "./options.ts";
import { FakeTransport, type Peer, setTheStage, type Stage } from "./test-kit.ts";

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

describe("limits on what peers may get wrong", () => {
  test("refused CONNECTs: after maxRejectedConnects the connection ends (abuse matrix 38)", () => {
    const stage = opened({ limits: { maxRejectedConnects: 3 } });
    stage.transport.receive("40/a,", "40/b,", "40/c,");
    expect(closed(stage)).toBe(false);
    stage.transport.receive(..."defghij".split("").map((name) => `40/${name},`));
    expect(closed(stage)).toBe(true);
    expect(stage.transport.sent.length).toBeLessThanOrEqual(4);
  });

  test("refused CONNECTs count per minute", () => {
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

  test("bad ACKs count per minute", () => {
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

  test("a polling session without a poll ends at once: it has joined nothing that it could be told of", () => {
    const transport = new FakeTransport("polling");
    transport.writable = false;
    transport.lingers = true;
    const stage = opened({ connectTimeout: 1_000 }, transport);
    stage.time.advance(1_000);
    expect(stage.connection.readyState).toBe("closed");
  });

  test("a session that is closing keeps its deadline when connectTimeout comes in between", () => {
    const transport = new FakeTransport("polling");
    transport.lingers = true;
    const stage = opened({ connectTimeout: 20_000 }, transport);
    stage.connection.close();
    stage.time.advance(30_000);
    expect(stage.connection.readyState).toBe("closed");
  });

  test("a session that closes because attachments are late keeps its deadline", () => {
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

describe("slow readers (api.md ES10, abuse matrix 43, 65)", () => {
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

  test("a peer that takes bytes, though it never drains the buffer, is not a slow reader", () => {
    const stage = joined();
    stage.transport.bufferedBytes = 4 * MIB;
    socketOf(stage).emit("e");
    for (let second = 0; second < 10; second++) {
      stage.time.advance(1_000);
      stage.transport.bufferedBytes -= MIB / 4;
    }
    expect(closed(stage)).toBe(false);
  });

  test("a peer that has come below the limit by the end of the grace is not, either", () => {
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

  test("the hard stop counts what the transport still holds: nothing passes it", () => {
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

  test("beyond eventsPerSecond reading pauses, nothing is lost, and nobody is disconnected (abuse matrix 102)", () => {
    const stage = setTheStage({ limits: { eventsPerSecond: 10 } });
    const heard: number[] = [];
    stage.server.on("connection", (socket) => socket.on("e", (n: number) => heard.push(n)));
    const { transport, connection } = stage.join();
    const other = stage.join();
    stage.time.advance(10_000);
    transport.receive(...Array.from({ length: 25 }, (_, n) => `42["e",${n}]`));
    expect([heard.length, transport.paused]).toEqual([10, true]);
    other.transport.receive('42["e",100]');
    expect(heard.splice(10)).toEqual([100]);
    stage.time.advance(1_000);
    expect(heard.length).toBe(20);
    stage.time.advance(1_000);
    expect(heard).toEqual(Array.from({ length: 25 }, (_, n) => n));
    expect([transport.paused, connection.readyState]).toEqual([false, "open"]);
  });

  test("what is no event does not count, and one that ends while it waits leaves no deadline", () => {
    const stage = setTheStage({ limits: { eventsPerSecond: 1 } });
    const { transport, connection } = stage.join();
    transport.receive("3", "43[]", "6", "40/x,", "41/x", "3");
    expect([transport.paused, connection.readyState]).toEqual([false, "closed"]);
    const late = stage.join();
    late.transport.receive('42["e"]', '42["e"]');
    expect(late.transport.paused).toBe(true);
    late.connection.close(true);
    expect(stage.server.clock.size).toBe(0);
  });

  test("slice 0 switches it off", () => {
    const stage = busy({ limits: { slice: 0 } });
    const { transport } = stage.join();
    transport.receive(...events("a", 1_000));
    expect(stage.heard).toHaveLength(1_000);
  });
});
