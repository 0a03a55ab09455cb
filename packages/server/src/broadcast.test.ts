import { type Frame, jsonCodec, type Packet, PacketType, type Parser, type ParserPacket } from "@bowline/protocol";
import { describe, expect, test } from "vitest";
import { limitDefaults } from "./options.ts";
import { type FakeTransport, type Peer, setTheStage, type Stage } from "./test-kit.ts";

/** JSON as a parser, and how many events it has encoded. */
function countingParser(): Parser & { events: number } {
  const parser = {
    events: 0,
    Encoder: class {
      encode(packet: ParserPacket) {
        if (packet.type === PacketType.EVENT) parser.events++;
        return jsonCodec.encode(packet as Packet);
      }
    },
    Decoder: class {
      readonly #reader = jsonCodec.reader({ ...limitDefaults });
      #listener: (packet: ParserPacket) => void = () => {};
      on(_event: "decoded", listener: (packet: ParserPacket) => void) {
        this.#listener = listener;
      }
      add(chunk: Frame) {
        const packet = this.#reader.read(chunk);
        if (packet !== undefined) this.#listener(packet as ParserPacket);
      }
    },
  };
  return parser;
}

function audience(count: number): Stage & { codec: { events: number }; peers: Peer[] } {
  const codec = countingParser();
  const stage = setTheStage({ parser: codec });
  const peers = Array.from({ length: count }, () => stage.join());
  return { ...stage, codec, peers };
}

const joinedOf = (transports: FakeTransport[], at: number): Set<Uint8Array> =>
  new Set(transports.map((transport) => transport.writes[at]!.batch.bytes()));

describe("a broadcast is encoded once, joined once, and written once per socket (api.md B6)", () => {
  test("10 broadcasts to 5 sockets in one tick are 10 encodes, 1 join and 5 writes", () => {
    const { server, time, codec, peers } = audience(5);
    for (let count = 0; count < 10; count++) server.emit("tick", count);
    expect(peers.flatMap(({ transport }) => transport.writes)).toEqual([]);
    time.settle();
    const transports = peers.map(({ transport }) => transport);
    expect(codec.events).toBe(10);
    expect(transports.map(({ writes }) => writes.length)).toEqual([1, 1, 1, 1, 1]);
    expect(transports.every(({ writes }) => !writes[0]!.more)).toBe(true);
    expect(joinedOf(transports, 0).size).toBe(1);
    expect(transports[0]!.sent).toEqual(Array.from({ length: 10 }, (_, at) => `42["tick",${at}]`));
  });

  test("a private message in front is corked before the shared run, which stays one join", () => {
    const { server, time, codec, peers } = audience(5);
    const [first] = [...server.sockets.sockets.values()];
    first!.emit("private");
    for (let count = 0; count < 10; count++) server.emit("tick", count);
    time.settle();
    const [favoured, ...others] = peers.map(({ transport }) => transport);
    expect(codec.events).toBe(11);
    expect(favoured!.writes.map(({ more }) => more)).toEqual([true, false]);
    expect(favoured!.writes[0]!.batch.messages()).toHaveLength(1);
    expect(others.map(({ writes }) => writes.length)).toEqual([1, 1, 1, 1]);
    const runs = new Set([favoured!.writes[1]!.batch, ...others.map(({ writes }) => writes[0]!.batch)]);
    expect(runs.size).toBe(1);
  });

  test("an acknowledgement in front does not end the sharing, either", () => {
    const { server, time, peers } = audience(2);
    const [first] = [...server.sockets.sockets.values()];
    first!.on("ask", (answer) => answer("yes"));
    peers[0]!.transport.receive('427["ask"]');
    server.emit("tick");
    time.settle();
    expect(peers[0]!.transport.writes.map(({ more }) => more)).toEqual([true, false]);
    expect(peers[0]!.transport.sent).toEqual(['437["yes"]', '42["tick"]']);
    expect(peers[0]!.transport.writes[1]!.batch).toBe(peers[1]!.transport.writes[0]!.batch);
  });

  test("500 sockets with 1 unicast each and 10 broadcasts are 1 shared join", () => {
    const { server, time, peers } = audience(500);
    for (const socket of server.sockets.sockets.values()) socket.emit("private", socket.id);
    for (let count = 0; count < 10; count++) server.emit("tick", count);
    time.settle();
    const transports = peers.map(({ transport }) => transport);
    expect(joinedOf(transports, 1).size).toBe(1);
    expect(transports.every(({ writes }) => writes.length === 2)).toBe(true);
  });

  test("a ping in front does not end the sharing", () => {
    const { server, time, peers } = audience(3);
    for (const { connection } of peers) connection.onControl("2");
    server.emit("tick");
    time.settle();
    expect(peers[0]!.transport.sent).toEqual(["2", '42["tick"]']);
    expect(new Set(peers.map(({ transport }) => transport.writes.at(-1)!.batch)).size).toBe(1);
  });

  test("nothing is encoded for nobody twice: an empty room costs one encode and no write", () => {
    const { server, time, codec, peers } = audience(2);
    server.to("nowhere").emit("tick");
    time.settle();
    expect(codec.events).toBe(1);
    expect(peers.flatMap(({ transport }) => transport.writes)).toEqual([]);
  });
});

