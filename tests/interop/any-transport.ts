import { expect, test } from "vitest";
import { collect, type Mode, once, start, until, within } from "./harness.ts";
import type { Pair } from "./peers.ts";

const strings = ["é€", "😀", "\u2028\u2029", "a\u001eb", "\ud800 alone", "\u0000", '"\\/', ""];
const numbered = Array.from({ length: 1_000 }, (_, index) => index);

function events(pair: Pair, { transports, server }: Mode): void {
  test("events with several JSON arguments arrive in both directions", async () => {
    const rig = await start(pair, server);
    const [client, socket] = await rig.connect({ transports });
    const args = [1, -0.5, "two", null, true, [1, [2]], { three: { four: [] } }];
    const up = once(socket, "up");
    const down = once(client, "down");
    client.emit("up", ...args);
    socket.emit("down", ...args);
    expect(await up).toEqual(args);
    expect(await down).toEqual(args);
  });

  test("any string survives: astral, lone surrogate, U+2028, the record separator", async () => {
    const rig = await start(pair, server);
    const [client, socket] = await rig.connect({ transports });
    const up = once(socket, "up");
    const down = once(client, "down");
    client.emit("up", ...strings);
    socket.emit("down", ...strings);
    expect(await up).toEqual(strings);
    expect(await down).toEqual(strings);
  });

  test("binary values arrive as Buffers where they were, at any depth", async () => {
    const rig = await start(pair, server);
    const [client, socket] = await rig.connect({ transports });
    const value = { list: [Buffer.from([1, 2]), { view: new Uint8Array([3]) }], buffer: new Uint8Array([4, 5]).buffer };
    const expected = { list: [Buffer.from([1, 2]), { view: Buffer.from([3]) }], buffer: Buffer.from([4, 5]) };
    const up = once(socket, "up");
    const down = once(client, "down");
    client.emit("up", value, "between", Buffer.from([6]));
    socket.emit("down", value, "between", Buffer.from([6]));
    expect(await up).toEqual([expected, "between", Buffer.from([6])]);
    expect(await down).toEqual([expected, "between", Buffer.from([6])]);
  });

  test("texts and binary values of 1 MB arrive in both directions", async () => {
    const rig = await start(pair, { ...server, maxHttpBufferSize: 4e6 });
    const [client, socket] = await rig.connect({ transports });
    const text = "ü".repeat(500_000);
    const bytes = Buffer.alloc(1_000_000, 0xa7);
    const up = once(socket, "up");
    const down = once(client, "down");
    client.emit("up", text, bytes);
    socket.emit("down", text, bytes);
    for (const [gotText, gotBytes] of [await up, await down]) {
      expect(gotText === text).toBe(true);
      expect(bytes.equals(gotBytes as Buffer)).toBe(true);
    }
  });
}

function acknowledgements(pair: Pair, { transports, server }: Mode): void {
  test("acknowledgements carry no, one or several values and binary, in both directions", async () => {
    const rig = await start(pair, server);
    const [client, socket] = await rig.connect({ transports });
    for (const [asker, answerer] of [
      [client, socket],
      [socket, client],
    ] as const) {
      answerer.on("ask", (...args: unknown[]) => (args.pop() as (...values: unknown[]) => void)(...args));
      for (const values of [[], ["one"], [1, "two", { three: 3 }], [Buffer.from([1, 2, 3]), "after"]]) {
        const answer = new Promise((resolve) => asker.emit("ask", ...values, (...got: unknown[]) => resolve(got)));
        expect(await within(answer, "acknowledgement")).toEqual(values);
      }
    }
  });

  test("emitWithAck resolves with the first value, in both directions", async () => {
    const rig = await start(pair, server);
    const [client, socket] = await rig.connect({ transports });
    socket.on("ask", (question: string, answer: (value: string) => void) => answer(`server: ${question}`));
    client.on("ask", (question: string, answer: (value: string) => void) => answer(`client: ${question}`));
    expect(await within(client.emitWithAck("ask", "why"), "answer")).toBe("server: why");
    expect(await within(socket.emitWithAck("ask", "why"), "answer")).toBe("client: why");
  });

  test("a timeout without an answer gives 'operation has timed out', and an answer in time gives null", async () => {
    const rig = await start(pair, server);
    const [client, socket] = await rig.connect({ transports });
    for (const [asker, answerer] of [
      [client, socket],
      [socket, client],
    ] as const) {
      await expect(asker.timeout(50).emitWithAck("silence")).rejects.toThrow("operation has timed out");
      answerer.on("ask", (answer: (value: number) => void) => answer(1));
      const got = new Promise((resolve) => asker.timeout(4_000).emit("ask", (...args: unknown[]) => resolve(args)));
      expect(await within(got, "answer")).toEqual([null, 1]);
    }
  });
}

