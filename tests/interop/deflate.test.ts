// permessage-deflate (RFC 7692) with official peers, with `ws`, and with peers that mean harm (abuse 28, 57–59, 64, 134, 144).
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { WebSocket, type PerMessageDeflateOptions } from "ws";
import { randomOf } from "../../packages/server/src/test-kit-random.ts";
import { frame, guardProcess, Peer, scene, type Scene, textFrame } from "./abuse-peer.ts";
import { atEnd, collect, type Options, start, until, within } from "./harness.ts";
import { forEachPair, forOurServer, type Pair } from "./peers.ts";
import { http, joinPolling, upgradeHead, WEBSOCKET } from "./wire.ts";

guardProcess();

const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH };
const TAIL = Buffer.from([0, 0, 255, 255]);
const deflate = (data: string | Uint8Array): Buffer => deflateRawSync(data, FLUSH).subarray(0, -4);
const inflate = (data: Uint8Array): Buffer => inflateRawSync(Buffer.concat([data, TAIL]), FLUSH);
const TEXT = 0xc1;
const BINARY = 0xc2;

/** Texts and binary values of all sizes that matter, some that deflate well and some that do not. */
function values(count: number, seed: number): unknown[] {
  const random = randomOf(seed);
  const sizes = [0, 1, 900, 1_023, 1_024, 3_000, 17_000, 70_000];
  return Array.from({ length: count }, (_, index) => {
    const size = sizes[random(sizes.length)] ?? 0;
    const noise = Buffer.alloc(size);
    for (let at = 0; at < size; at++) noise[at] = random(256);
    const kind = random(4);
    if (kind === 0) return `${index} ${"compress me €".repeat(size / 13)}`;
    if (kind === 1) return noise.toString("hex", 0, size / 2);
    return kind === 2 ? Buffer.alloc(size, index) : noise;
  });
}

/** Element by element, `toEqual` takes a second for buffers. */
const texts = (all: readonly unknown[]): unknown[] =>
  all.map((value) => (Buffer.isBuffer(value) ? `base64:${value.toString("base64")}` : value));

const settings: readonly Options["perMessageDeflate"][] = [
  true,
  { threshold: 0 },
  { threshold: 100, serverMaxWindowBits: 10, clientMaxWindowBits: 11, zlibDeflateOptions: { level: 9, memLevel: 9 } },
  { serverNoContextTakeover: true, clientNoContextTakeover: true, concurrencyLimit: 2 },
];

function exchanges(pair: Pair): void {
  test.each(settings)("all values arrive in order in both directions, with %j", async (perMessageDeflate) => {
    const limits = { maxBufferedBytesHard: 0 };
    const rig = await start(pair, { perMessageDeflate: perMessageDeflate ?? false, limits });
    const asked = within(
      new Promise((resolve) =>
        rig.httpServer.once("upgrade", (request) => resolve(request.headers["sec-websocket-extensions"])),
      ),
      "upgrade",
    );
    const [client, socket] = await rig.connect({ transports: ["websocket"] });
    expect(await asked).toMatch(/^permessage-deflate/);
    const all = values(30, 7);
    const [up, down] = [collect(socket, "up", all.length), collect(client, "down", all.length)];
    socket.on("ack", (value: unknown, answer: (value: unknown) => void) => answer(value));
    const answers = all.slice(0, 10).map((value) => client.timeout(5_000).emitWithAck("ack", value) as unknown);
    for (const value of all) {
      client.emit("up", value);
      socket.emit("down", value);
    }
    expect(texts(await up)).toEqual(texts(all));
    expect(texts(await down)).toEqual(texts(all));
    expect(texts(await Promise.all(answers))).toEqual(texts(all.slice(0, 10)));
  });

  test("compress(false) of a client sends as it is what else would be deflated, text and binary (L5)", async () => {
    const rig = await start(pair, { perMessageDeflate: true });
    let stream: { readonly bytesRead: number } | undefined;
    rig.httpServer.once("upgrade", (_request: unknown, socket: { bytesRead: number }) => (stream = socket));
    const [client, socket] = await rig.connect({ transports: ["websocket"] });
    socket.on("up", (_value: unknown, answer: () => void) => answer());
    const sizeOf = async (compress: boolean, value: unknown): Promise<number> => {
      const before = stream?.bytesRead ?? 0;
      const answered = new Promise<void>((resolve) => client.compress(compress).emit("up", value, resolve));
      await within(answered, "an answer");
      return (stream?.bytesRead ?? 0) - before;
    };
    for (const value of ["x".repeat(10_000), Buffer.alloc(10_000)]) {
      expect(await sizeOf(true, value)).toBeLessThan(1_000);
      expect(await sizeOf(false, value)).toBeGreaterThan(10_000);
      expect(await sizeOf(true, value)).toBeLessThan(1_000);
    }
  });

  test("an upgraded session is compressed, and all of a broadcast arrives everywhere", async () => {
    const rig = await start(pair, { perMessageDeflate: true, limits: { maxBufferedBytesHard: 0 } });
    const clients = await Promise.all([0, 1, 2].map(() => rig.connect({ transports: ["polling", "websocket"] })));
    await until(() => clients.every(([client]) => client.io.engine.transport.name === "websocket"), "upgrades");
    const all = values(12, 11);
    const got = clients.map(([client]) => collect(client, "all", all.length));
    for (const value of all) rig.io.emit("all", value);
    for (const each of got) expect(texts(await each)).toEqual(texts(all));
  });
}

