import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { PacketType } from "@bowline/protocol";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { PartialError } from "../acks.ts";
import { Adapter } from "../adapter.ts";
import * as msgpackParser from "../msgpack.ts";
import type { Target } from "../room-index.ts";
import type { Socket } from "../socket.ts";
import { ClusterStage, type Node, type NodeOptions, type Travelled } from "../test-kit-cluster.ts";
import { FakeTransport } from "../test-kit.ts";
import { bowlineCodec } from "./bowline-codec.ts";
import type { ClusterCodec, Publication } from "./cluster-codec.ts";
import type { ClusterMessage, EventContent, ReceivedMessage } from "./cluster-message.ts";
import { readMsgpack, writeMsgpack } from "./msgpack-bytes.ts";
import { v4Codec } from "./v4-codec.ts";

const EVERYBODY: Target = { rooms: new Set(), except: new Set() };
const broadcast = (target: Target): ClusterMessage => {
  return { type: "broadcast", target, flags: {}, content: { data: ["e"] } };
};

afterEach(() => void vi.restoreAllMocks());

let stage: ClusterStage;
beforeEach(() => void (stage = new ClusterStage()));

/** Nodes that know each other. */
async function nodes<Count extends number>(count: Count, options: NodeOptions = {}): Promise<Node[]> {
  const all = Array.from({ length: count }, () => stage.node(options));
  await stage.settle();
  return all;
}

const only = ({ server }: Node): Socket => [...server.sockets.sockets.values()][0]!;

/** What became of a promise, once all has arrived. */
async function outcome(promise: Promise<unknown>, wait: number = 0): Promise<unknown> {
  const settled = promise.then(
    (value) => ({ value }),
    (error: PartialError) => ({ message: error.message, missing: error.missing, responses: error.responses }),
  );
  const late = Symbol("late");
  await (wait > 0 ? stage.advance(wait) : stage.settle());
  return Promise.race([settled, Promise.resolve().then(() => late)]).then((first) =>
    first === late ? "pending" : first,
  );
}

const codecs: [name: string, make: () => ClusterCodec][] = [
  ["Bowline's format", () => bowlineCodec()],
  ["Bowline's format, signed, private rooms", () => bowlineCodec({ secret: "s", privateRooms: true })],
  ["v4's format", () => v4Codec()],
  ["v4's format, dynamic-private", () => v4Codec({ subscriptionMode: "dynamic-private" })],
];