function namespaces(pair: Pair, { transports, server }: Mode): void {
  test("namespaces share one connection and keep their events apart", async () => {
    const rig = await start(pair, server);
    rig.io.on("connection", (socket) => socket.on("where", (answer) => answer("/")));
    rig.io.of("/admin").on("connection", (socket) => socket.on("where", (answer) => answer("/admin")));
    const manager = rig.manager({ transports });
    const main = manager.socket("/");
    const admin = manager.socket("/admin");
    main.connect();
    admin.connect();
    await Promise.all([once(main, "connect"), once(admin, "connect")]);
    expect(await within(main.emitWithAck("where"), "answer")).toBe("/");
    expect(await within(admin.emitWithAck("where"), "answer")).toBe("/admin");
    expect(rig.io.engine.clientsCount).toBe(1);
    admin.disconnect();
    expect(await within(main.emitWithAck("where"), "answer after the other left")).toBe("/");
    main.disconnect();
  });

  test("a middleware refuses with a message and data, and the client does not try again", async () => {
    const rig = await start(pair, server);
    rig.io.use((_socket, next) => next(Object.assign(new Error("not you"), { data: { code: 7 } })));
    const client = rig.client({ transports });
    const [error] = await once(client, "connect_error");
    expect(error).toMatchObject({ message: "not you", data: { code: 7 } });
    expect(client.active).toBe(false);
  });

  test("an unknown namespace is refused as 'Invalid namespace'", async () => {
    const rig = await start(pair, server);
    const [error] = await once(rig.client({ transports }, "/nope"), "connect_error");
    expect(error).toMatchObject({ message: "Invalid namespace" });
  });

  test("auth reaches the handshake as an object and as the value of a function", async () => {
    const rig = await start(pair, server);
    const auth = { token: "t", nested: { list: [1] } };
    const [, first] = await rig.connect({ transports, auth });
    const [, second] = await rig.connect({ transports, auth: (give) => give({ from: "function" }) });
    expect(first.handshake.auth).toEqual(auth);
    expect(second.handshake.auth).toEqual({ from: "function" });
  });
}

function delivery(pair: Pair, { transports, server }: Mode): void {
  test("a volatile event arrives while connected and is dropped while not", async () => {
    const rig = await start(pair, server);
    const names: string[] = [];
    const arrived = new Promise<void>((resolve) =>
      rig.io.on("connection", (socket) => {
        socket.onAny((name: string) => names.push(name));
        socket.on("in time", resolve);
      }),
    );
    const client = rig.client({ transports, autoConnect: false });
    client.volatile.emit("too early");
    client.connect();
    await once(client, "connect");
    // one alone may meet a busy transport, during the upgrade for instance
    const again = setInterval(() => client.volatile.emit("in time"), 5);
    await within(arrived, "volatile event").finally(() => clearInterval(again));
    expect(names).not.toContain("too early");
  });

  test("a thousand events each way stay in order, none lost or doubled, from the first moment on", async () => {
    const rig = await start(pair, server);
    const up: number[] = [];
    const down: number[] = [];
    rig.io.on("connection", (socket) => {
      socket.on("up", (index: number) => up.push(index));
      socket.on("fence", (answer: () => void) => answer());
      pump((index) => socket.emit("down", index));
    });
    const client = rig.client({ transports });
    client.on("down", (index: number) => down.push(index));
    client.once("connect", () => pump((index) => client.emit("up", index)));
    await until(() => up.length >= numbered.length && down.length >= numbered.length, "all events");
    if (transports.length > 1) await until(() => client.io.engine.transport.name === transports.at(-1), "upgrade");
    // a duplicate would arrive before this answer
    await within(client.emitWithAck("fence"), "a round trip");
    expect(up).toEqual(numbered);
    expect(down).toEqual(numbered);
  });

  test("a client whose connection is destroyed comes back and delivers what was emitted meanwhile", async () => {
    const rig = await start(pair, server);
    const [client] = await rig.connect({ transports });
    const before = client.id;
    const back = new Promise<unknown[]>((resolve, reject) =>
      rig.io.once("connection", (socket) => collect(socket, "buffered", 3).then(resolve, reject)),
    );
    await rig.cut(client);
    for (const value of [1, 2, 3]) client.emit("buffered", value);
    await once(client, "connect");
    expect(await within(back, "buffered events")).toEqual([1, 2, 3]);
    expect(client.id).not.toBe(before);
  });
}

/** Emits over many turns of the loop, so that an upgrade falls in between. */
function pump(emit: (index: number) => void, from = 0): void {
  for (let index = from; index < from + 50; index++) emit(index);
  if (from + 50 < numbered.length) setTimeout(pump, 1, emit, from + 50);
}

/** What every pair does on every transport. */
export function onAnyTransport(pair: Pair, mode: Mode): void {
  events(pair, mode);
  acknowledgements(pair, mode);
  namespaces(pair, mode);
  delivery(pair, mode);
}