/** A joined WebSocket that has offered compression. */
async function deflatePeer(port: number, offer = "permessage-deflate"): Promise<Peer> {
  const peer = new Peer(port, upgradeHead(WEBSOCKET, [`Sec-WebSocket-Extensions: ${offer}`]));
  await until(() => peer.frames.length > 0, "open packet");
  peer.write(textFrame("40"));
  await until(() => peer.frames.length > 1, "answer to CONNECT");
  return peer;
}

/** The messages behind the answer to CONNECT: whether each was deflated, and its text. */
function messagesOf(peer: Peer): [boolean, string][] {
  const bytes = peer.bytes;
  const found: [boolean, string][] = [];
  for (let at = bytes.indexOf("\r\n\r\n") + 4; at + 2 <= bytes.length;) {
    const first = bytes[at] ?? 0;
    let length = (bytes[at + 1] ?? 0) & 127;
    at += 2;
    if (length === 126) length = bytes.readUInt16BE((at += 2) - 2);
    else if (length === 127) length = Number(bytes.readBigUInt64BE((at += 8) - 8));
    if (at + length > bytes.length) break;
    const payload = bytes.subarray(at, (at += length));
    const isDeflated = (first & 0x40) !== 0;
    found.push([isDeflated, (isDeflated ? inflate(payload) : payload).toString()]);
  }
  return found.slice(2);
}

const extensionsOf = (peer: Peer): string | undefined => /\r\nSec-WebSocket-Extensions: (.*)\r\n/i.exec(peer.text)?.[1];
const ours = (options: Options = {}): Options => ({ perMessageDeflate: true, ...options });
const echo = (text: string): string => `42["echo","${text}"]`;

function negotiation(pair: Pair): void {
  const plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

  test.each([
    ["permessage-deflate", plain],
    ["permessage-deflate; client_max_window_bits", plain],
    ["permessage-deflate; server_max_window_bits=9, permessage-deflate", `${plain}; server_max_window_bits=9`],
    ["x, permessage-deflate; x, permessage-deflate; client_max_window_bits=8", `${plain}; client_max_window_bits=8`],
    // bad ones are refused, and the connection opens without (abuse 64, 134)
    ["permessage-deflate; server_max_window_bits=7", undefined],
    ["permessage-deflate; server_max_window_bits=16", undefined],
    ["permessage-deflate; client_max_window_bits=1000000000000", undefined],
    ["permessage-deflate; server_no_context_takeover=1", undefined],
    ["permessage-deflate; __proto__", undefined],
    ["permessage-deflate; constructor=1", undefined],
    ["__proto__; toString", undefined],
    ["permessage-deflate; ;;;", undefined],
    [",,,,", undefined],
    [`permessage-deflate; a="${" ".repeat(1_100)}"`, undefined],
  ])("rows 64, 134: %j is answered with %j", async (offer, answer) => {
    const all = await scene(pair, ours());
    const peer = await deflatePeer(all.port, offer);
    expect(extensionsOf(peer)).toBe(answer);
    peer.write(textFrame(echo("x")));
    await until(() => messagesOf(peer).length === 1, "echo");
    peer.reset();
    await all.unharmed();
  });

  test("is off by default, also for who asks", async () => {
    const all = await scene(pair);
    const peer = await deflatePeer(all.port);
    expect(extensionsOf(peer)).toBeUndefined();
    peer.write(frame(TEXT, deflate(echo("x"))));
    await peer.over();
    expect(peer.frames.at(-1)).toBe("close 1002");
    await all.unharmed();
  });
}

