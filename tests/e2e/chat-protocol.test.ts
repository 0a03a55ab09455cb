import { io, type Socket } from "bowline-client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Answer, ClientEvents, Message, ServerEvents } from "../../apps/chat/events.ts";
import { History } from "../../apps/chat/server/history.mjs";
import { limits } from "../../apps/chat/limits.mjs";
import { ChatServer } from "./chat-server.ts";

type Anything = (...args: unknown[]) => void;
type Events = Record<keyof ClientEvents, Anything>;

let server: ChatServer;
let sockets: Socket<ServerEvents, Events>[] = [];

const start = async (): Promise<void> => {
  server = await ChatServer.start();
};
const stop = (): Promise<unknown> => server.stop();
afterEach(() => {
  for (const socket of sockets) socket.disconnect();
  sockets = [];
});

const connect = (): Socket<ServerEvents, Events> => {
  const socket: Socket<ServerEvents, Events> = io(server.url, { forceNew: true });
  sockets.push(socket);
  return socket;
};
const join = async (name: string, key = `key-of-${name}`): Promise<Socket<ServerEvents, Events>> => {
  const socket = connect();
  expect(await socket.emitWithAck("user:join", { name, key })).toMatchObject({ ok: true });
  expect(await socket.emitWithAck("room:join", { room: "Harbour" })).toMatchObject({ ok: true });
  return socket;
};
const send = (socket: Socket<ServerEvents, Events>, id: string, text = id): Promise<Answer<{ message: Message }>> =>
  socket.emitWithAck("message:send", { id, room: "Harbour", text });

describe("the chat's server refuses", () => {
  beforeAll(start);
  afterAll(stop);

  test.each<[string, keyof ClientEvents, unknown]>([
    ["no identity", "user:join", undefined],
    ["a name alone", "user:join", "Ann"],
    ["a name that is no text", "user:join", { name: 1, key: "12345678" }],
    ["an empty name", "user:join", { name: " ", key: "12345678" }],
    ["a long name", "user:join", { name: "x".repeat(limits.name + 1), key: "12345678" }],
    ["an invisible name", "user:join", { name: "\u202e\u0000", key: "12345678" }],
    ["a name of nothing but joiners", "user:join", { name: "\u200b\u2060\ufe0f", key: "12345678" }],
    ["a short key", "user:join", { name: "Ann", key: "short" }],
    ["a long key", "user:join", { name: "Ann", key: "x".repeat(limits.id + 1) }],
    ["nothing to join", "room:join", null],
    ["a room that is no text", "room:join", { room: [] }],
    ["a long room", "room:join", { room: "x".repeat(limits.room + 1) }],
    ["a last message that is no text", "room:join", { room: "Harbour", after: 7 }],
    ["to leave what is no room", "room:leave", {}],
    ["a message without text", "message:send", { id: "12345678", room: "Harbour" }],
    ["a long message", "message:send", { id: "12345678", room: "Harbour", text: "x".repeat(limits.text + 1) }],
    ["an id of other characters", "message:send", { id: "../../..", room: "Harbour", text: "x" }],
    ["a message to another room", "message:send", { id: "12345678", room: "Elsewhere", text: "x" }],
    ["to type in what is no room", "typing:start", 1],
    ["to stop in another room", "typing:stop", "Elsewhere"],
  ])("%s (%s)", async (_, event, value) => {
    const socket = event === "user:join" ? connect() : await join("Ann");
    expect(await socket.emitWithAck(event, value)).toEqual({ ok: false, error: expect.any(String) });
  });
});

