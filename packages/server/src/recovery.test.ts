import type { Frame } from "@bowline/protocol";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { ServerOptions } from "./options.ts";
import type { Socket } from "./socket.ts";
import { FakeTransport, type Peer, setTheStage, type Stage } from "./test-kit.ts";

afterEach(() => void vi.restoreAllMocks());

const on = (options: Partial<ServerOptions> = {}): Stage => setTheStage({ connectionStateRecovery: {}, ...options });

/** What a client was answered when it connected, and what came before the answer. */
interface Arrival extends Peer {
  readonly frames: Frame[];
  readonly missed: Frame[];
  readonly sid: string;
  readonly pid: string;
}

const answerIn = (frames: Frame[]): Partial<Record<"sid" | "pid", string>> => {
  const answer = frames.find((frame) => typeof frame === "string" && frame.startsWith("40"));
  return answer === undefined ? {} : (JSON.parse(String(answer).slice(2)) as Record<"sid" | "pid", string>);
};

function arrive(stage: Stage, auth?: Record<string, unknown>, peer: Peer = stage.open()): Arrival {
  peer.transport.receive(auth === undefined ? "40" : `40${JSON.stringify(auth)}`);
  stage.time.settle();
  const frames = peer.transport.take();
  const at = frames.findIndex((frame) => typeof frame === "string" && frame.startsWith("40"));
  const { sid = "", pid = "" } = answerIn(frames);
  return { ...peer, frames, missed: frames.slice(0, Math.max(0, at)), sid, pid };
}

const cut = ({ transport }: Peer): void => transport.handler.onTransportEnd("transport close", "");

const takenBy = (stage: Stage, peer: Peer): Frame[] => {
  stage.time.settle();
  return peer.transport.take();
};

const argsOf = (frame: Frame | undefined): unknown[] => JSON.parse(String(frame).replace(/^\d+-?/, "")) as unknown[];
const offsetIn = (frame: Frame | undefined): string => String(argsOf(frame).at(-1));
/** Events without their offsets. */
const bare = (frames: Frame[]): unknown[] =>
  frames.filter((frame) => typeof frame === "string").map((frame) => argsOf(frame).slice(0, -1));

const socketOf = (stage: Stage, { sid }: { sid: string }): Socket => stage.server.sockets.sockets.get(sid)!;

