import { afterEach, describe, expect, test } from "vitest";
import { closeAll, once, start, until, within } from "./harness.ts";
import type { ClientSocket, Rig, ServerSocket } from "./harness.ts";
import { forEachServer, type Pair } from "./peers.ts";

afterEach(closeAll);

const transports = ["websocket"];

/** A server with clients `a`, `b` and `c`; `a` is in rooms 1 and 2, `b` in room 2, `c` in none. */
interface Stage extends Rig {
  readonly clients: readonly ClientSocket[];
  readonly sockets: readonly ServerSocket[];
  readonly a: ServerSocket;
}

async function stage(pair: Pair): Promise<Stage> {
  const rig = await start(pair);
  const [clientA, a] = await rig.connect({ transports });
  const [clientB, b] = await rig.connect({ transports });
  const [clientC, c] = await rig.connect({ transports });
  await a.join(["1", "2"]);
  await b.join("2");
  return { ...rig, clients: [clientA, clientB, clientC], sockets: [a, b, c], a };
}

/** Which clients heard the event "x" how often, as letters, before a later event for everybody. */
async function hearers({ io, clients }: Stage, emit: () => unknown): Promise<string> {
  const counts = clients.map(() => 0);
  const fenced = clients.map((client, index) => {
    const count = (): void => void counts[index]!++;
    client.on("x", count);
    return once(client, "fence").then(() => client.off("x", count));
  });
  emit();
  io.emit("fence");
  await Promise.all(fenced);
  return counts.map((count, index) => "abc".charAt(index).repeat(count)).join("");
}

function targets(pair: Pair): void {
  test("io.emit reaches everybody, each once", async () => {
    const all = await stage(pair);
    expect(await hearers(all, () => all.io.emit("x"))).toBe("abc");
  });

  test.each([
    ["to a room", (all: Stage) => all.io.to("1").emit("x"), "a"],
    ["in a room", (all: Stage) => all.io.in("2").emit("x"), "ab"],
    ["to the union of an array of rooms", (all: Stage) => all.io.to(["1", "2"]).emit("x"), "ab"],
    ["to the union of a chain", (all: Stage) => all.io.to("1").in("2").emit("x"), "ab"],
    ["except a room", (all: Stage) => all.io.except("1").emit("x"), "bc"],
    ["except an array", (all: Stage) => all.io.except(["1", all.sockets[2]!.id]).emit("x"), "b"],
    ["to a room, except another", (all: Stage) => all.io.to("2").except("1").emit("x"), "b"],
    ["to a room nobody is in", (all: Stage) => all.io.to("none").emit("x"), ""],
    ["to a socket's own id", (all: Stage) => all.io.to(all.sockets[2]!.id).emit("x"), "c"],
    ["volatile", (all: Stage) => all.io.volatile.emit("x"), "abc"],
    ["local, uncompressed", (all: Stage) => all.io.local.compress(false).emit("x"), "abc"],
    ["from a socket: broadcast", (all: Stage) => all.a.broadcast.emit("x"), "bc"],
    ["from a socket: to a room, without itself", (all: Stage) => all.a.to("2").emit("x"), "b"],
    ["from a socket: in a room", (all: Stage) => all.a.in(["1", "2"]).emit("x"), "b"],
    ["from a socket: except a room", (all: Stage) => all.a.except("2").emit("x"), "c"],
    ["from a socket: to its own id", (all: Stage) => all.a.to(all.a.id).emit("x"), ""],
    ["from a socket: local, volatile", (all: Stage) => all.a.local.volatile.emit("x"), "bc"],
    ["to the same room twice", (all: Stage) => all.io.to("2").to("2").emit("x"), "ab"],
  ])("a broadcast reaches exactly its targets: %s", async (_name, emit, expected) => {
    const all = await stage(pair);
    expect(await hearers(all, () => emit(all))).toBe(expected);
  });

  test("a modifier returns a new operator and leaves the old one as it was", async () => {
    const all = await stage(pair);
    const first = all.io.to("1");
    first.to("2").emit("y");
    expect(await hearers(all, () => (first.emit("x"), first.emit("x")))).toBe("aa");
  });

  test("send and write emit the event 'message'", async () => {
    const all = await stage(pair);
    const values: unknown[] = [];
    for (const client of all.clients) client.on("message", (value: unknown) => values.push(value));
    await hearers(all, () => {
      all.io.send("io");
      all.io.write("io write");
      all.a.send("socket");
      all.a.write("socket write");
    });
    expect(values.sort()).toEqual(["io", "io", "io", "io write", "io write", "io write", "socket", "socket write"]);
  });

  test("a binary broadcast arrives whole at every client", async () => {
    const all = await stage(pair);
    const got = Promise.all(all.clients.map((client) => once(client, "bytes")));
    all.io.emit("bytes", { deep: [Buffer.from([1, 2, 3])] }, Buffer.from([4]));
    for (const args of await got) expect(args).toEqual([{ deep: [Buffer.from([1, 2, 3])] }, Buffer.from([4])]);
  });
}