describe("whom it reaches (api.md B1)", () => {
  const reachedBy = (emit: (stage: Stage) => void): number[] => {
    const stage = audience(4);
    const sockets = [...stage.server.sockets.sockets.values()];
    void sockets[0]!.join(["a", "b"]);
    void sockets[1]!.join("b");
    void sockets[2]!.join("c");
    emit(stage);
    stage.time.settle();
    return stage.peers.flatMap(({ transport }, at) => transport.sent.map(() => at));
  };
  const first = ({ server }: Stage): { to(room: string): { emit(event: string): unknown } } & Record<"id", string> =>
    [...server.sockets.sockets.values()][0]!;

  test.each<[string, (stage: Stage) => void, number[]]>([
    ["everyone", ({ server }) => server.emit("x"), [0, 1, 2, 3]],
    ["the union of rooms, each once", ({ server }) => server.to("a").in(["b", "c"]).emit("x"), [0, 1, 2]],
    ["without the union of exceptions", ({ server }) => server.except("a").except(["c"]).emit("x"), [1, 3]],
    ["a room without another", ({ server }) => server.to("b").except("a").emit("x"), [1]],
    ["a socket by its id", (stage) => stage.server.to(first(stage).id).emit("x"), [0]],
    ["a room but not the sender", (stage) => first(stage).to("b").emit("x"), [1]],
  ])("%s", (_name, emit, expected) => {
    expect(reachedBy(emit)).toEqual(expected);
  });

  test("an operator is immutable and can be used again (api.md N1)", () => {
    const { server, time, peers } = audience(2);
    const [one] = [...server.sockets.sockets.values()];
    void one!.join("a");
    const toA = server.to("a");
    void toA.except("a");
    toA.emit("x");
    toA.emit("y");
    time.settle();
    expect(peers[0]!.transport.sent).toEqual(['42["x"]', '42["y"]']);
    expect(peers[1]!.transport.sent).toEqual([]);
  });

  test("reserved names are refused at the call (api.md N6)", () => {
    const { server } = audience(0);
    expect(() => server.emit("connect")).toThrow('"connect" is a reserved event name');
    expect(() => server.to("a").emit("disconnecting")).toThrow('"disconnecting" is a reserved event name');
  });

  test("more attachments than peers accept are refused at the call, and nobody is harmed", () => {
    const stage = setTheStage();
    const { server, time } = stage;
    const peers = [stage.join()];
    const many = Array.from({ length: 11 }, () => new Uint8Array(1));
    expect(() => server.emit("x", ...many)).toThrow(expect.objectContaining({ code: "too_many_attachments" }));
    server.emit("x", ...many.slice(1));
    time.settle();
    expect(peers[0]!.transport.sent).toHaveLength(11);
  });
});