describe("on the wire (socket-protocol §7)", () => {
  test("without the option there is no pid, no offset and nothing kept", () => {
    const stage = setTheStage();
    const client = arrive(stage);
    expect(client.frames).toEqual([`40{"sid":"${client.sid}"}`]);
    stage.server.emit("e", "text");
    expect(takenBy(stage, client)).toEqual(['42["e","text"]']);
    expect([stage.server.sockets.recovery, socketOf(stage, client).seat, socketOf(stage, client).pid]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    // and who asks for it is a new client
    expect(arrive(stage, { pid: "p".repeat(20), offset: "x" }).frames.length).toBe(1);
  });

  test("the answer has a pid; unicasts and broadcasts carry growing offsets, binary ones too", () => {
    const stage = on();
    const client = arrive(stage);
    expect(client.frames).toEqual([expect.stringMatching(/^40\{"sid":"[\w-]{20}","pid":"[\w-]{20}"\}$/)]);
    expect(client.pid).not.toBe(client.sid);
    socketOf(stage, client).emit("a", 1);
    stage.server.to(client.sid).emit("b");
    stage.server.emit("c", { bytes: new Uint8Array([1]) });
    const frames = takenBy(stage, client);
    const epoch = offsetIn(frames[0]).split(".")[0];
    expect(frames).toEqual([
      `42["a",1,"${epoch}.1"]`,
      `42["b","${epoch}.2"]`,
      `451-["c",{"bytes":{"_placeholder":true,"num":0}},"${epoch}.3"]`,
      new Uint8Array([1]),
    ]);
  });

  test("what wants an answer, and answers, carry none", async () => {
    const stage = on();
    const client = arrive(stage);
    const socket = socketOf(stage, client);
    socket.on("q", (give: (text: string) => void) => give("text"));
    socket.emit("a", "text", () => {});
    const all = stage.server.timeout(10).emitWithAck("b", "text");
    client.transport.receive('427["q"]');
    expect(takenBy(stage, client)).toEqual(['420["a","text"]', '421["b","text"]', '437["text"]']);
    client.transport.receive("431[]");
    await all;
  });

  test("a volatile event whose last value is a text gets the current offset; it is not kept (api.md C4)", () => {
    const stage = on();
    const client = arrive(stage);
    stage.server.emit("first");
    const offset = offsetIn(takenBy(stage, client)[0]);
    const socket = socketOf(stage, client);
    socket.volatile.emit("v", 1);
    socket.volatile.emit("v", "text");
    // official clients count the name, too
    stage.server.volatile.emit("name alone");
    expect(takenBy(stage, client)).toEqual(['42["v",1]', `42["v","text","${offset}"]`, `42["name alone","${offset}"]`]);
    cut(client);
    expect(arrive(stage, { pid: client.pid, offset }).missed).toEqual([]);
  });

  test("clients of protocol 3 cannot come back: they get no offset (socket-protocol §8)", () => {
    const stage = on({ allowEIO3: true });
    const client = arrive(stage);
    const old = [stage.open(undefined, 3), stage.open(undefined, 3)];
    for (const { connection } of old) connection.joinMain();
    for (const { transport } of old) expect(takenBy(stage, { ...client, transport })).toEqual(["40"]);
    const [id] = [...stage.server.sockets.sockets.keys()].slice(-1);
    stage.server.emit("all", "text");
    stage.server.to(id!).emit("room");
    stage.server.volatile.emit("name alone");
    stage.server.sockets.sockets.get(id!)!.emit("one", "text");
    stage.time.settle();
    expect(old.map(({ transport }) => transport.take())).toEqual([
      ['42["all","text"]', '42["name alone"]'],
      ['42["all","text"]', '42["room"]', '42["name alone"]', '42["one","text"]'],
    ]);
    expect(takenBy(stage, client)).toEqual([
      expect.stringMatching(/"text","\S+\.1"\]$/),
      expect.stringContaining(".2"),
    ]);
  });

  test("a broadcast is encoded once and its bytes are shared, with the option on", () => {
    const stage = on();
    const clients = [arrive(stage), arrive(stage), arrive(stage)];
    for (let count = 0; count < 10; count++) stage.server.emit("tick", count);
    stage.time.settle();
    const writes = clients.map(({ transport }) => transport.writes);
    expect(writes.map(({ length }) => length)).toEqual([1, 1, 1]);
    expect(new Set(writes.map(([write]) => write!.batch.bytes())).size).toBe(1);
  });
});