describe.each(codecs)("%s", (_name, make) => {
  test("broadcasts reach the clients of other nodes once, and the sender's own at once (api.md A4, B1)", async () => {
    const codec = make();
    const [a, b] = (await nodes(2, { codec })) as [Node, Node];
    const [mine, theirs] = [a.join(), b.join()];
    a.server.emit("e", 1);
    expect([a.take(mine), b.take(theirs)]).toEqual([['42["e",1]'], []]);
    await stage.settle();
    // the bus gives the sender's own message back: it is not delivered again
    expect([a.take(mine), b.take(theirs)]).toEqual([[], ['42["e",1]']]);
  });

  test("to several rooms of one node: a client in all of them gets it once", async () => {
    const [a, b] = (await nodes(2, { codec: make() })) as [Node, Node];
    const peer = b.join();
    void only(b).join(["r1", "r2", "r3"]);
    await stage.settle();
    a.server.to(["r1", "r2", "r3", "r4"]).emit("e");
    await stage.settle();
    expect(b.take(peer)).toEqual(['42["e"]']);
  });

  test("acknowledgements: all clients of all nodes, the callback once (api.md B2)", async () => {
    const [a, b, c] = (await nodes(3, { codec: make() })) as [Node, Node, Node];
    const peers = [a.join(), b.join(), b.join(), c.join()];
    const callback = vi.fn();
    a.server.timeout(1_000).emit("ask", callback);
    await stage.settle();
    const ids = [a, b, b, c].map((node, index) => {
      const [frame] = node.take(peers[index]!);
      return /^42(\d+)/.exec(String(frame))![1]!;
    });
    peers.forEach((peer, index) => {
      peer.transport.receive(`43${ids[index]}["answer ${index}"]`);
      // once more: it is not asked any more
      peer.transport.receive(`43${ids[index]}["again"]`);
    });
    await stage.settle();
    expect(callback.mock.calls).toEqual([[null, ["answer 0", "answer 1", "answer 2", "answer 3"]]]);
    await stage.advance(2_000);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  test("adapter.broadcastWithAck: a count of each node, then each answer as it comes (api.md A1, A4)", async () => {
    const [a, b, c] = (await nodes(3, { codec: make() })) as [Node, Node, Node];
    const peers = [a.join(), b.join(), b.join(), c.join()];
    // all have heard each other
    for (const { server } of [a, b, c]) server.serverSideEmit("hello");
    await stage.settle();
    const deadlines = [a, b, c].map(({ server }) => server.clock.size);
    const told: unknown[] = [];
    const packet = { type: PacketType.EVENT, nsp: "/", data: ["ask"] };
    const askAll = (flags: object, rooms: string[] = []): void =>
      a.server.sockets.adapter.broadcastWithAck(
        packet,
        { rooms: new Set(rooms), except: new Set([only(c).id]), flags: { timeout: 1_000, ...flags } },
        (count) => told.push(count),
        (answer) => told.push(answer),
      );
    askAll({});
    await stage.settle();
    expect(told).toEqual([1, 2, 0]);
    const answers = (): void => {
      [a, b, b].forEach((node, index) => {
        for (const frame of node.take(peers[index]!)) {
          peers[index]!.transport.receive(`43${/^42(\d+)/.exec(String(frame))![1]}["answer ${index}"]`);
        }
      });
    };
    answers();
    await stage.settle();
    expect(told.slice(3)).toEqual(["answer 0", "answer 1", "answer 2"]);
    expect(c.take(peers[3]!)).toEqual([]);
    expect([a, b, c].map(({ server }) => server.clock.size)).toEqual(deadlines);

    // only here, and nobody; what comes after the time-out is nobody's
    told.length = 0;
    askAll({ local: true });
    askAll({}, ["nobody"]);
    await stage.settle();
    expect(told).toEqual([1, 0, 0, 0]);
    askAll({}, [only(b).id]);
    await stage.advance(1_500);
    told.length = 0;
    answers();
    await stage.settle();
    expect(told).toEqual([]);
    expect([a, b, c].map(({ server }) => server.clock.size)).toEqual(deadlines);
  });

  test("acknowledgements: nobody anywhere is no answer, at once", async () => {
    const [a] = (await nodes(3, { codec: make() })) as [Node];
    expect(await outcome(a.server.timeout(1_000).emitWithAck("ask"))).toEqual({ value: [] });
  });

  test("fetchSockets, serverSideEmit and their answers (api.md B3, B5)", async () => {
    const [a, b] = (await nodes(2, { codec: make() })) as [Node, Node];
    b.join();
    only(b).data = { user: 1, bytes: Buffer.of(1) };
    b.server.on("sum", (x: number, y: number, answer: (value: unknown) => void) => {
      answer(x + y);
      answer("again");
    });
    const found = a.server.fetchSockets();
    expect(await outcome(found)).toMatchObject({ value: [{ id: only(b).id, data: { user: 1, bytes: Buffer.of(1) } }] });
    expect(await outcome(a.server.serverSideEmitWithAck("sum", 1, 2))).toEqual({ value: [3] });
    a.server.serverSideEmit("nobody listens");
    await stage.settle();
    expect([a.errors, b.errors]).toEqual([[], []]);
  });

  test("what cannot be written is the emitter's error, and leaves nothing behind", async () => {
    const [a, b] = (await nodes(2, { codec: make() })) as [Node, Node];
    b.join();
    const before = a.server.clock.size;
    type Cycle = { one?: Cycle; two?: Cycle };
    // two ways back at each level: whoever follows them all never ends
    const cycle: Cycle = {};
    cycle.one = cycle.two = cycle;
    const refused = expect.objectContaining({ code: "not_serializable" });
    expect(() => a.server.emit("e", cycle)).toThrow(refused);
    expect(() => a.server.serverSideEmit("e", cycle)).toThrow(refused);
    await expect(a.server.serverSideEmitWithAck("e", cycle)).rejects.toEqual(refused);
    await expect(a.server.emitWithAck("e", cycle)).rejects.toEqual(refused);
    expect(a.server.clock.size).toBe(before);
    // an answer is its application's
    only(b).data = cycle;
    expect(await outcome(a.server.fetchSockets(), 5_500)).toMatchObject({ responses: [] });
    expect(b.errors).toEqual([refused]);
  });
});

/** A message as somebody reads it who is no node. */
const read = (codec: ClusterCodec, { channel, bytes }: Travelled): ReceivedMessage | undefined =>
  codec.decode({ id: "reader", namespace: "/", has: () => true }, channel, bytes);

/** The id of the request of this kind that was sent last. */
function requestId(codec: ClusterCodec, type: ClusterMessage["type"]): string {
  const requests = stage.travelled
    .map((each) => read(codec, each)?.message)
    .filter((message) => message?.type === type);
  const last = requests.at(-1);
  return last !== undefined && "requestId" in last ? (last.requestId ?? "") : "";
}

/** Makes the bus count one more node, which says nothing. */
function haunt(codec: ClusterCodec): void {
  const ghost = stage.network.connect();
  for (const { name } of codec.channels({ id: "ghost", namespace: "/" })) ghost.subscribe(name, () => {});
}

const leave = ({ server }: Node): unknown => server.adapter(Adapter);

/** The channels that a node has subscribed to. */
const channelsOf = ({ bus }: Node): readonly string[] => bus.channels;

describe("requests (api.md A4, A5)", () => {
  test("the error says who has not answered, and has what came; its text is v4's", async () => {
    const codec = v4Codec();
    const [a, b] = (await nodes(2, { codec })) as [Node, Node];
    b.join();
    haunt(codec);
    stage.say(codec, { type: "leave", target: EVERYBODY, rooms: ["y"] });
    await stage.settle();
    expect(await outcome(a.server.fetchSockets(), 5_500)).toEqual({
      message: "timeout reached: only 1 responses received out of 2",
      missing: ["ghost"],
      responses: [expect.objectContaining({ id: only(b).id })],
    });
    const answers: unknown[] = [];
    b.server.on("e", (answer: (value: number) => void) => answer(1));
    a.server.serverSideEmit("e", (...args: unknown[]) => void answers.push(args));
    await stage.advance(5_500);
    expect(answers).toEqual([[expect.objectContaining({ missing: ["ghost"], responses: [1] }), [1]]]);
  });

  test("fetchSockets in Bowline's format has the text of classic Redis; timeout() gives another deadline", async () => {
    const codec = bowlineCodec();
    const [a] = (await nodes(1, { codec, counts: false })) as [Node];
    stage.say(codec, { type: "alive" });
    await stage.settle();
    expect(await outcome(a.server.timeout(200).fetchSockets(), 300)).toEqual({
      message: "timeout reached while waiting for fetchSockets response",
      missing: ["ghost"],
      responses: [],
    });
    const asked = a.server.serverSideEmitWithAck("e");
    expect(await outcome(asked, 4_500)).toBe("pending");
    stage.say(codec, { type: "alive" });
    expect(await outcome(asked, 600)).toEqual({
      message: "timeout reached: only 0 responses received out of 1",
      missing: ["ghost"],
      responses: [],
    });
  });

  test.each([true, false])("a node that says that it goes is not waited for (bus counts: %s)", async (counts) => {
    const [a, b, c] = (await nodes(3, { counts })) as [Node, Node, Node];
    b.server.on("e", () => {});
    c.server.on("e", (answer: (value: string) => void) => answer("c"));
    const asked = a.server.serverSideEmitWithAck("e");
    expect(await outcome(asked)).toBe("pending");
    leave(b);
    expect(await outcome(asked)).toEqual({ value: ["c"] });
  });

  test("a node that nobody hears any more is not waited for", async () => {
    const [a, b] = (await nodes(2, { counts: false, cluster: { requestsTimeout: 60_000 } })) as [Node, Node];
    b.server.on("e", () => {});
    const asked = a.server.serverSideEmitWithAck("e");
    await stage.settle();
    b.bus.cut(true);
    expect(await outcome(asked, 9_500)).toBe("pending");
    expect(await outcome(asked, 1_000)).toEqual({ value: [] });
  });

  test("a node that comes and goes meanwhile does not stand for one that was asked", async () => {
    const [a, b] = (await nodes(2, { counts: false })) as [Node, Node];
    let answer: (value: unknown) => void = () => {};
    b.server.on("e", (given: (value: unknown) => void) => void (answer = given));
    const asked = a.server.serverSideEmitWithAck("e");
    await stage.settle();
    const late = stage.node({ counts: false });
    await stage.settle();
    leave(late);
    expect(await outcome(asked)).toBe("pending");
    answer("b");
    expect(await outcome(asked)).toEqual({ value: ["b"] });
  });

  test("answers of another kind, of unknown requests, and a second one are ignored", async () => {
    const codec = bowlineCodec();
    const [a, b] = (await nodes(2, { codec })) as [Node, Node];
    b.server.on("e", () => {});
    const asked = a.server.serverSideEmitWithAck("e");
    await stage.settle();
    const id = requestId(codec, "server-side-emit");
    stage.say(codec, { type: "room-list", requestId: id, rooms: ["x"] }, { to: a.id });
    stage.say(codec, { type: "server-side-answer", requestId: "other", value: 0 }, { to: a.id });
    expect(await outcome(asked)).toBe("pending");
    stage.say(codec, { type: "server-side-answer", requestId: id, value: 1 }, { to: a.id });
    stage.say(codec, { type: "server-side-answer", requestId: id, value: 2 }, { to: a.id });
    expect(await outcome(asked)).toEqual({ value: [1] });
    expect(a.errors).toEqual([]);
  });

  test("more sockets of one node than a call has room for arguments", async () => {
    const codec = bowlineCodec();
    const [a] = (await nodes(2, { codec })) as [Node];
    haunt(codec);
    const asked = a.server.fetchSockets();
    await stage.settle();
    const sockets = Array.from({ length: 200_000 }, (_, index) => {
      return { id: String(index), handshake: {} as never, rooms: [], data: {} };
    });
    const message = { type: "fetched", requestId: requestId(codec, "fetch"), sockets } as const;
    stage.say(codec, message, { to: a.id });
    const { value } = (await outcome(asked)) as { value: unknown[] };
    expect(value.length).toBe(200_000);
  });

  test("maxPendingRequests: beyond it requests fail at once, and the places come back (abuse 109)", async () => {
    const [a] = (await nodes(2, { cluster: { maxPendingRequests: 2 } })) as [Node];
    a.bus.cut(true);
    const before = a.server.clock.size;
    const asked = [a.server.fetchSockets(), a.server.serverSideEmitWithAck("e")];
    for (const each of asked) each.catch(() => {});
    const refused = expect.objectContaining({ code: "too_many_requests" });
    await expect(a.server.fetchSockets()).rejects.toEqual(refused);
    await expect(a.server.emitWithAck("e")).rejects.toEqual(refused);
    expect(() => a.server.emit("e", () => {})).toThrow(refused);
    expect(a.server.clock.size).toBe(before + 2);
    await stage.advance(5_500);
    expect(await outcome(a.server.fetchSockets(), 5_500)).toMatchObject({ responses: [] });
  });

  test("of several children that are asked, one that refuses leaves nothing of the others behind", async () => {
    const [a] = (await nodes(2, { cluster: { maxPendingRequests: 1 } })) as [Node];
    const parent = a.server.of(/^\/p/);
    const [one, two] = [a.server.of("/p1"), a.server.of("/p2")];
    a.bus.cut(true);
    const waiting = outcome(two.fetchSockets());
    const before = a.server.clock.size;
    expect(() => parent.emit("e", () => {})).toThrow(expect.objectContaining({ code: "too_many_requests" }));
    expect(a.server.clock.size).toBe(before);
    expect(await outcome(one.fetchSockets(), 5_500)).toMatchObject({ responses: [] });
    await waiting;
  });
});

describe("acknowledgements of broadcasts over nodes (api.md B2)", () => {
  const ask = async (codec: ClusterCodec): Promise<{ a: Node; callback: ReturnType<typeof vi.fn>; id: string }> => {
    const [a] = (await nodes(1, { codec })) as [Node];
    haunt(codec);
    const callback = vi.fn();
    a.server.timeout(1_000).emit("ask", callback);
    await stage.settle();
    return { a, callback, id: requestId(codec, "broadcast") };
  };
  const answer = async (codec: ClusterCodec, a: Node, message: ClusterMessage, id = "ghost"): Promise<void> => {
    stage.say(codec, message, { to: a.id, id });
    await stage.settle();
  };

  test.each(codecs)("a node that never counts: the time-out tells who (%s)", async (_name, make) => {
    const codec = make();
    const { a, callback } = await ask(codec);
    stage.say(codec, { type: "leave", target: EVERYBODY, rooms: ["y"] });
    await stage.advance(1_500);
    expect(callback.mock.calls).toEqual([[expect.objectContaining({ message: "operation has timed out" }), []]]);
    expect((callback.mock.calls[0]![0] as PartialError).missing).toEqual(["ghost"]);
    await stage.advance(10_000);
    expect([callback.mock.calls.length, a.errors]).toEqual([1, []]);
  });

  test("each node answers as often as it has counted, not for another one", async () => {
    const codec = v4Codec();
    const { a, callback, id } = await ask(codec);
    // before it has counted, nothing is expected of it
    await answer(codec, a, { type: "answer", requestId: id, value: "early" });
    await answer(codec, a, { type: "answer", requestId: id, value: "foreign" }, "nobody");
    await answer(codec, a, { type: "count", requestId: id, clientCount: 2 });
    await answer(codec, a, { type: "count", requestId: id, clientCount: 2 });
    await answer(codec, a, { type: "answer", requestId: id, value: 1 });
    await answer(codec, a, { type: "answer", requestId: id, value: "foreign" }, "nobody");
    expect(callback).not.toHaveBeenCalled();
    await answer(codec, a, { type: "answer", requestId: id, value: 2 });
    await answer(codec, a, { type: "answer", requestId: id, value: 3 });
    expect(callback.mock.calls).toEqual([[null, [1, 2]]]);
  });

  test("answers after the time-out are nobody's", async () => {
    const codec = bowlineCodec();
    const { a, callback, id } = await ask(codec);
    await answer(codec, a, { type: "count", requestId: id, clientCount: 2 });
    await answer(codec, a, { type: "answer", requestId: id, value: 1 });
    await stage.advance(1_500);
    await answer(codec, a, { type: "answer", requestId: id, value: 2 });
    await answer(codec, a, { type: "count", requestId: id, clientCount: 0 });
    expect(callback.mock.calls).toEqual([[expect.objectContaining({ missing: [] }), [1]]]);
    expect(a.errors).toEqual([]);
  });

  test("a client's answer after its node's own time-out goes nowhere; a node keeps no deadline for it", async () => {
    const [a, b] = (await nodes(2)) as [Node, Node];
    const peer = b.join();
    const before = b.server.clock.size;
    const asked = outcome(a.server.timeout(1_000).emitWithAck("ask"), 1_500);
    expect(await asked).toEqual({ message: "operation has timed out", missing: [], responses: [] });
    const [frame] = b.take(peer);
    stage.travelled.length = 0;
    peer.transport.receive(`43${/^42(\d+)/.exec(String(frame))![1]}["late"]`);
    await stage.settle();
    expect([stage.travelled.length, b.errors]).toEqual([0, []]);
    expect(b.server.clock.size).toBe(before);
  });

  test("a RemoteSocket's acknowledgement is one value (api.md B3)", async () => {
    const [a, b] = (await nodes(2)) as [Node, Node];
    const peer = b.join();
    const { value } = (await outcome(a.server.fetchSockets())) as { value: [Socket] };
    const answered = value[0].timeout(1_000).emitWithAck("ask", 1);
    await stage.settle();
    const [frame] = b.take(peer);
    peer.transport.receive(`43${/^42(\d+)/.exec(String(frame))![1]}["one","two"]`);
    expect(await outcome(answered)).toEqual({ value: "one" });
  });
});

describe("what comes in", () => {
  test("one message on several channels counts once, of each sender (abuse 109)", async () => {
    const codec = bowlineCodec();
    const [a] = (await nodes(1, { codec })) as [Node];
    const peer = a.join();
    void only(a).join(["r1", "r2"]);
    await stage.settle();
    const target = { rooms: new Set(["r1", "r2"]), except: new Set<string>() };
    const message = broadcast(target);
    stage.say(codec, message, { id: "one" });
    stage.say(codec, message, { id: "two" });
    stage.say(codec, message, { id: "one" });
    await stage.settle();
    expect(a.take(peer)).toEqual(['42["e"]', '42["e"]', '42["e"]']);
  });

  test("senders are remembered as long as they send: others push out those that are silent (abuse 109)", async () => {
    const codec = bowlineCodec();
    const [a] = (await nodes(1, { codec, cluster: { maxNodes: 2 } })) as [Node];
    const peer = a.join();
    void only(a).join(["r1", "r2"]);
    await stage.settle();
    const target = { rooms: new Set(["r1", "r2"]), except: new Set<string>() };
    const message = broadcast(target);
    const [first, second] = codec.encode({ id: "emitter", namespace: "/" }, message);
    const send = async ({ channel, bytes }: Publication): Promise<void> => {
      stage.stranger.publish(channel, bytes);
      await stage.settle();
    };
    await send(first!);
    for (const id of ["b", "c"]) {
      for (const each of codec.encode({ id, namespace: "/" }, message)) await send(each);
      await send(first!);
    }
    await send(second!);
    expect(a.take(peer).length).toBe(3);
  });

  test("who emits without a server is no node (socket-protocol §12); a farewell of a stranger is no visit", async () => {
    const codec = bowlineCodec();
    const [a] = (await nodes(1, { codec })) as [Node];
    const seen: unknown[] = [];
    for (const event of ["join", "leave"] as const)
      a.server.cluster.on(event, (...args) => seen.push([event, ...args]));
    stage.say(codec, { type: "server-side-emit", data: ["e"] }, { id: "emitter" });
    stage.say(codec, { type: "bye" }, { id: "stranger" });
    await stage.settle();
    expect([seen, a.server.cluster.nodes()]).toEqual([[], []]);
  });

  test.each(codecs)("reserved events of other nodes reach nobody (%s)", async (_name, make) => {
    const codec = make();
    const [a] = (await nodes(1, { codec })) as [Node];
    const peer = a.join();
    const heard = vi.fn();
    for (const event of ["connect", "connection", "new_namespace"]) a.server.on(event as never, heard as never);
    const ignored = (): number => a.server.cluster.counts.ignored;
    for (const event of ["connection", "connect", "new_namespace"]) {
      stage.say(codec, { type: "server-side-emit", data: [event, {}] });
    }
    stage.say(codec, { type: "server-side-emit", data: [] });
    await stage.settle();
    expect([heard.mock.calls.length, ignored()]).toEqual([0, 4]);
    const send = (content: EventContent, requestId?: string): void =>
      stage.say(codec, { type: "broadcast", target: EVERYBODY, flags: {}, content, requestId });
    for (const name of ["disconnect", "connect", "connect_error", "newListener"]) {
      send({ data: [name] });
      send({ data: [name] }, "r");
    }
    await stage.settle();
    expect([a.take(peer), ignored()]).toEqual([[], 12]);
    if (!codec.carriesPackets) return;
    for (const text of ['["disconnect"]', '["\\u0064isconnect",1]', "[]", "[{}]", '"x"']) {
      send({ packets: [`42${text}`] });
    }
    send({ packets: ['42/other,["e"]'] });
    send({ packets: ['451-["e",{"_placeholder":true,"num":0}]'] });
    send({ packets: ["40"] });
    send({ packets: ["41"] });
    await stage.settle();
    expect([a.take(peer), ignored()]).toEqual([[], 21]);
    send({ packets: ['42["disconnecte\\u0064"]'] });
    send({ packets: [`42["${"x".repeat(200)}"]`] });
    send({ packets: ["42[7]"] });
    await stage.settle();
    expect([a.take(peer).length, ignored()]).toEqual([3, 21]);
  });

  test("of another namespace nothing is delivered (abuse 109)", async () => {
    const codec = v4Codec();
    const [a] = (await nodes(1, { codec })) as [Node];
    const peer = a.join();
    const other = { id: "ghost", namespace: "/other" };
    const message = broadcast(EVERYBODY);
    for (const { bytes } of codec.encode(other, message)) {
      stage.stranger.publish(codec.countedChannel({ id: "", namespace: "/" }), bytes);
    }
    await stage.settle();
    expect([a.take(peer), a.server.cluster.counts.ignored]).toEqual([[], 0]);
  });

  test("signed messages of one namespace are worth nothing in another, nor are unsigned ones (abuse 109)", async () => {
    const codec = bowlineCodec({ secret: "s" });
    const [a] = (await nodes(1, { codec })) as [Node];
    const peer = a.join();
    const message = broadcast(EVERYBODY);
    const here = codec.countedChannel({ id: "", namespace: "/" });
    for (const { bytes } of codec.encode({ id: "ghost", namespace: "/other" }, message)) {
      stage.stranger.publish(here, bytes);
    }
    stage.say(bowlineCodec(), message);
    stage.say(bowlineCodec({ secret: "t" }), message);
    stage.stranger.publish(here, new Uint8Array(10));
    await stage.settle();
    expect([a.take(peer), a.server.cluster.counts.ignored]).toEqual([[], 4]);
    await stage.advance(1);
    expect(a.errors).toEqual([expect.objectContaining({ code: "cluster_message_ignored" })]);
    stage.say(codec, message);
    await stage.settle();
    expect(a.take(peer)).toEqual(['42["e"]']);
  });
});

describe("who sees events of other nodes", () => {
  const binary = (count: number): unknown[] => ["e", ...Array.from({ length: count }, (_, index) => Buffer.of(index))];

  test.each(codecs)("onAnyOutgoing and the trace channel, with all values (%s)", async (_name, make) => {
    const [a, b] = (await nodes(2, { codec: make(), server: { limits: { maxAttachments: 50 } } })) as [Node, Node];
    const peer = b.join();
    const seen: unknown[] = [];
    only(b).onAnyOutgoing((...event: unknown[]) => void seen.push(event));
    const traced: unknown[] = [];
    const onTrace = (message: unknown): void => void traced.push(message);
    // more attachments than the default allows, a long name, depth
    const name = "n".repeat(300);
    let deep: unknown = Buffer.of(1);
    for (let level = 0; level < 200; level++) deep = [deep];
    a.server.emit(binary(40)[0] as string, ...binary(40).slice(1));
    a.server.emit(name, deep);
    subscribe("bowline:event:out", onTrace);
    await stage.settle();
    unsubscribe("bowline:event:out", onTrace);
    expect(b.errors).toEqual([]);
    expect(seen).toEqual([binary(40), [name, deep]]);
    expect(traced).toEqual([
      expect.objectContaining({ namespace: "/", event: "e", args: binary(40).slice(1) }),
      expect.objectContaining({ namespace: "/", event: name, args: [deep] }),
    ]);
    expect(b.take(peer).length).toBe(43);
  });

  test.each(codecs)("clients of protocol 3, and of other parsers than the sender's (%s)", async (_name, make) => {
    const [a, b] = (await nodes(2, { codec: make(), server: { allowEIO3: true } })) as [Node, Node];
    const old = b.open(new FakeTransport(), 3);
    old.connection.joinMain();
    b.take(old);
    const packed = stage.node({ codec: make(), server: { parser: msgpackParser } });
    const peer = packed.open();
    peer.transport.receive(writeMsgpack({ type: 0, nsp: "/" }));
    await stage.settle();
    packed.take(peer);
    a.server.emit("e", { n: 1, bytes: Buffer.of(7) });
    await stage.settle();
    expect(b.take(old)).toEqual(['451-["e",{"n":1,"bytes":{"_placeholder":true,"num":0}}]', Buffer.of(7)]);
    const [message] = packed.take(peer);
    expect(readMsgpack(message as Uint8Array)).toMatchObject({
      type: 2,
      nsp: "/",
      data: ["e", { n: 1, bytes: Buffer.of(7) }],
    });
    packed.server.emit("back", new Date(0), undefined, [undefined]);
    await stage.settle();
    expect(b.take(old)).toEqual(['42["back","1970-01-01T00:00:00.000Z",null,[null]]']);
    expect([a.errors, b.errors, packed.errors]).toEqual([[], [], []]);
  });

  test("volatile: dropped for a client that cannot take it, on every node (api.md B1)", async () => {
    const [a, b] = (await nodes(2)) as [Node, Node];
    const peer = b.join();
    peer.transport.writable = false;
    a.server.volatile.emit("lost");
    a.server.emit("kept");
    await stage.settle();
    peer.transport.writable = true;
    peer.transport.handler.onDrain();
    expect(b.take(peer)).toEqual(['42["kept"]']);
  });
});

describe("namespaces", () => {
  test("children of a pattern join with their first client, and leave with their last (api.md N5)", async () => {
    const codec = bowlineCodec();
    const [a, b] = (await nodes(2, { codec, server: { cleanupEmptyChildNamespaces: true } })) as [Node, Node];
    for (const { server } of [a, b]) server.of(/^\/room-/);
    const [mine, theirs] = [a.join("/room-1"), b.join("/room-1")];
    await stage.settle();
    expect(await a.server.of("/room-1").adapter.serverCount()).toBe(2);
    a.server.of("/room-1").emit("e");
    await stage.settle();
    expect([a.take(mine), b.take(theirs)]).toEqual([['42/room-1,["e"]'], ['42/room-1,["e"]']]);
    const before = b.server.clock.size;
    theirs.transport.receive("41/room-1,");
    await stage.settle();
    expect(await a.server.of("/room-1").adapter.serverCount()).toBe(1);
    expect([b.bus.hasChannel(codec.countedChannel({ id: "", namespace: "/room-1" })), b.server.clock.size]).toEqual([
      false,
      // its signs of life end
      before - 1,
    ]);
    expect(a.server.cluster.nodes("/room-1")).toEqual([]);
  });

  test("what is sent to a parent reaches its children on all nodes; a namespace of one node is its own", async () => {
    const [a, b] = (await nodes(2)) as [Node, Node];
    const parents = [a, b].map(({ server }) => server.of(/^\/p/));
    const [mine, theirs] = [a.join("/p1"), b.join("/p1")];
    const alone = b.join("/p2");
    await stage.settle();
    parents[0]!.emit("e");
    parents[0]!.socketsJoin("x");
    await stage.settle();
    expect([a.take(mine), b.take(theirs), b.take(alone)]).toEqual([['42/p1,["e"]'], ['42/p1,["e"]'], []]);
    expect(b.server.of("/p1").adapter.rooms.has("x")).toBe(true);
  });
});

describe("joining and leaving", () => {
  test("io.adapter(setup) after the fact: clients and rooms that are there count (api.md S3)", async () => {
    const codec = bowlineCodec({ privateRooms: true });
    const a = stage.node({ codec });
    const b = stage.node({ codec });
    leave(b);
    await stage.settle();
    const peer = b.join();
    void only(b).join("red");
    b.server.of("/late");
    a.server.to("red").emit("before");
    await stage.settle();
    expect([b.take(peer), b.server.cluster.status, b.server.cluster.nodeId()]).toEqual([[], "alone", undefined]);
    const adapter = b.server.of("/").adapter;
    b.server.adapter(b.setup);
    expect([b.server.adapter(), b.server.of("/").adapter === adapter]).toEqual([b.setup, false]);
    await stage.settle();
    a.server.to("red").emit("after");
    a.server.to(only(b).id).emit("you");
    await stage.settle();
    expect(b.take(peer)).toEqual(['42["after"]', '42["you"]']);
    expect(a.server.cluster.nodes()).toEqual([b.server.cluster.nodeId()]);
    expect(b.server.of("/late").cluster).toBeDefined();
  });

  test("requests that wait when this node leaves are told at once", async () => {
    const [a, b] = (await nodes(2)) as [Node, Node];
    b.server.on("e", () => {});
    haunt(a.setup.codec);
    const asked = [a.server.fetchSockets(), a.server.serverSideEmitWithAck("e"), a.server.of("/").adapter.allRooms()];
    await stage.settle();
    leave(a);
    const gone = { message: "this server has left the cluster" };
    expect(await outcome(asked[0]!)).toEqual({ ...gone, missing: [], responses: [] });
    expect(await outcome(asked[1]!)).toEqual({ ...gone, missing: [b.id], responses: [] });
    expect(await outcome(asked[2]!)).toEqual({ ...gone, missing: [], responses: [] });
  });

  test("who waits for a bus that is not up is told when it is, when it is closed, and when this server leaves", async () => {
    const [a, b] = (await nodes(2)) as [Node, Node];
    const count = (): Promise<unknown> => a.server.of("/").adapter.serverCount();
    a.bus.cut(true);
    const watching = a.bus.observers;
    const counted = [count(), count()];
    expect(await outcome(counted[0]!)).toBe("pending");
    a.bus.cut(false);
    expect([await outcome(counted[0]!), await outcome(counted[1]!)]).toEqual([{ value: 2 }, { value: 2 }]);
    a.bus.cut(true);
    const waiting = count();
    expect(a.bus.observers).toBe(watching + 1);
    leave(a);
    expect(await outcome(waiting)).toMatchObject({ message: "this server has left the cluster" });
    expect(a.bus.observers).toBe(0);
    await b.bus.close();
    expect(await outcome(b.server.of("/").adapter.serverCount())).toMatchObject({ message: "the bus is closed" });
  });

  test("io.close() leaves nothing behind: on the bus, in the clock, in what others know", async () => {
    const [a, b] = (await nodes(2, { codec: bowlineCodec({ privateRooms: true }) })) as [Node, Node];
    a.server.of("/other");
    b.join();
    void only(b).join(["r1", "r2"]);
    const peer = a.join("/", "/other");
    void only(a).join("r1");
    await stage.settle();
    expect(channelsOf(a).length).toBe(7);
    a.server.emit("ask", () => {});
    void a.server.fetchSockets().catch(() => {});
    b.server.timeout(60_000).emit("ask", () => {});
    await stage.settle();
    const [ask] = a.take(peer);
    stage.say(a.setup.codec, { type: "alive" });
    stage.stranger.publish(channelsOf(a)[0]!, Uint8Array.of(0xc1));
    void a.server.close();
    expect(channelsOf(a)).toEqual([]);
    await stage.advance(61_000);
    expect(a.server.clock.size).toBe(0);
    expect(b.server.cluster.nodes()).toEqual([]);
    stage.travelled.length = 0;
    peer.transport.receive(`43${/^42(\d+)/.exec(String(ask))![1]}["late"]`);
    a.server.emit("e");
    a.server.of("/new").emit("e");
    a.server.of("/").socketsJoin("x");
    await stage.settle();
    expect([stage.travelled.filter((each) => read(a.setup.codec, each)?.from === a.id), a.server.adapter()]).toEqual([
      [],
      Adapter,
    ]);
  });

  test.each(["leave", "join"] as const)("io.close() in a listener of %s", async (event) => {
    const [a, b] = (await nodes(2, { counts: false })) as [Node, Node];
    a.server.cluster.on(event, () => void a.server.close());
    if (event === "join") stage.node();
    else leave(b);
    await stage.settle();
    await stage.advance(1_000);
    expect([a.server.clock.size, channelsOf(a), a.errors]).toEqual([0, [], []]);
  });

  test("answers of clients after their node has left are not sent in its old name", async () => {
    const [a, b] = (await nodes(2)) as [Node, Node];
    const peer = b.join();
    const asked = a.server.timeout(1_000).emitWithAck("ask");
    await stage.settle();
    const [frame] = b.take(peer);
    leave(b);
    await stage.settle();
    peer.transport.receive(`43${/^42(\d+)/.exec(String(frame))![1]}["late"]`);
    expect(await outcome(asked, 1_500)).toMatchObject({ message: "operation has timed out" });
    expect(a.server.cluster.nodes()).toEqual([]);
  });
});

describe("connection state recovery in memory, in a cluster (api.md C3)", () => {
  test("each node logs what it delivers; unicasts stay local", async () => {
    const [a, b] = (await nodes(2, { server: { connectionStateRecovery: {} } })) as [Node, Node];
    const peer = b.open();
    peer.transport.receive("40");
    const [answer] = b.take(peer);
    const { pid } = JSON.parse(String(answer).slice(2)) as { pid: string };
    const { id } = only(b);
    void only(b).join("red");
    await stage.settle();
    a.server.emit("first");
    await stage.settle();
    const [first] = b.take(peer);
    const [, offset] = JSON.parse(String(first).slice(2)) as [string, string];
    expect(first).toMatch(/^42\["first","[^"]+"\]$/);
    stage.travelled.length = 0;
    only(b).emit("unicast");
    expect(stage.travelled).toEqual([]);
    b.take(peer);
    peer.transport.handler.onTransportEnd("transport close", "");
    a.server.to("red").emit("second", Buffer.of(1));
    a.server.volatile.emit("volatile");
    a.server.to("blue").emit("not for you");
    await stage.settle();
    b.server.emit("third");
    await stage.settle();
    const back = b.open();
    back.transport.receive(`40${JSON.stringify({ pid, offset })}`);
    const frames = b.take(back).map((frame) => (typeof frame === "string" ? frame.replace(/,"[^"]*"\]$/, "]") : frame));
    expect(frames).toEqual([
      '42["unicast"]',
      '451-["second",{"_placeholder":true,"num":0}]',
      Buffer.of(1),
      '42["third"]',
      expect.stringContaining(id),
    ]);
    expect(only(b).recovered).toBe(true);
    // what is kept for nobody any more is not asked for
    const red = b.setup.codec.roomChannel({ id: "", namespace: "/" }, "red", false)!;
    only(b).leave("red");
    expect(b.bus.hasChannel(red)).toBe(false);
    // on the other node nobody knows it
    const stray = a.open();
    stray.transport.receive(`40${JSON.stringify({ pid, offset })}`);
    expect(a.take(stray).length).toBe(1);
    expect(only(a).recovered).toBe(false);
  });

  test.each(codecs)(
    "rooms of clients that are away are still asked for, as long as they may come back (%s)",
    async (_name, make) => {
      const codec = make();
      const server = { connectionStateRecovery: { maxDisconnectionDuration: 10_000 } };
      const a = stage.node({ codec });
      const b = stage.node({ codec, server });
      const peers = [b.join(), b.join()];
      const [one, two] = [...b.server.sockets.sockets.values()] as [Socket, Socket];
      void one.join("red");
      void two.join(["red", "blue"]);
      await stage.settle();
      const before = channelsOf(b);
      for (const { transport } of peers) transport.handler.onTransportEnd("transport close", "");
      expect([channelsOf(b).toSorted(), b.server.of("/").adapter.rooms.size]).toEqual([before.toSorted(), 0]);
      // who joins a cluster meanwhile asks for them as well
      b.server.adapter(b.setup);
      expect(channelsOf(b).length).toBe(before.length);
      a.server.emit("wakes nobody");
      await stage.advance(12_000);
      expect(channelsOf(b).length).toBe(2);
      expect([a.errors, b.errors]).toEqual([[], []]);
    },
  );

  test("who comes back and ends for good asks for nothing any more", async () => {
    const codec = bowlineCodec({ privateRooms: true });
    const b = stage.node({ codec, server: { connectionStateRecovery: {} } });
    const peer = b.open();
    peer.transport.receive("40");
    const { pid } = JSON.parse(String(b.take(peer)[0]).slice(2)) as { pid: string };
    void only(b).join("red");
    peer.transport.handler.onTransportEnd("transport close", "");
    expect(channelsOf(b).length).toBe(4);
    const back = b.open();
    back.transport.receive(`40${JSON.stringify({ pid })}`);
    b.take(back);
    expect([only(b).recovered, channelsOf(b).length]).toEqual([true, 4]);
    only(b).disconnect();
    expect(channelsOf(b).length).toBe(2);
  });
});