function output(pair: Pair): void {
  test("short messages and those with compress(false) go as they are, the others deflated, in order", async () => {
    const all = await scene(pair, ours());
    const joined = collect(all.io, "connection", 1);
    const peer = await deflatePeer(all.port);
    const [socket] = (await joined) as Awaited<ReturnType<Scene["connect"]>>[1][];
    const [long, huge] = ["y".repeat(2_000), "z".repeat(200_000)];
    socket?.emit("x", huge);
    socket?.emit("x", "short");
    socket?.compress(false).emit("x", long);
    socket?.emit("x", long);
    socket?.emit("x", huge);
    await until(() => messagesOf(peer).length === 5, "all of them");
    expect(messagesOf(peer)).toEqual([
      [true, `42["x","${huge}"]`],
      [false, '42["x","short"]'],
      [false, `42["x","${long}"]`],
      [true, `42["x","${long}"]`],
      [true, `42["x","${huge}"]`],
    ]);
    peer.reset();
    await all.unharmed();
  });

  test("row 28: over maxCompressions large messages go as they are", async () => {
    const all = await scene(pair, ours({ limits: { maxCompressions: 2 } }));
    const joined = collect(all.io, "connection", 1);
    const peer = await deflatePeer(all.port);
    const [socket] = (await joined) as Awaited<ReturnType<Scene["connect"]>>[1][];
    for (let count = 0; count < 5; count++) socket?.emit("x", `${count}${"z".repeat(100_000)}`);
    await until(() => messagesOf(peer).length === 5, "all of them");
    expect(messagesOf(peer).map(([isDeflated, text]) => [isDeflated, text[8]])).toEqual([
      [true, "0"],
      [true, "1"],
      [false, "2"],
      [false, "3"],
      [false, "4"],
    ]);
    peer.reset();
    await all.unharmed();
  });

  test.each([1, 2])("row 28: WebSocket messages and polling answers share %i slots", async (maxCompressions) => {
    const all = await scene(pair, ours({ limits: { maxCompressions } }));
    const joined = collect(all.io, "connection", 2);
    const peer = await deflatePeer(all.port);
    const session = await joinPolling(all.port);
    const [, poller] = (await joined) as Awaited<ReturnType<Scene["connect"]>>[1][];
    const polled = http(all.port, session.path, { headers: { "accept-encoding": "gzip" } });
    await until(() => poller?.conn.transport.writable === true, "held GET");
    all.io.emit("x", "z".repeat(100_000));
    const { headers } = await polled;
    expect(headers["content-encoding"]).toBe(maxCompressions === 1 ? undefined : "gzip");
    await until(() => messagesOf(peer).length === 1, "message");
    expect(messagesOf(peer)[0]?.[0]).toBe(true);
    await session.post("1");
    peer.reset();
    await all.unharmed();
  });

  test("a socket that is disconnected gets what was emitted before, deflated or not", async () => {
    const all = await scene(pair, ours());
    all.io.on("connection", (socket) => {
      socket.on("leave", () => {
        socket.emit("bye", "z".repeat(100_000));
        socket.disconnect(true);
      });
    });
    const peer = await deflatePeer(all.port);
    peer.write(textFrame('42["leave"]'));
    await peer.over();
    expect(messagesOf(peer).map(([, text]) => text.slice(0, 10))).toEqual(['42["bye","', "41", ""]);
    await all.unharmed();
  });
}