function answers(pair: Pair): void {
  test("a broadcast with an acknowledgement collects the first value of each client", async () => {
    const all = await stage(pair);
    all.clients.forEach((client, index) => client.on("ask", (give: (...v: unknown[]) => void) => give(index, "more")));
    const got = new Promise<unknown[]>((resolve) =>
      all.io.timeout(4_000).emit("ask", (...args: unknown[]) => resolve(args)),
    );
    const [error, values] = await within(got, "answers");
    expect(error).toBeNull();
    expect([...(values as number[])].sort()).toEqual([0, 1, 2]);
    const some = await within(all.io.to("1").timeout(4_000).emitWithAck("ask"), "answers of a room");
    expect(some).toEqual([0]);
  });

  test("a broadcast that times out gives the error and the answers so far", async () => {
    const all = await stage(pair);
    all.clients[1]!.on("ask", (give: (value: string) => void) => give("b"));
    const got = new Promise<unknown[]>((resolve) =>
      all.io.timeout(60).emit("ask", (...args: unknown[]) => resolve(args)),
    );
    const [error, values] = await within(got, "answers");
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toBe("operation has timed out");
    expect(values).toEqual(["b"]);
  });

  test("emitWithAck of a broadcast rejects with the partial answers in err.responses", async () => {
    const all = await stage(pair);
    all.clients[0]!.on("ask", (give: (value: string) => void) => give("a"));
    const failure = all.io.timeout(60).emitWithAck("ask");
    await expect(failure).rejects.toMatchObject({ message: "operation has timed out", responses: ["a"] });
  });

  test("a broadcast with an acknowledgement to nobody gives an empty list", async () => {
    const all = await stage(pair);
    expect(await within(all.io.to("none").timeout(1_000).emitWithAck("ask"), "answers")).toEqual([]);
  });

  test("socket.broadcast with an acknowledgement leaves its own client out", async () => {
    const all = await stage(pair);
    all.clients.forEach((client, index) => client.on("ask", (give: (value: number) => void) => give(index)));
    const values: number[] = await within(all.a.broadcast.timeout(1_000).emitWithAck("ask"), "answers");
    expect(values.sort()).toEqual([1, 2]);
  });

  // the reference keeps it until its timeout
  test.runIf(pair.server.ours)(
    "an acknowledgement that is never given is settled with an error at the disconnect",
    async () => {
      const all = await stage(pair);
      const pending = all.a.timeout(60_000).emitWithAck("silence");
      const refused = expect(pending).rejects.toThrow("socket has been disconnected");
      all.a.disconnect();
      await within(refused, "error at the disconnect");
    },
  );
}

function cluster(pair: Pair): void {
  test("fetchSockets gives the sockets of a target with id, rooms, data and handshake", async () => {
    const all = await stage(pair);
    all.a.data = { user: "ann" };
    const found = await all.io.in("1").fetchSockets();
    expect(found.map(({ id }) => id)).toEqual([all.a.id]);
    expect(found[0]!.data).toEqual({ user: "ann" });
    expect([...found[0]!.rooms].sort()).toEqual([all.a.id, "1", "2"].sort());
    expect(found[0]!.handshake.address).toBe(all.a.handshake.address);
    expect((await all.io.fetchSockets()).length).toBe(3);
    expect((await all.io.except("2").fetchSockets()).length).toBe(1);
    expect((await all.io.local.fetchSockets()).length).toBe(3);
    const heard = once(all.clients[0], "direct");
    found[0]!.emit("direct", 1);
    expect(await heard).toEqual([1]);
    found[0]!.join("late");
    expect(all.a.rooms.has("late")).toBe(true);
    found[0]!.leave("late");
    expect(all.a.rooms.has("late")).toBe(false);
  });

  test("allSockets gives the ids", async () => {
    const all = await stage(pair);
    expect(await all.io.allSockets()).toEqual(new Set(all.sockets.map(({ id }) => id)));
    expect(await all.io.in("1").allSockets()).toEqual(new Set([all.a.id]));
  });

  test("socketsJoin and socketsLeave move all sockets of a target", async () => {
    const all = await stage(pair);
    all.io.in("2").socketsJoin(["x", "y"]);
    expect(all.sockets.map(({ rooms }) => rooms.has("x") && rooms.has("y"))).toEqual([true, true, false]);
    all.io.in("1").socketsLeave("x");
    expect(all.sockets.map(({ rooms }) => rooms.has("x"))).toEqual([false, true, false]);
    all.a.broadcast.socketsJoin("z");
    expect(all.sockets.map(({ rooms }) => rooms.has("z"))).toEqual([false, true, true]);
  });

  test("disconnectSockets disconnects all sockets of a target, with their connection if asked", async () => {
    const all = await stage(pair);
    const first = once(all.clients[0], "disconnect");
    all.io.in("1").disconnectSockets();
    expect((await first)[0]).toBe("io server disconnect");
    expect(all.sockets[1]!.connected).toBe(true);
    const others = [once(all.clients[1], "disconnect"), once(all.clients[2], "disconnect")];
    all.io.disconnectSockets(true);
    await Promise.all(others);
    await until(() => all.io.engine.clientsCount === 0, "no connection left");
  });

  test("serverSideEmit refuses the reserved names", async () => {
    const rig = await start(pair);
    for (const name of ["connect", "connection", "new_namespace"]) {
      expect(() => rig.io.serverSideEmit(name)).toThrow(`"${name}" is a reserved event name`);
    }
  });
}