describe("a client that comes back (api.md C1, C2)", () => {
  test("gets id, rooms and data back, and first what it missed, in order and each with its offset", () => {
    const stage = on();
    const connections = vi.fn<(socket: Socket) => void>();
    stage.server.on("connection", connections);
    const client = arrive(stage);
    const socket = socketOf(stage, client);
    expect(socket.recovered).toBe(false);
    void socket.join(["room", "left"]);
    socket.leave("left");
    socket.data = { user: "ann" };
    socket.emit("first");
    const offset = offsetIn(takenBy(stage, client)[0]);
    cut(client);
    expect(stage.server.sockets.sockets.size).toBe(0);
    stage.server.to("room").emit("to the room", 1);
    stage.server.to("left").emit("not for it");
    stage.server.to("other").emit("not for it");
    stage.server.except("room").emit("not for it");
    stage.server.to(["other", "room"]).emit("to two rooms");
    stage.server.emit("to all", new Uint8Array([7]));
    socket.emit("to it alone");
    stage.server.to(client.sid).emit("to its id");
    const back = arrive(stage, { pid: client.pid, offset, token: "t" });
    expect(bare(back.missed)).toEqual([
      ["to the room", 1],
      ["to two rooms"],
      ["to all", { _placeholder: true, num: 0 }],
      ["to it alone"],
      ["to its id"],
    ]);
    expect(back.missed[3]).toEqual(Buffer.from([7]));
    expect(back.frames.at(-1)).toBe(`40{"sid":"${client.sid}","pid":"${client.pid}"}`);
    const again = connections.mock.calls[1]![0];
    expect(again).toBe(socketOf(stage, client));
    expect([again.recovered, again.id, again.data, [...again.rooms]]).toEqual([
      true,
      client.sid,
      { user: "ann" },
      [client.sid, "room"],
    ]);
    expect(again.handshake.auth).toEqual({ pid: client.pid, offset, token: "t" });
    stage.server.to("room").emit("live");
    expect(bare(takenBy(stage, back))).toEqual([["live"]]);
  });

  test("may be cut again and again: nothing is lost, and nothing comes twice", () => {
    const stage = on();
    let client = arrive(stage);
    const { pid } = client;
    stage.server.emit("e", 0);
    let offset = offsetIn(takenBy(stage, client)[0]);
    const seen: unknown[] = [];
    for (let round = 1; round <= 5; round++) {
      cut(client);
      stage.server.emit("e", round);
      client = arrive(stage, { pid, offset });
      offset = offsetIn(client.missed.at(-1));
      seen.push(...bare(client.missed));
    }
    expect(seen).toEqual([1, 2, 3, 4, 5].map((round) => ["e", round]));
  });

  test.each(["transport error", "transport close", "ping timeout", "forced close", "forced server close"] as const)(
    "after %s it is recovered",
    (reason) => {
      const stage = on();
      const client = arrive(stage);
      const ended = vi.fn();
      socketOf(stage, client).on("disconnect", ended);
      if (reason === "ping timeout") stage.time.advance(45_000);
      else if (reason === "forced close" || reason === "forced server close") client.connection.endWith(reason);
      else client.transport.handler.onTransportEnd(reason, "");
      expect(ended.mock.calls[0]![0]).toBe(reason);
      expect(arrive(stage, { pid: client.pid }).sid).toBe(client.sid);
    },
  );

  test.each<[string, (client: Arrival, socket: Socket) => unknown]>([
    ["it left", ({ transport }) => transport.receive("41")],
    ["the server disconnected it", (_client, socket) => socket.disconnect()],
    ["the server closed its connection", (_client, socket) => socket.disconnect(true)],
    ["it broke the protocol", ({ transport }) => transport.receive("x")],
  ])("but not after %s", (_how, end) => {
    const stage = on();
    const client = arrive(stage);
    end(client, socketOf(stage, client));
    expect(stage.server.sockets.sockets.size).toBe(0);
    const back = arrive(stage, { pid: client.pid });
    expect([back.sid === client.sid, back.pid === client.pid, back.frames.length]).toEqual([false, false, 1]);
  });

  test("is a new client after maxDisconnectionDuration, without an error", () => {
    const stage = on({ connectionStateRecovery: { maxDisconnectionDuration: 10_000 } });
    const [one, two] = [arrive(stage), arrive(stage)];
    cut(one);
    cut(two);
    stage.time.advance(9_999);
    expect(arrive(stage, { pid: one.pid }).sid).toBe(one.sid);
    stage.time.advance(1);
    expect(arrive(stage, { pid: two.pid }).sid).not.toBe(two.sid);
  });

  test("without an offset it has missed all since its pid was issued (delivery §8)", () => {
    const stage = on();
    arrive(stage);
    stage.server.emit("before");
    const client = arrive(stage);
    stage.server.emit("lost");
    cut(client);
    expect(bare(arrive(stage, { pid: client.pid }).missed)).toEqual([["lost"]]);
  });

  test("an offset from before that is raised to it: the past of others is not replayed", () => {
    const stage = on();
    const other = arrive(stage);
    stage.server.emit("before");
    const old = offsetIn(takenBy(stage, other)[0]);
    stage.server.emit("also before");
    const client = arrive(stage);
    cut(client);
    const back = arrive(stage, { pid: client.pid, offset: old });
    expect([back.sid, back.missed]).toEqual([client.sid, []]);
  });

  test.each<[string, (epoch: string) => unknown]>([
    ["of another epoch", () => "abcdefgh.1"],
    ["of the future", (epoch) => `${epoch}.z`],
    ["that is garbage", () => "\u0000"],
    ["of another type", () => 1],
    ["that is null", () => null],
    ["that is a list", (epoch) => [`${epoch}.1`]],
  ])("an offset %s makes it a new client (abuse matrix 104)", (_what, offset) => {
    const stage = on();
    const client = arrive(stage);
    stage.server.emit("e");
    const [epoch = ""] = offsetIn(takenBy(stage, client)[0]).split(".");
    cut(client);
    const back = arrive(stage, { pid: client.pid, offset: offset(epoch) });
    expect([back.frames.length, back.sid === client.sid, back.pid === client.pid]).toEqual([1, false, false]);
  });

  test.each([[1], [{}], [null], ["x"], ["__proto__"], ["p".repeat(16_000)]])(
    "so does the pid %j (abuse matrix 104)",
    (pid) => {
      const stage = on();
      expect(arrive(stage, { pid, offset: "x.1" }).frames).toEqual([expect.stringMatching(/^40\{"sid":.*"pid":/)]);
    },
  );

  test("rooms count from when they were joined", () => {
    const stage = on();
    const client = arrive(stage);
    stage.server.to("room").emit("before it joined");
    stage.server.except("room").emit("when it was not excepted");
    void socketOf(stage, client).join("room");
    stage.server.to("room").emit("after");
    cut(client);
    expect(bare(arrive(stage, { pid: client.pid }).missed)).toEqual([["when it was not excepted"], ["after"]]);
  });

  test("and until they were left: what was sent before that may not have arrived", () => {
    const stage = on();
    const client = arrive(stage);
    const socket = socketOf(stage, client);
    void socket.join("room");
    stage.server.to("room").emit("in time");
    stage.server.except("room").emit("when it was excepted");
    socket.leave("room");
    stage.server.to("room").emit("too late");
    stage.server.except("room").emit("not excepted any more");
    cut(client);
    expect(bare(arrive(stage, { pid: client.pid }).missed)).toEqual([["in time"], ["not excepted any more"]]);
  });

  test("rooms that were joined and left many times cost no more than 64", () => {
    const stage = on();
    const client = arrive(stage);
    const socket = socketOf(stage, client);
    for (let count = 0; count < 100; count++) {
      void socket.join("room");
      stage.server.to("room").emit("n", count);
      socket.leave("room");
      void socket.join("quiet");
      socket.leave("quiet");
    }
    cut(client);
    const { missed } = arrive(stage, { pid: client.pid });
    expect(bare(missed)).toEqual(Array.from({ length: 64 }, (_, at) => ["n", at + 36]));
  });

  test("what the application sends to a socket that has gone reaches whoever has its id (api.md C3)", () => {
    const stage = on();
    const client = arrive(stage);
    const socket = socketOf(stage, client);
    cut(client);
    socket.emit("while away");
    const back = arrive(stage, { pid: client.pid });
    expect(bare(back.missed)).toEqual([["while away"]]);
    socket.emit("late");
    socket.broadcast.emit("not to itself");
    expect(bare(takenBy(stage, back))).toEqual([["late"]]);
  });

  test("namespaces are recovered one by one", () => {
    const stage = on();
    stage.server.of("/a");
    const peer = stage.open();
    peer.transport.receive("40", "40/a,");
    stage.time.settle();
    const [main, other] = peer.transport.take().map((frame) => JSON.parse(String(frame).replace(/^40(\/a,)?/, "")));
    cut(peer);
    stage.server.of("/a").emit("in a");
    const again = stage.open();
    again.transport.receive(`40/a,{"pid":"${other.pid}"}`, `40{"pid":"${main.pid}"}`);
    expect(takenBy(stage, again)).toEqual([
      expect.stringMatching(/^42\/a,\["in a","[\w-]+\.1"\]$/),
      `40/a,${JSON.stringify(other)}`,
      `40${JSON.stringify(main)}`,
    ]);
  });
});

describe("one owner (delivery §8, abuse matrix 106, 108)", () => {
  test("a socket that still counts as open is taken over: it gets DISCONNECT, and ends with transport close (abuse 66)", () => {
    const stage = on();
    const client = arrive(stage);
    const old = socketOf(stage, client);
    void old.join("room");
    const ended = vi.fn();
    old.on("disconnect", ended);
    stage.server.emit("unseen");
    stage.time.settle();
    client.transport.take();
    const back = arrive(stage, { pid: client.pid });
    expect(takenBy(stage, client)).toEqual(["41"]);
    expect(ended.mock.calls).toEqual([["transport close", undefined]]);
    expect([back.sid, bare(back.missed)]).toEqual([client.sid, [["unseen"]]]);
    const sockets = stage.server.sockets;
    expect([sockets.sockets.size, [...sockets.adapter.rooms.get("room")!]]).toEqual([1, [client.sid]]);
    expect([old.connected, old.rooms.size, socketOf(stage, client).connected]).toEqual([false, 0, true]);
    // the old connection crosses with it: what it still sends goes nowhere
    client.transport.receive('42["late"]');
    expect(client.connection.readyState).toBe("open");
  });

  test("what its listeners send while it is taken over comes once", () => {
    const stage = on();
    const client = arrive(stage);
    const other = arrive(stage);
    socketOf(stage, client).on("disconnect", () => void stage.server.emit("left"));
    const back = arrive(stage, { pid: client.pid });
    expect([bare(back.missed), bare(takenBy(stage, other))]).toEqual([[["left"]], [["left"]]]);
  });

  test("of two that come at once the newer wins, the older is a new client", () => {
    const next: (() => void)[] = [];
    const stage = on({ connectionStateRecovery: { skipMiddlewares: false } });
    const client = arrive(stage);
    cut(client);
    stage.server.emit("missed");
    stage.server.use((_socket, done) => void next.push(done));
    const [older, newer] = [stage.open(), stage.open()];
    for (const { transport } of [older, newer]) transport.receive(`40{"pid":"${client.pid}"}`);
    next[0]!();
    // it passes the middlewares once more, now as a new client
    expect(takenBy(stage, older)).toEqual([]);
    next[1]!();
    expect(takenBy(stage, newer).length).toBe(2);
    next[2]!();
    const frames = takenBy(stage, older);
    expect([frames.length, answerIn(frames).sid === client.sid]).toEqual([1, false]);
    expect(stage.server.sockets.sockets.size).toBe(2);
  });

  test("a child namespace does not end while the only one in it is taken over", () => {
    const stage = on({ cleanupEmptyChildNamespaces: true });
    stage.server.of(/^\/c/);
    const enter = (auth: string): [Peer, Frame[]] => {
      const peer = stage.open();
      peer.transport.receive(`40/c,${auth}`);
      stage.time.settle();
      return [peer, peer.transport.take()];
    };
    const [, [answer]] = enter("");
    const { pid } = JSON.parse(String(answer).slice(5)) as { pid: string };
    const child = stage.server._nsps.get("/c");
    expect(enter(`{"pid":"${pid}"}`)[1]).toEqual([answer]);
    expect(stage.server._nsps.get("/c")).toBe(child);
    expect(child!.sockets.size).toBe(1);
  });

  test("a listener that closes the server during a take-over leaves nothing", async () => {
    const stage = on();
    const client = arrive(stage);
    let closed: Promise<void> | undefined;
    socketOf(stage, client).on("disconnect", () => (closed = stage.server.close()));
    const back = stage.open();
    socketOf(stage, client).on("disconnect", () => cut(back));
    back.transport.receive(`40{"pid":"${client.pid}"}`);
    await closed;
    expect(stage.server.sockets.sockets.size).toBe(0);
    expect(stage.server.sockets.adapter.rooms.size).toBe(0);
    expect(stage.errors).toEqual([]);
  });
});

describe("authorise first, replay after (api.md C2, abuse matrix 107)", () => {
  const strict = (options: Partial<ServerOptions["connectionStateRecovery"] & object> = {}) =>
    on({ connectionStateRecovery: { skipMiddlewares: false, ...options } });

  /** A client that is away and has missed an event. */
  const away = (stage: Stage): Arrival => {
    const client = arrive(stage);
    void socketOf(stage, client).join(["room", "admin"]);
    socketOf(stage, client).data = { user: "ann" };
    cut(client);
    stage.server.to("room").emit("secret");
    return client;
  };

  test("a refused client gets no replayed byte, and what it had is still there", () => {
    const stage = strict();
    const client = away(stage);
    let verdict: Error | undefined = new Error("no");
    const decide: (() => void)[] = [];
    stage.server.use((_socket, next) => void decide.push(() => next(verdict)));
    const peer = stage.open();
    peer.transport.receive(`40{"pid":"${client.pid}"}`);
    expect(takenBy(stage, peer)).toEqual([]);
    decide[0]!();
    expect(takenBy(stage, peer)).toEqual(['44{"message":"no"}']);
    expect(stage.server.sockets.adapter.rooms.size).toBe(0);
    verdict = undefined;
    const back = stage.open();
    back.transport.receive(`40{"pid":"${client.pid}"}`);
    decide[1]!();
    expect(bare(takenBy(stage, back).slice(0, 1))).toEqual([["secret"]]);
  });

  test("and ends nobody: a socket that is still open stays", () => {
    const stage = strict();
    const client = arrive(stage);
    stage.server.use((_socket, next) => next(new Error("no")));
    expect(arrive(stage, { pid: client.pid }).frames).toEqual(['44{"message":"no"}']);
    expect(socketOf(stage, client).connected).toBe(true);
    stage.server.to(client.sid).emit("still here");
    expect(bare(takenBy(stage, client))).toEqual([["still here"]]);
  });

  test("with skipMiddlewares, the default, they are not asked", () => {
    const stage = on();
    const client = away(stage);
    const asked = vi.fn();
    stage.server.use(asked);
    expect(arrive(stage, { pid: client.pid }).sid).toBe(client.sid);
    expect(asked).not.toHaveBeenCalled();
    arrive(stage);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  test("middlewares see the socket as it was; a room that they leave is not replayed nor given back", () => {
    const stage = strict();
    const client = away(stage);
    stage.server.to("admin").emit("for admins");
    stage.server.use((socket, next) => {
      expect([socket.id, socket.recovered, socket.data]).toEqual([client.sid, true, { user: "ann" }]);
      expect(socket.rooms.has("admin")).toBe(true);
      socket.leave("admin");
      void socket.join("new");
      next();
    });
    const back = arrive(stage, { pid: client.pid });
    expect(bare(back.missed)).toEqual([["secret"]]);
    expect([...socketOf(stage, client).rooms].sort()).toEqual([client.sid, "room", "new"].sort());
    expect(stage.errors).toEqual([]);
  });

  test("what is sent while they run comes once, also to the socket itself", () => {
    const stage = strict();
    const client = away(stage);
    let admit = (): void => {};
    stage.server.use((socket, next) => {
      socket.emit("from the middleware");
      admit = next;
    });
    const back = stage.open();
    back.transport.receive(`40{"pid":"${client.pid}"}`);
    stage.server.to("room").emit("meanwhile");
    expect(takenBy(stage, back)).toEqual([]);
    admit();
    stage.server.to("room").emit("live");
    const frames = takenBy(stage, back);
    expect(bare(frames.filter((frame) => String(frame).startsWith("42")))).toEqual([
      ["secret"],
      ["from the middleware"],
      ["meanwhile"],
      ["live"],
    ]);
    expect(String(frames[3])).toMatch(/^40/);
  });

  test("rooms that a half-open socket leaves while they run stay left", () => {
    const stage = strict();
    const client = arrive(stage);
    const old = socketOf(stage, client);
    void old.join(["kept", "left"]);
    let admit = (): void => {};
    stage.server.use((_socket, next) => void (admit = next));
    stage.open().transport.receive(`40{"pid":"${client.pid}"}`);
    stage.server.in("left").socketsLeave("left");
    stage.server.in("kept").socketsJoin("late");
    admit();
    expect([...socketOf(stage, client).rooms].sort()).toEqual([client.sid, "kept", "late"].sort());
  });

  test("someone else is a new client: subject(socket) must be equal, after the middlewares", () => {
    const stage = strict({ subject: (socket) => socket.handshake.auth.user });
    stage.server.use((socket, next) => next(socket.handshake.auth.user === "bad" ? new Error("no") : undefined));
    const client = arrive(stage, { user: "ann" });
    socketOf(stage, client).data = "of ann";
    cut(client);
    stage.server.emit("missed");
    const other = arrive(stage, { pid: client.pid, user: "bob" });
    expect([other.frames.length, other.sid === client.sid]).toEqual([1, false]);
    expect(socketOf(stage, other).data).toEqual({});
    expect(arrive(stage, { pid: client.pid, user: "ann" }).sid).toBe(client.sid);
  });

  test("a subject that throws is reported, and nobody is recovered", () => {
    const stage = strict({
      subject: () => {
        throw new Error("mine");
      },
    });
    const client = away(stage);
    expect(arrive(stage, { pid: client.pid }).sid).not.toBe(client.sid);
    expect(stage.errors.length).toBeGreaterThan(0);
  });

  test("a seat that expires while they run is gone: it is a new client, which they see again", () => {
    const stage = strict({ maxDisconnectionDuration: 1_000 });
    const client = away(stage);
    const seen: [boolean, () => void][] = [];
    stage.server.use((socket, next) => void seen.push([socket.recovered, next]));
    const back = stage.open();
    back.transport.receive(`40{"pid":"${client.pid}"}`);
    stage.time.advance(1_000);
    seen[0]![1]();
    seen[1]![1]();
    expect(seen.map(([recovered]) => recovered)).toEqual([true, false]);
    const frames = takenBy(stage, back);
    expect([frames.length, answerIn(frames).sid === client.sid]).toEqual([1, false]);
    expect(stage.server.sockets.adapter.rooms.size).toBe(1);
  });
});

describe("bounds (abuse matrix 104, 105)", () => {
  test("the log lets go of the oldest beyond maxRecoveryBytes: who needs it is a new client", () => {
    const stage = on({ limits: { maxRecoveryBytes: 2_000 } });
    const [early, late] = [arrive(stage), arrive(stage)];
    cut(early);
    for (let count = 0; count < 8; count++) stage.server.emit("e", count);
    const frames = takenBy(stage, late);
    cut(late);
    for (let count = 8; count < 14; count++) stage.server.emit("e", count);
    expect(arrive(stage, { pid: early.pid }).sid).not.toBe(early.sid);
    const back = arrive(stage, { pid: late.pid, offset: offsetIn(frames.at(-1)) });
    expect([back.sid, bare(back.missed).length]).toEqual([late.sid, 6]);
  });

  test("events are kept while a client that was lost in silence may still come back", () => {
    const stage = on({ connectionStateRecovery: { maxDisconnectionDuration: 10_000 } });
    const client = arrive(stage);
    stage.server.emit("lost");
    // noticed 45 s later, and back 9 s after that
    stage.time.advance(54_000);
    expect(stage.server.sockets.sockets.size).toBe(0);
    expect(bare(arrive(stage, { pid: client.pid }).missed)).toEqual([["lost"]]);
  });

  test("a quiet namespace recovers however old its last event is", () => {
    const stage = on({ connectionStateRecovery: { maxDisconnectionDuration: 10_000 } });
    const client = arrive(stage);
    stage.server.emit("e");
    const offset = offsetIn(takenBy(stage, client)[0]);
    for (let minute = 0; minute < 60; minute++) {
      for (let beat = 0; beat < 3; beat++) {
        stage.time.advance(25_000);
        client.transport.receive("3");
      }
    }
    cut(client);
    expect(arrive(stage, { pid: client.pid, offset }).sid).toBe(client.sid);
  });

  test("beyond maxAway the longest away is forgotten", () => {
    const stage = on({ limits: { maxAway: 2 } });
    const clients = [arrive(stage), arrive(stage), arrive(stage)];
    for (const client of clients) cut(client);
    expect(clients.map(({ pid, sid }) => arrive(stage, { pid }).sid === sid)).toEqual([false, true, true]);
    expect(stage.server.metrics.refused.maxAway).toBe(1);
  });

  test("nothing is left when all clients have been away long enough", () => {
    const stage = on();
    const clients = [arrive(stage), arrive(stage)];
    stage.server.emit("e", "x".repeat(1_000));
    for (const client of clients) cut(client);
    stage.time.advance(300_000);
    expect(stage.server.clock.size).toBe(0);
    expect(stage.time.timers).toBe(0);
    expect(arrive(stage, { pid: clients[0]!.pid }).sid).not.toBe(clients[0]!.sid);
  });

  test("a replay that its connection may not hold makes it a new client", () => {
    const stage = on({ limits: { maxBufferedBytesHard: 10_000 } });
    const [one, two] = [arrive(stage), arrive(stage)];
    cut(one);
    stage.server.to(two.sid).emit("not for it", "x".repeat(8_000));
    takenBy(stage, two);
    cut(two);
    stage.server.emit("e", "x".repeat(4_000));
    expect(arrive(stage, { pid: two.pid }).sid).not.toBe(two.sid);
    expect(arrive(stage, { pid: one.pid }).sid).toBe(one.sid);
  });

  test("after recoveryFailuresPerMinute failures of one address nobody of it is looked for", () => {
    const stage = on({ clientAddress: () => "192.0.2.1", limits: { recoveryFailuresPerMinute: 3 } });
    const client = arrive(stage);
    cut(client);
    for (let count = 0; count < 3; count++) arrive(stage, { pid: "x" });
    expect(arrive(stage, { pid: client.pid }).sid).toBe(client.sid);
    cut(client);
    arrive(stage, { pid: "x" });
    expect(arrive(stage, { pid: client.pid }).sid).not.toBe(client.sid);
    expect(stage.server.metrics.refused.recoveryFailuresPerMinute).toBe(1);
    stage.time.advance(60_000);
    expect(arrive(stage, { pid: client.pid }).sid).toBe(client.sid);
  });

  test("beyond recoveriesPerMinute of one address, who comes back is a new client, and its place is kept (abuse 105)", () => {
    let address = "192.0.2.1";
    const stage = on({ clientAddress: () => address, limits: { recoveriesPerMinute: 2 } });
    const [one, two] = [arrive(stage), arrive(stage)];
    const comesBack = ({ sid, pid }: Arrival): boolean => {
      const back = arrive(stage, { pid });
      cut(back);
      return back.sid === sid;
    };
    for (const client of [one, two]) cut(client);
    expect([comesBack(one), comesBack(two), comesBack(one), comesBack(two)]).toEqual([true, true, false, false]);
    address = "192.0.2.2";
    expect(comesBack(one)).toBe(true);
    expect(stage.server.metrics.refused.recoveriesPerMinute).toBe(2);
    stage.time.advance(60_000);
    address = "192.0.2.1";
    expect(comesBack(two)).toBe(true);
  });

  test("where addresses are not known, recoveriesPerMinute counts for each client; 0 is no limit (abuse 105)", () => {
    for (const [recoveriesPerMinute, expected] of [
      [2, [true, true, false]],
      [0, [true, true, true]],
    ] as const) {
      const stage = on({ limits: { recoveriesPerMinute } });
      for (const client of [arrive(stage), arrive(stage)]) {
        cut(client);
        const got = expected.map(() => {
          const back = arrive(stage, { pid: client.pid });
          cut(back);
          return back.sid === client.sid;
        });
        expect(got).toEqual(expected);
      }
    }
  });

  test("an attempt over the limit does not end one that middlewares are asked about", () => {
    const stage = on({ connectionStateRecovery: { skipMiddlewares: false }, limits: { recoveriesPerMinute: 1 } });
    const decisions: (() => void)[] = [];
    const client = arrive(stage);
    stage.server.use((_socket, next) => void decisions.push(next));
    cut(client);
    const [first, second] = [stage.open(), stage.open()];
    for (const { transport } of [first, second]) transport.receive(`40{"pid":"${client.pid}"}`);
    for (const decide of decisions) decide();
    stage.time.settle();
    expect([first, second].map(({ transport }) => answerIn(transport.take()).sid === client.sid)).toEqual([
      true,
      false,
    ]);
  });

  test("a clientAddress that throws is reported, and harms no client", () => {
    const stage = on({
      clientAddress: () => {
        throw new Error("mine");
      },
    });
    const client = arrive(stage);
    cut(client);
    expect(arrive(stage, { pid: client.pid }).sid).toBe(client.sid);
    expect(stage.errors).toEqual([new Error("mine")]);
  });

  test("binary values are kept as they were sent", () => {
    const stage = on();
    const client = arrive(stage);
    cut(client);
    const bytes = new Uint8Array([1, 2]);
    stage.server.emit("e", bytes);
    bytes.fill(9);
    expect(arrive(stage, { pid: client.pid }).missed[1]).toEqual(Buffer.from([1, 2]));
  });
});

describe("v4's adapter methods (api.md A1, A3)", () => {
  test("persistSession keeps what restoreSession takes out, once, with what was missed", async () => {
    const stage = on();
    const client = arrive(stage);
    const { adapter } = stage.server.sockets;
    stage.server.emit("before");
    const offset = offsetIn(takenBy(stage, client)[0]);
    const session = { sid: "s".repeat(20), pid: "p".repeat(20), rooms: ["s".repeat(20), "room"], data: { a: 1 } };
    adapter.persistSession(session);
    stage.server.to("room").emit("missed", new Uint8Array([5]));
    stage.server.to("other").emit("not for it");
    const restored = await adapter.restoreSession(session.pid, offset);
    expect(restored).toMatchObject(session);
    const [name, bytes, position] = restored!.missedPackets[0] as unknown[];
    expect([restored!.missedPackets.length, name, Buffer.isBuffer(bytes), position]).toEqual([
      1,
      "missed",
      true,
      offset.replace(/1$/, "2"),
    ]);
    expect(await adapter.restoreSession(session.pid, offset)).toBeNull();
    expect(await adapter.restoreSession(client.pid, offset)).toBeNull();
  });

  test("without recovery they keep nothing", async () => {
    const { adapter } = setTheStage().server.sockets;
    adapter.persistSession({ sid: "s", pid: "p", rooms: [], data: {} });
    expect(await adapter.restoreSession("p", "o")).toBeNull();
  });
});

describe("a lingering poll", () => {
  test("a cut during the replay leaves the seat for the next attempt", () => {
    const stage = on();
    const client = arrive(stage);
    cut(client);
    stage.server.emit("missed");
    const transport = new FakeTransport("polling");
    transport.writable = false;
    const half = stage.open(transport);
    half.transport.receive(`40{"pid":"${client.pid}"}`);
    cut(half);
    expect(bare(arrive(stage, { pid: client.pid }).missed)).toEqual([["missed"]]);
  });
});
