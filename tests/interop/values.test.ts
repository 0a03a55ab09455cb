import { afterEach, describe, expect, test } from "vitest";
import { closeAll, modes, once, type Rig, type ServerSocket, start, until, within } from "./harness.ts";
import { forEachPair, forEachServer, type Pair } from "./peers.ts";
import { type Answer, http, openPolling } from "./wire.ts";

afterEach(closeAll);

/** What both sides send of a value, and what they get. */
async function sent(rig: Rig, transports: string[], value: unknown): Promise<unknown[]> {
  const [client, socket] = await rig.connect({ transports });
  const [up, down] = [once(socket, "up"), once(client, "down")];
  client.emit("up", value);
  socket.emit("down", value);
  return [(await up)[0], (await down)[0]];
}

class Money {
  readonly #cents: number;
  constructor(cents: number) {
    this.#cents = cents;
  }
  toJSON(): object {
    return { euros: this.#cents / 100 };
  }
}

function values(pair: Pair, transports: string[]): void {
  test("toJSON is honoured, at any depth, also beside binary values", async () => {
    const rig = await start(pair);
    const value = { price: new Money(150), list: [new Money(25)], bytes: Buffer.from([1, 2]) };
    const expected = { price: { euros: 1.5 }, list: [{ euros: 0.25 }], bytes: Buffer.from([1, 2]) };
    expect(await sent(rig, transports, value)).toEqual([expected, expected]);
  });

  test("a toJSON that gives binary values sends them as such", async () => {
    const rig = await start(pair);
    const value = { toJSON: () => ({ bytes: Buffer.from([7]) }) };
    expect(await sent(rig, transports, value)).toEqual([{ bytes: Buffer.from([7]) }, { bytes: Buffer.from([7]) }]);
  });

  test("a Date arrives as its ISO text, also beside binary values, and stays what it was", async () => {
    const rig = await start(pair);
    const date = new Date(Date.UTC(2024, 1, 29, 12, 30, 0, 5));
    const value = { at: date, bytes: Buffer.from([1]) };
    const expected = { at: "2024-02-29T12:30:00.005Z", bytes: Buffer.from([1]) };
    expect(await sent(rig, transports, value)).toEqual([expected, expected]);
    expect(await sent(rig, transports, date)).toEqual([expected.at, expected.at]);
    expect(value.at).toBe(date);
  });

  test("acknowledgements carry them as events do", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports });
    socket.on("ask", (answer: (...values: unknown[]) => void) => answer(new Money(100), new Date(0)));
    const got = new Promise((resolve) => client.emit("ask", (...args: unknown[]) => resolve(args)));
    expect(await within(got, "answer")).toEqual([{ euros: 1 }, "1970-01-01T00:00:00.000Z"]);
  });
}

/** The answer to a poll for what a server emits, as a client that takes gzip gets it. */
async function polled(rig: Rig, emit: (socket: ServerSocket) => unknown): Promise<Answer> {
  const connected = once(rig.io, "connection");
  const session = await openPolling(rig.port);
  await session.post("40");
  await session.get();
  const [socket] = await connected;
  emit(socket as ServerSocket);
  return http(rig.port, session.path, { headers: { "accept-encoding": "gzip" } });
}

const long = "compress me ".repeat(500);

function compression(pair: Pair): void {
  test.each<[string, (socket: ServerSocket, rig: Rig) => unknown, "gzip" | undefined]>([
    ["socket.emit", (socket) => socket.emit("e", long), "gzip"],
    ["socket.compress(true)", (socket) => socket.compress(true).emit("e", long), "gzip"],
    ["socket.compress(false)", (socket) => socket.compress(false).emit("e", long), undefined],
    ["io.compress(false)", (_socket, { io }) => io.compress(false).emit("e", long), undefined],
    ["io.to(room).compress(false)", ({ id }, { io }) => io.to(id).compress(false).emit("e", long), undefined],
    ["io.to(room).compress(true)", ({ id }, { io }) => io.to(id).compress(true).emit("e", long), "gzip"],
  ])("%s: the answer to a poll is compressed accordingly", async (_name, emit, encoding) => {
    const rig = await start(pair);
    const { status, headers } = await polled(rig, (socket) => emit(socket, rig));
    expect([status, headers["content-encoding"]]).toEqual([200, encoding]);
  });

  test("compress holds for one emit only", async () => {
    const rig = await start(pair);
    const { headers } = await polled(rig, (socket) => {
      socket.compress(false).emit("e", "short");
      socket.emit("e", long);
    });
    expect(headers["content-encoding"]).toBe("gzip");
  });
}

forEachPair((pair) => {
  for (const { mode, transports } of modes) describe(`values over ${mode} (P5)`, () => values(pair, transports));

  test.each([true, false])("events with compress(%s) arrive, both ways, as any others (K3, L5)", async (compress) => {
    const rig = await start(pair, { perMessageDeflate: { threshold: 0 } });
    const [client, socket] = await rig.connect({ transports: ["websocket"] });
    const got: unknown[] = [];
    client.on("e", (value: unknown) => got.push(value));
    socket.on("e", (value: unknown) => got.push(value));
    socket.compress(compress).emit("e", long);
    client.compress(compress).emit("e", Buffer.from(long));
    await until(() => got.length === 2, "both events");
    expect(got).toEqual(expect.arrayContaining([long, Buffer.from(long)]));
  });
});

forEachServer((pair) => describe("compress (K3)", () => compression(pair)));
