import { afterEach, describe, expect, test, vi } from "vitest";
import { type ClientSocket, closeAll, collect, once, type Rig, type ServerSocket, start, until } from "../harness.ts";
import { forEachPair } from "../peers.ts";
import { clientIo, printed, run } from "./snippet.ts";

afterEach(closeAll);
afterEach(() => void vi.useRealTimers());

/** Connects several clients, one after the other. */
async function connectAll(rig: Rig, count: number): Promise<[ClientSocket, ServerSocket][]> {
  const all: [ClientSocket, ServerSocket][] = [];
  while (all.length < count) all.push(await rig.connect());
  return all;
}

/** What each client hears, as `event: value`, until all have heard the last word that is sent here. */
async function heardBy(rig: Rig, clients: readonly ClientSocket[], act: () => unknown): Promise<string[][]> {
  const heard = clients.map((client) => {
    const events: string[] = [];
    client.onAny((event: string, value: unknown) => events.push(`${event}: ${JSON.stringify(value)}`));
    return events;
  });
  const last = Promise.all(clients.map((client) => once(client, "last word")));
  await act();
  rig.io.emit("last word");
  await last;
  return heard.map((events) => events.slice(0, -1));
}

/** A server that does what the snippet says for each client. */
async function startWith(pair: Parameters<typeof start>[0], file: string): Promise<Rig> {
  const rig = await start(pair);
  rig.io.on("connection", (socket) => void run(file, { names: { socket, io: rig.io } }));
  return rig;
}