describe("acknowledgements of broadcasts (api.md B2)", () => {
  const answered = (): { calls: unknown[][]; callback: (...args: unknown[]) => void } => {
    const calls: unknown[][] = [];
    return { calls, callback: (...args) => void calls.push(args) };
  };

  test("come when all have answered, with the first value of each", async () => {
    const { server, time, peers } = audience(2);
    const { calls, callback } = answered();
    server.timeout(1_000).emit("q", callback);
    await Promise.resolve();
    time.settle();
    expect(peers.map(({ transport }) => transport.take())).toEqual([['420["q"]'], ['420["q"]']]);
    peers[1]!.transport.receive('430["b",2]');
    expect(calls).toEqual([]);
    peers[0]!.transport.receive('430["a",1]');
    expect(calls).toEqual([[null, ["b", "a"]]]);
    time.advance(2_000);
    expect(calls).toHaveLength(1);
  });

  test("are partial when the timeout is over", async () => {
    const { server, time, peers } = audience(2);
    const promise = server.timeout(1_000).emitWithAck("q");
    time.settle();
    peers[0]!.transport.receive('430["a"]');
    time.advance(1_000);
    await expect(promise).rejects.toMatchObject({ message: "operation has timed out", responses: ["a"] });
  });

  test("have a deadline of 60 s without timeout(), and leave nothing behind", async () => {
    const { server, time } = audience(1);
    const { calls, callback } = answered();
    const before = server.clock.size;
    server.emit("q", callback);
    await Promise.resolve();
    expect(server.clock.size).toBe(before + 1);
    time.advance(59_999);
    // answers to the pings would keep it alive: without them the socket has gone by now, the deadline stays
    expect(calls).toEqual([]);
    time.advance(1);
    expect(calls).toEqual([[expect.objectContaining({ message: "operation has timed out" }), []]]);
    expect(server.clock.size).toBe(0);
  });

  test("of nobody come at once, with an empty list, but not within the emit", async () => {
    const { server } = audience(0);
    const { calls, callback } = answered();
    server.emit("q", callback);
    expect(calls).toEqual([]);
    await Promise.resolve();
    expect(calls).toEqual([[null, []]]);
  });

  test("whose callback throws are reported, and the client that answered is not blamed (abuse matrix 103)", async () => {
    const { server, peers, errors } = audience(1);
    server.timeout(1_000).emit("q", () => {
      throw new Error("mine");
    });
    await Promise.resolve();
    peers[0]!.transport.receive("430[]");
    expect(peers[0]!.connection.readyState).toBe("open");
    expect(errors).toEqual([expect.objectContaining({ message: "mine" })]);
  });

  test("whose callback throws at the timeout are reported, and the process lives", async () => {
    const { server, time, errors } = audience(1);
    server.timeout(1_000).emit("q", () => {
      throw new Error("mine");
    });
    await Promise.resolve();
    expect(() => time.advance(1_000)).not.toThrow();
    expect(errors).toEqual([expect.objectContaining({ message: "mine" })]);
  });
});

describe("the cluster API of one node (api.md B3, B4)", () => {
  test("fetchSockets, socketsJoin, socketsLeave and disconnectSockets act on whom it is aimed at", async () => {
    const { server, time, peers } = audience(3);
    const [a, b] = [...server.sockets.sockets.values()];
    void a!.join("x");
    void b!.join("x");
    server.in("x").socketsJoin(["y", "z"]);
    expect((await server.in("y").fetchSockets()).map(({ id }) => id)).toEqual([a!.id, b!.id]);
    server.in("y").except(a!.id).socketsLeave("y");
    expect(await server.in("y").allSockets()).toEqual(new Set([a!.id]));
    server.in("y").disconnectSockets();
    time.settle();
    expect(a!.connected).toBe(false);
    expect(peers[0]!.transport.sent).toEqual(["41"]);
    expect(peers[0]!.connection.readyState).toBe("open");
    server.in(b!.id).disconnectSockets(true);
    expect(peers[1]!.connection.readyState).toBe("closed");
    expect(peers[1]!.transport.sent).toEqual(["41"]);
  });
});