describe("the chat's server", () => {
  beforeEach(start);
  afterEach(stop);

  test("knows nobody before they say their name", async () => {
    const refused = { ok: false, error: "Say your name first." };
    expect(await connect().emitWithAck("room:join", { room: "Harbour" })).toEqual(refused);
  });

  test("does without a callback, and with things that are none", async () => {
    const socket = await join("Ann");
    socket.emit("message:send", null);
    socket.emit("message:send", { id: "12345678", room: "Harbour", text: "Hello" }, "no callback");
    expect(await send(socket, "message-2")).toMatchObject({ ok: true });
  });

  test("says a message that is sent twice once", async () => {
    const [ann, ben] = [await join("Ann"), await join("Ben")];
    const seen: string[] = [];
    ben.on("message:new", ({ id }) => seen.push(id));
    const first = await send(ann, "message-1");
    expect(await send(ann, "message-1", "changed")).toEqual(first);
    await send(ann, "message-2");
    await ben.emitWithAck("typing:stop", "Harbour");
    expect(seen).toEqual(["message-1", "message-2"]);
  });

  test("gives who comes back what was said after the last message that they have", async () => {
    const ann = await join("Ann");
    for (const id of ["message-1", "message-2", "message-3"]) await send(ann, id);
    const missed = async (after: string): Promise<string[]> => {
      const answer: { messages: Message[] } = await ann.emitWithAck("room:join", { room: "Harbour", after });
      return answer.messages.map(({ id }) => id);
    };
    expect(await missed("message-2")).toEqual(["message-3"]);
    expect(await missed("message-3")).toEqual([]);
    expect(await missed("forgotten")).toEqual(["message-1", "message-2", "message-3"]);
  });

  test("a name is its owner's in every tab, and free when the last one closes", async () => {
    const ann = await join("Ann", "first-key");
    const tab = await join("Ann", "first-key");
    const other = connect();
    const asAnn = (): Promise<unknown> => other.emitWithAck("user:join", { name: "ANN", key: "other-key" });
    expect(await asAnn()).toMatchObject({ ok: false });
    ann.disconnect();
    expect(await asAnn()).toMatchObject({ ok: false });
    tab.disconnect();
    await expect.poll(asAnn).toMatchObject({ ok: true });
  });

  test("what cannot be seen makes no other name", async () => {
    await join("Ann");
    const other = connect();
    for (const name of ["An\u200bn", "Ann\ufeff", "\uff21nn"])
      expect(await other.emitWithAck("user:join", { name, key: "other-key" })).toMatchObject({ ok: false });
    // what joins the parts of one sign is part of a name
    const family = "👨‍👩‍👧";
    const answer: unknown = await other.emitWithAck("user:join", { name: family, key: "other-key" });
    expect(answer).toMatchObject({ ok: true, user: { name: family } });
  });

  test("several people of one browser are several", async () => {
    const users = await Promise.all(
      ["Ann", "Ben"].map((name): Promise<{ user: { id: string } }> =>
        connect().emitWithAck("user:join", { name, key: "same-key" }),
      ),
    );
    expect(new Set(users.map(({ user }) => user.id)).size).toBe(2);
  });

  test("lets one connection into a limited number of rooms", async () => {
    const ann = await join("Ann");
    const enter = (index: number): Promise<unknown> => ann.emitWithAck("room:join", { room: `Room ${index}` });
    for (let index = 1; index < limits.roomsOfConnection; index++)
      expect(await enter(index)).toMatchObject({ ok: true });
    expect(await enter(0)).toMatchObject({ ok: false });
  });
});

describe("a room's history", () => {
  const message = (id: string, text: string): Message => ({
    id,
    room: "Harbour",
    userId: "",
    userName: "",
    text,
    timestamp: 0,
  });

  test("keeps a limited number of messages", () => {
    const history = new History();
    for (let index = 0; index <= limits.history; index++) history.add(message(`${index}`, "x"));
    expect(history.after(undefined).length).toBe(limits.history);
    expect(history.get("0")).toBeUndefined();
  });

  test("keeps a limited number of characters", () => {
    const history = new History();
    for (let index = 0; index < 3; index++) history.add(message(`${index}`, "x".repeat(limits.historyText / 2)));
    expect(history.after(undefined).map(({ id }) => id)).toEqual(["1", "2"]);
  });
});