forEachPair((pair) => {
  test("events.ts: each side hears the other", async () => {
    const rig = await start(pair);
    const server = await run("events.ts", { side: "Server", names: { io: rig.io } });
    const client = await run("events.ts", { side: "Client", names: { socket: rig.client() } });
    await printed(server, "Message:", { text: "Hello from client" });
    await printed(client, "Message:", { text: "Hello from server" });
  });

  test("acknowledgements.ts: the client gets the server's answer", async () => {
    const rig = await start(pair);
    const [socket, onServer] = await rig.connect();
    const saved: unknown[] = [];
    const saveToDatabase = (data: { id: number }): unknown => (saved.push(data), { id: data.id + 1 });
    await run("acknowledgements.ts", { side: "Server", names: { socket: onServer, saveToDatabase } });
    const ran = await run("acknowledgements.ts", { side: "Client", names: { socket } });
    await printed(ran, "Server response:", { success: true, id: 2 });
    expect(saved).toEqual([{ id: 1, name: "Test" }]);
  });

  describe("timeout.ts", () => {
    test("gives the answer that comes in time", async () => {
      const rig = await start(pair);
      const [socket, onServer] = await rig.connect();
      onServer.on("request", (data: number, answer: (value: number) => void) => answer(data * 2));
      const ran = await run("timeout.ts", { names: { socket, data: 21 } });
      await printed(ran, "Response:", 42);
    });

    // the official client keeps the timers that it was loaded with: no test can move its time
    test.runIf(pair.client.ours)("gives an error after 5 s without an answer", async () => {
      const rig = await start(pair);
      const [socket] = await rig.connect();
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const { output } = await run("timeout.ts", { names: { socket, data: 21 } });
      vi.advanceTimersByTime(4_999);
      expect(output).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(output).toEqual([["Timeout or error"]]);
    });
  });

  test("broadcast-all.ts: all get the announcement, all but the sender the news", async () => {
    const rig = await start(pair);
    const [[one, socket], [two], [three]] = (await connectAll(rig, 3)) as Triple;
    const act = () => run("broadcast-all.ts", { names: { io: rig.io, socket } });
    const announcement = 'announcement: "Hello everyone!"';
    const news = 'user:joined: {"name":"John"}';
    expect(await heardBy(rig, [one, two, three], act)).toEqual([
      [announcement],
      [announcement, news],
      [announcement, news],
    ]);
  });

  test("broadcast-to-ids.ts: only those with the ids get the messages", async () => {
    const rig = await start(pair);
    const [[one, { id: first }], [two, { id: second }], [three]] = (await connectAll(rig, 3)) as Triple;
    const names = { io: rig.io, socketId: first, socketId1: first, socketId2: second };
    const act = () => run("broadcast-to-ids.ts", { names });
    expect(await heardBy(rig, [one, two, three], act)).toEqual([
      ['private:message: "Hello"', 'message: "Hello"'],
      ['message: "Hello"'],
      [],
    ]);
  });

  test("rooms-join-leave.ts: those in the room hear who comes and who goes", async () => {
    const rig = await startWith(pair, "rooms-join-leave.ts");
    const [[ann, annThere], [ben, benThere]] = (await connectAll(rig, 2)) as Triple;
    ann.emit("room:join", "knots");
    await until(() => annThere.rooms.has("knots"), "Ann is in the room");
    const joined = once(ann, "user:joined");
    ben.emit("room:join", "knots");
    expect(await joined).toEqual([{ userId: benThere.id }]);
    const left = once(ann, "user:left");
    ben.emit("room:leave", "knots");
    expect(await left).toEqual([{ userId: benThere.id }]);
    expect([...benThere.rooms]).toEqual([benThere.id]);
    ann.disconnect();
    await once(annThere, "disconnect");
    expect(rig.io.of("/").adapter.rooms.has("knots")).toBe(false);
  });

  test("rooms-send.ts: rooms hear, the sender only what is for all", async () => {
    const rig = await start(pair);
    const [[one, socket], [two, secondSocket], [three, thirdSocket]] = (await connectAll(rig, 3)) as Triple;
    await Promise.all([socket.join("room-1"), secondSocket.join("room-1"), thirdSocket.join("room-2")]);
    const act = () => run("rooms-send.ts", { names: { io: rig.io, socket } });
    const toRoom = ['announcement: "Room announcement"', 'message: "Hello rooms!"'];
    expect(await heardBy(rig, [one, two, three], act)).toEqual([
      toRoom,
      ['chat:message: {"text":"Hello room!"}', ...toRoom],
      ['message: "Hello rooms!"'],
    ]);
  });

  test("rooms-info.ts: tells who is in a room, and in which rooms a socket is", async () => {
    const rig = await start(pair);
    const [[, socket], [, other]] = (await connectAll(rig, 3)) as Triple;
    await Promise.all([socket.join("room-1"), other.join("room-1")]);
    const { output } = await run("rooms-info.ts", { names: { io: rig.io, socket } });
    expect(output).toEqual([
      ["Users in room:", 2],
      ["Socket rooms:", [socket.id, "room-1"]],
    ]);
  });

  test("namespaces.ts: each client is in its own namespace", async () => {
    const rig = await start(pair);
    const server = await run("namespaces.ts", { side: "Server", names: { io: rig.io } });
    const connected = Promise.all(["/chat", "/admin"].map((name) => once(rig.io.of(name), "connection")));
    await run("namespaces.ts", { side: "Client", names: { io: clientIo(pair.client.module(), rig.url) } });
    const [[chat], [admin]] = (await connected) as [[ServerSocket], [ServerSocket]];
    await printed(server, "Chat connected:", chat.id);
    await printed(server, "Admin connected:", admin.id);
    expect(chat.conn).toBe(admin.conn);
  });

  test("namespace-middleware.ts: only administrators get in", async () => {
    const rig = await start(pair);
    const isValidAdminToken = (token: unknown): boolean => token === "secret";
    await run("namespace-middleware.ts", { names: { adminNamespace: rig.io.of("/admin"), isValidAdminToken } });
    const refused = rig.client({ auth: { token: "guess" } }, "/admin");
    expect(await once(refused, "connect_error")).toMatchObject([{ message: "Unauthorized" }]);
    await rig.connect({ auth: { token: "secret" } }, "/admin");
    await rig.connect();
  });

  describe("server-middleware.ts", () => {
    const names = {
      isValidToken: (token: unknown) => token === "anns",
      decodeToken: (token: string) => ({ name: token }),
    };

    test("keeps the user of a valid token with the socket", async () => {
      const rig = await start(pair);
      const ran = await run("server-middleware.ts", { names: { io: rig.io, ...names } });
      const [, socket] = await rig.connect({ auth: { token: "anns" } });
      expect(socket.data).toEqual({ user: { name: "anns" } });
      await printed(ran, "User:", { name: "anns" });
    });

    test("refuses others with the error that error-handling.ts waits for", async () => {
      const rig = await start(pair);
      const { output } = await run("server-middleware.ts", { names: { io: rig.io, ...names } });
      const socket = rig.client({ auth: { token: "none" }, autoConnect: false });
      await run("error-handling.ts", { names: { socket } });
      expect(socket.listeners("connect_error")).toHaveLength(1);
      const error = once(socket, "connect_error");
      socket.connect();
      expect(await error).toMatchObject([{ message: "Authentication error" }]);
      expect(output).toEqual([]);
    });
  });

  describe("chat-server.ts", () => {
    /** A chat with two users who know of each other. */
    async function chat() {
      const rig = await start(pair);
      await run("chat-server.ts", { names: { io: rig.io } });
      const [[ann, { id: annId }], [ben, { id: benId }]] = (await connectAll(rig, 2)) as Triple;
      const lists = collect(ann, "users:list", 2);
      const joined = once(ann, "user:joined");
      ann.emit("user:join", "Ann");
      await once(ben, "users:list");
      ben.emit("user:join", "Ben");
      const users = { ann: { id: annId, name: "Ann" }, ben: { id: benId, name: "Ben" } };
      expect(await joined).toEqual([users.ben]);
      expect(await lists).toEqual([[users.ann], [users.ann, users.ben]]);
      return { ann, ben, users };
    }

    test("sends a user's messages to all, with name and time", async () => {
      const { ann, ben, users } = await chat();
      const heard = Promise.all([once(ann, "message:new"), once(ben, "message:new")]);
      const before = Date.now();
      ben.emit("message:send", "Hello");
      const [[toAnn], [toBen]] = (await heard) as [[{ id: string; timestamp: string }], [unknown]];
      expect(toAnn).toMatchObject({ userId: users.ben.id, userName: "Ben", text: "Hello" });
      expect(toAnn.id).toMatch(/^[0-9a-f-]{36}$/);
      expect(Date.parse(toAnn.timestamp)).toBeGreaterThanOrEqual(before);
      expect(toBen).toEqual(toAnn);
    });

    test("tells the others who types, and who no longer", async () => {
      const { ann, ben, users } = await chat();
      const typing = once(ann, "user:typing");
      ben.emit("typing:start");
      expect(await typing).toEqual([users.ben]);
      const stopped = once(ann, "user:stopped-typing");
      ben.emit("typing:stop");
      expect(await stopped).toEqual([users.ben.id]);
    });

    test("tells the others who leaves", async () => {
      const { ann, ben, users } = await chat();
      const heard = Promise.all([once(ann, "user:left"), once(ann, "users:list")]);
      ben.disconnect();
      expect(await heard).toEqual([[users.ben], [[users.ann]]]);
    });
  });
});

type Connected = [ClientSocket, ServerSocket];
type Triple = [Connected, Connected, Connected];