function rooms(pair: Pair): void {
  test("a socket is in the room of its id, joins and leaves, and socket.rooms is live", async () => {
    const rig = await start(pair);
    const [, socket] = await rig.connect({ transports });
    const view = socket.rooms;
    expect([...socket.rooms]).toEqual([socket.id]);
    await socket.join("one");
    await socket.join(["two", "three"]);
    expect([...socket.rooms].sort()).toEqual([socket.id, "one", "two", "three"].sort());
    await socket.leave("two");
    expect(socket.rooms.has("two")).toBe(false);
    expect(view.has("three")).toBe(true);
    expect(view.size).toBe(3);
  });

  test("adapter.rooms and adapter.sids are live views", async () => {
    const rig = await start(pair);
    const { adapter } = rig.io.of("/");
    const { rooms, sids } = adapter;
    const [, socket] = await rig.connect({ transports });
    await socket.join("room");
    expect([...rooms.keys()].sort()).toEqual([socket.id, "room"].sort());
    expect([...(rooms.get("room") ?? [])]).toEqual([socket.id]);
    expect(rooms.get(socket.id)?.has(socket.id)).toBe(true);
    expect(rooms.size).toBe(2);
    expect([...(sids.get(socket.id) ?? [])].sort()).toEqual([socket.id, "room"].sort());
    expect(sids.has(socket.id)).toBe(true);
    expect(new Map(rooms).size).toBe(2);
    const seen: string[] = [];
    rooms.forEach((members, room) => seen.push(`${room}:${members.size}`));
    expect(seen.sort()).toEqual([`${socket.id}:1`, "room:1"].sort());
    await socket.leave("room");
    expect(rooms.has("room")).toBe(false);
    socket.disconnect();
    expect(rooms.size).toBe(0);
    expect(sids.size).toBe(0);
  });

  test("the adapter tells of rooms that appear and go, and of who joins and leaves", async () => {
    const rig = await start(pair);
    const { adapter } = rig.io.of("/");
    const log: string[] = [];
    for (const name of ["create-room", "delete-room", "join-room", "leave-room"]) {
      adapter.on(name, (...args: string[]) => log.push([name, ...args].join(" ")));
    }
    const [, socket] = await rig.connect({ transports });
    const { id } = socket;
    expect(log.splice(0)).toEqual([`create-room ${id}`, `join-room ${id} ${id}`]);
    await socket.join("r");
    await socket.join("r");
    expect(log.splice(0)).toEqual(["create-room r", `join-room r ${id}`]);
    await socket.leave("r");
    expect(log.splice(0)).toEqual([`leave-room r ${id}`, "delete-room r"]);
    await socket.join("r");
    log.splice(0);
    socket.disconnect();
    const sorted = [`delete-room ${id}`, "delete-room r", `leave-room ${id} ${id}`, `leave-room r ${id}`].sort();
    expect(log.sort()).toEqual(sorted);
  });

  test("a middleware may join a room, and a refused socket leaves it again", async () => {
    const rig = await start(pair);
    rig.io.use(async (socket, next) => {
      await socket.join("early");
      next(socket.handshake.auth.ok === true ? undefined : new Error("no"));
    });
    await once(rig.client({ transports }), "connect_error");
    await until(() => !rig.io.of("/").adapter.rooms.has("early"), "room left");
    const [, socket] = await rig.connect({ transports, auth: { ok: true } });
    expect(socket.rooms.has("early")).toBe(true);
  });

  test("namespace.sockets holds the connected sockets, and only those (api.md N1)", async () => {
    const rig = await start(pair);
    let during: number | undefined;
    rig.io.use((_socket, next) => {
      during = rig.io.of("/").sockets.size;
      next();
    });
    const [, socket] = await rig.connect({ transports });
    expect(during).toBe(0);
    expect(rig.io.of("/").sockets.get(socket.id)).toBe(socket);
    socket.disconnect();
    expect(rig.io.of("/").sockets.size).toBe(0);
  });
}

forEachServer((pair) => {
  describe("broadcast targets (B1, N1)", () => targets(pair));
  describe("broadcast acknowledgements (B2)", () => answers(pair));
  describe("all sockets of a target (B3, B4)", () => cluster(pair));
  describe("rooms (A1, A2, N4)", () => rooms(pair));
});