function harm(pair: Pair): void {
  const large = echo("y".repeat(300_000));

  test("row 144: a bomb of 1000:1 is 1009, and so is one of 50 MB; others do not notice", async () => {
    const all = await scene(pair, ours());
    for (const size of [1_100_000, 50_000_000]) {
      const peer = await deflatePeer(all.port);
      peer.write(frame(BINARY, deflate(Buffer.alloc(size))));
      await peer.over(5_000);
      expect(peer.frames.at(-1)).toBe("close 1009");
      peer.reset();
      await all.unharmed();
    }
  });

  test("rows 64, 144: a bomb of 1 GB in 1 MB is 1009, and little of it comes to be", async () => {
    const all = await scene(pair, ours());
    // blocks that begin anew: any number of them in a row is one stream
    const block = deflateRawSync(Buffer.alloc(1_048_576), { finishFlush: constants.Z_FULL_FLUSH });
    const bomb = Buffer.concat([...Array.from({ length: 1_024 }, () => block), Buffer.from([0])]);
    const peer = await deflatePeer(all.port);
    const before = process.memoryUsage();
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers)), 1);
    peer.write(frame(BINARY, bomb));
    await peer.over(5_000).finally(() => clearInterval(watch));
    expect(peer.frames.at(-1)).toBe("close 1009");
    // copies that wait for the collector among them
    expect(most - before.arrayBuffers).toBeLessThan(32_000_000);
    peer.reset();
    await all.unharmed();
  });

  test.each([
    ["corrupt data", frame(TEXT, Buffer.from("ffffffff", "hex")), 1002],
    ["bad UTF-8", frame(TEXT, deflate(Buffer.from("3432ff", "hex"))), 1007],
    ["RSV1 on a ping", frame(0xc9), 1002],
    ["RSV1 on a stray continuation", frame(0xc0), 1002],
    ["RSV1 on the second fragment", Buffer.concat([frame(0x41, deflate("42")), frame(0xc0)]), 1002],
    ["RSV2", frame(TEXT | 0x20, deflate("42")), 1002],
    ["a length over the limit", frame(BINARY, "", 2_000_000), 1009],
    ["nothing, deflated", frame(TEXT, Buffer.from([0])), 1005],
  ])("rows 58, 59, 64: %s is answered with its code, behind what came before", async (_name, bytes, code) => {
    const all = await scene(pair, ours());
    const peer = await deflatePeer(all.port);
    peer.write(frame(TEXT, deflate(echo("first"))));
    peer.write(bytes);
    peer.write(textFrame(echo("late")));
    await peer.over();
    expect(peer.frames.slice(2)).toEqual([echo("first"), `close ${code}`]);
    await all.unharmed();
  });

  test.each([
    ["a close frame", (peer: Peer) => peer.write(frame(0x88, Buffer.from([3, 232])))],
    ["a FIN", (peer: Peer) => void peer.socket.end()],
  ])("what is inflated beside the thread is read before %s behind it", async (_name, end) => {
    const all = await scene(pair, ours());
    const peer = await deflatePeer(all.port);
    peer.write(frame(TEXT, deflate(large)));
    peer.write(frame(0x89, "p"));
    end(peer);
    await peer.over(3_000);
    expect(messagesOf(peer)[0]?.[1] === large || messagesOf(peer)[1]?.[1] === large).toBe(true);
    await all.unharmed();
  });

  test("resets at any moment of inflating and deflating leave nothing", async () => {
    const all = await scene(pair, ours());
    for (let count = 0; count < 20; count++) {
      const peer = await deflatePeer(all.port);
      await peer.sent(frame(TEXT, deflate(large)));
      await new Promise((resolve) => setTimeout(resolve, count / 4));
      peer.reset();
    }
    await all.unharmed();
  });

  test("a thousand small frames that inflate to much do not stall the others", async () => {
    const all = await scene(pair, ours());
    const peer = await deflatePeer(all.port);
    const one = frame(TEXT, deflate(`42["x","${"y".repeat(60_000)}"]`));
    const start = performance.now();
    peer.write(Buffer.concat([...Array.from({ length: 1_000 }, () => one), textFrame(echo("end"))]));
    await all.bystander.timeout(1_000).emitWithAck("alive");
    expect(performance.now() - start).toBeLessThan(500);
    await until(() => messagesOf(peer).length === 1, "echo");
    peer.reset();
    await all.unharmed();
  });
}

const offers: readonly PerMessageDeflateOptions[] = [
  {},
  { threshold: 0 },
  { clientMaxWindowBits: 10, threshold: 0 },
  { serverMaxWindowBits: 9, serverNoContextTakeover: true },
];

function differential(pair: Pair): void {
  test.each(offers)(
    "a ws client with %j, fragments and empty messages included, gets back what it sent",
    async (offer) => {
      const limits = { maxBufferedBytesHard: 0 };
      const all = await scene(pair, ours({ limits, maxHttpBufferSize: 2_000_000 }));
      const socket = new WebSocket(`ws://127.0.0.1:${all.port}${WEBSOCKET}`, { perMessageDeflate: offer });
      atEnd(() => socket.terminate());
      const got: (string | Buffer)[] = [];
      socket.on("message", (data: Buffer, isBinary) => got.push(isBinary ? data : data.toString()));
      await within(new Promise((resolve) => socket.once("open", resolve)), "open");
      expect(socket.extensions).toBe("permessage-deflate");
      socket.send("40");
      await until(() => got.length === 2, "answer to CONNECT");
      got.length = 0;
      const random = randomOf(5);
      const sent: (string | Buffer)[] = [];
      for (const value of values(30, 13)) {
        if (typeof value === "string") sent.push(echo(value));
        else sent.push('451-["echo",{"_placeholder":true,"num":0}]', value as Buffer);
      }
      for (const message of sent) {
        const compress = random(4) > 0;
        const cut = random(message.length + 1);
        socket.send(message.slice(0, cut), { fin: false, compress });
        socket.send(message.slice(cut), { fin: true });
      }
      await until(() => got.length >= sent.length, "all of them", 15_000);
      expect(got).toEqual(sent);
      socket.close();
      await until(() => all.io.engine.clientsCount === 1, "end of the session");
      await all.unharmed();
    },
  );
}

forEachPair((pair) => describe("compression", () => exchanges(pair)));
forOurServer((pair) => {
  describe("negotiation", () => negotiation(pair));
  describe("what is sent", () => output(pair));
  describe("harm", () => harm(pair));
  describe("differential", () => differential(pair));
});
