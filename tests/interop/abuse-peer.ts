import { connect, type Socket as TcpSocket } from "node:net";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { atEnd, closeAll, start, until, type ClientSocket, type Options, type Rig } from "./harness.ts";
import type { Pair } from "./peers.ts";
import { upgradeHead, WEBSOCKET } from "./wire.ts";

/** A raw TCP client that plays no fair game: it writes any bytes, and resets, half-closes or stops reading at will. */
export class Peer {
  readonly socket: TcpSocket;
  ended = false;
  closed = false;
  #chunks: Buffer[] = [];

  constructor(port: number, bytes: string | Uint8Array = "", isReading = true) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.on("error", () => undefined);
    this.socket.on("end", () => (this.ended = true));
    this.socket.on("close", () => (this.closed = true));
    if (isReading) this.socket.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
    if (bytes.length > 0) this.write(bytes);
    atEnd(() => this.socket.destroy());
  }

  /** Strings are written with one byte per character. */
  write(bytes: string | Uint8Array): void {
    if (typeof bytes === "string") this.socket.write(bytes, "latin1");
    else this.socket.write(bytes);
  }

  /** Writes and waits until the kernel has it. */
  sent(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  get bytes(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  /** What came, one character per byte. */
  get text(): string {
    return this.bytes.toString("latin1");
  }

  /** The status lines that came. */
  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
  }

  /** WebSocket messages behind the 101; a close frame as `close 1002`, pongs as `pong`, binary ones as `b…`. */
  get frames(): string[] {
    const bytes = this.bytes;
    const frames: string[] = [];
    for (let at = bytes.indexOf("\r\n\r\n") + 4; at > 3 && at + 2 <= bytes.length;) {
      const opcode = (bytes[at] ?? 0) & 15;
      let length = (bytes[at + 1] ?? 0) & 127;
      at += 2;
      if (length === 126) length = bytes.readUInt16BE((at += 2) - 2);
      else if (length === 127) length = Number(bytes.readBigUInt64BE((at += 8) - 8));
      const payload = bytes.subarray(at, (at += length));
      if (opcode === 8) frames.push(`close ${length === 0 ? 1005 : payload.readUInt16BE()}`);
      else frames.push(opcode === 10 ? "pong" : opcode === 2 ? `b${payload.toString("base64")}` : payload.toString());
    }
    return frames;
  }

  answered(milliseconds = 1_000): Promise<void> {
    return until(() => this.text.includes("\r\n\r\n") || this.ended || this.closed, "answer or close", milliseconds);
  }

  over(milliseconds = 1_000): Promise<void> {
    return until(() => this.ended || this.closed, "end of the connection", milliseconds);
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** A masked frame; `length` announces more than there is. */
export function frame(first: number, payload: string | Uint8Array = "", length?: number): Buffer {
  const bytes = Buffer.from(payload);
  const size = length ?? bytes.length;
  let head = Buffer.from([first, 0x80 | size]);
  if (size > 65_535) {
    head = Buffer.from([first, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(size, 6);
  } else if (size > 125) head = Buffer.from([first, 0xfe, size >> 8, size & 255]);
  return Buffer.concat([head, Buffer.alloc(4), bytes]);
}

export const textFrame = (text: string): Buffer => frame(0x81, text);

export function getRequest(path: string, headers: readonly string[] = []): string {
  return [`GET ${path} HTTP/1.1`, "Host: 127.0.0.1", ...headers, "", ""].join("\r\n");
}

/** The head of a POST, which announces `length` bytes. */
export function postHead(path: string, length: number): string {
  return getRequest(path, [`Content-Length: ${length}`]).replace("GET", "POST");
}

/** A WebSocket session by hand, opened and, unless `join` is false, joined to `/`. */
export async function websocketPeer(port: number, join = true, isReading = true): Promise<Peer> {
  const peer = new Peer(port, upgradeHead(WEBSOCKET));
  await until(() => peer.frames.length > 0, "open packet");
  if (join) {
    peer.write(textFrame("40"));
    await until(() => peer.frames.length > 1, "answer to CONNECT");
  }
  if (!isReading) {
    peer.socket.removeAllListeners("data");
    peer.socket.pause();
  }
  return peer;
}

/** A server with a bystander that nothing may disturb. */
export interface Scene extends Rig {
  readonly bystander: ClientSocket;
  /** Fails if the bystander was disturbed, or anything of the attacker is left. */
  unharmed(): Promise<void>;
  /** TCP connections that the server has. */
  connections(): Promise<number>;
}

export async function scene(pair: Pair, options: Options = {}): Promise<Scene> {
  const rig = await start(pair, options);
  rig.io.on("connection", (socket) => {
    socket.on("alive", (answer: (value: string) => void) => answer("yes"));
    socket.on("echo", (...values: unknown[]) => void socket.emit("echo", ...values));
    socket.on("ack", (...values: unknown[]) => (values.pop() as (...all: unknown[]) => void)(...values));
  });
  const [bystander] = await rig.connect({ transports: ["websocket"] });
  // it would reconnect in no time
  const losses: unknown[] = [];
  bystander.on("disconnect", (reason) => losses.push(reason));
  return {
    ...rig,
    bystander,
    connections: () =>
      new Promise((resolve, reject) =>
        rig.httpServer.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
      ),
    async unharmed() {
      expect(losses).toEqual([]);
      expect(await bystander.timeout(1_000).emitWithAck("alive")).toBe("yes");
      await until(() => rig.io.engine.clientsCount === 1, "only the bystander is left");
    },
  };
}

/** For the top of a file: the process survives each of its tests without an uncaught error. */
export function guardProcess(): void {
  const faults: unknown[] = [];
  const fault = (error: unknown): void => void faults.push(error);
  beforeEach(() => {
    faults.length = 0;
    process.on("uncaughtException", fault);
    process.on("unhandledRejection", fault);
    for (const level of ["error", "warn"] as const) vi.spyOn(console, level).mockImplementation(() => undefined);
  });
  afterEach(async () => {
    await closeAll();
    await new Promise((resolve) => setImmediate(resolve));
    process.off("uncaughtException", fault);
    process.off("unhandledRejection", fault);
    vi.restoreAllMocks();
    expect(faults).toEqual([]);
  });
}

export const pause = (milliseconds: number): Promise<void> => new Promise((end) => setTimeout(end, milliseconds));

/**
 * The longest time in which the event loop did not turn while something ran, in ms. What other processes had of it does
 * not count.
 */
export async function stallOf(run: () => Promise<void>): Promise<number> {
  const worked = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  let last = { at: performance.now(), worked: worked() };
  let longest = 0;
  const timer = setInterval(() => {
    const now = { at: performance.now(), worked: worked() };
    longest = Math.max(longest, Math.min(now.at - last.at, now.worked - last.worked));
    last = now;
  }, 1);
  await run().finally(() => clearInterval(timer));
  return longest;
}

/** `io.engine.clients`, which the official types hide. */
export function sessionsOf(io: { readonly engine: object }): Record<string, { close(discard: boolean): void }> {
  return Reflect.get(io.engine, "clients") as Record<string, { close(discard: boolean): void }>;
}
