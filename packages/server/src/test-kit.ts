import { IncomingMessage, ServerResponse } from "node:http";
import { Socket as NetSocket } from "node:net";
import { Duplex } from "node:stream";
import { type Frame, frameOf, Opcode, type WebSocketEvent, WebSocketReader } from "@bowline/protocol";
import { bufferBytes } from "./buffer-bytes.ts";
import { processTime, type TimeSource } from "./clock.ts";
import { Connection } from "./connection.ts";
import type { ServerOptions } from "./options.ts";
import type { Batch } from "./outbox.ts";
import { randomId } from "./random-id.ts";
import { RequestHead } from "./request-head.ts";
import { Server } from "./server.ts";
import type { CloseCause, Transport, TransportHandler } from "./transports/transport.ts";

interface VirtualTimer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time that stands still until a test moves it. */
export class VirtualTime implements TimeSource {
  #now = 0;
  #order = 0;
  #timers: VirtualTimer[] = [];
  #turn: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, order: this.#order++, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  endOfTurn(callback: () => void): void {
    this.#turn.push(callback);
  }

  /** How many timers run. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Ends one turn of the event loop. */
  turn(): void {
    const callbacks = this.#turn;
    this.#turn = [];
    for (const callback of callbacks) callback();
  }

  /** Ends turns until nothing waits for the end of one. */
  settle(): void {
    for (let count = 0; this.#turn.length > 0; count++) {
      if (count === 10_000) throw new Error("turns without end");
      this.turn();
    }
  }

  /** Lets time pass, with all timers on time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    this.settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.at);
      this.#fire(next);
      this.settle();
    }
    this.#now = end;
  }

  /** The process stands still: time passes, but nothing runs. */
  stall(ms: number): void {
    this.#now += ms;
  }

  /** Fires what is overdue, without ending the turn: input may be read before that. */
  wake(): void {
    for (let next = this.#next(this.#now); next !== undefined; next = this.#next(this.#now)) this.#fire(next);
  }

  #next(end: number): VirtualTimer | undefined {
    const [first] = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at || a.order - b.order);
    return first;
  }

  #fire(timer: VirtualTimer): void {
    this.#timers = this.#timers.filter((each) => each !== timer);
    timer.callback();
  }
}

/** One `write` that a transport has got. */
export interface Write {
  readonly batch: Batch;
  readonly more: boolean;
}

/** A transport that keeps what it is given, and whose peer is the test. */
export class FakeTransport implements Transport {
  readonly name: "polling" | "websocket";
  handler: TransportHandler = { onReadable() {}, onDrain() {}, onPeerEnd() {}, onTransportEnd() {} };
  writable = true;
  bufferedBytes = 0;
  paused = false;
  retired = false;
  releases = 0;
  /** True: an orderly close waits, as polling does for its next GET. */
  lingers = false;
  readonly writes: Write[] = [];
  readonly closes: CloseCause[] = [];
  #input: Frame[] = [];

  constructor(name: "polling" | "websocket" = "websocket") {
    this.name = name;
  }

  /** What has been written, packet by packet. */
  get sent(): Frame[] {
    return this.writes.flatMap(({ batch }) => batch.messages().flatMap((message) => message.packets));
  }

  /** What was written since the last call. */
  take(): Frame[] {
    const { sent } = this;
    this.writes.length = 0;
    return sent;
  }

  /** Packets that the connection has not read. */
  get unread(): number {
    return this.#input.length;
  }

  /** The peer sends packets, text with its type digit. */
  receive(...frames: Frame[]): void {
    this.#input.push(...frames);
    this.handler.onReadable();
  }

  read(): Frame | undefined {
    return this.#input.shift();
  }

  write(batch: Batch, more: boolean): void {
    this.writes.push({ batch, more });
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(cause: CloseCause): void {
    this.closes.push(cause);
    if (this.closes.length === 1 && !(this.lingers && cause.discard !== true)) {
      this.handler.onTransportEnd(cause.reason, "");
    }
  }

  releasePoll(): void {
    this.releases++;
  }

  retire(): void {
    this.retired = true;
  }
}

/** A request that came over no network. */
export function requestOf(
  headers: Readonly<Record<string, string>> = {},
  url = "/socket.io/?EIO=4&transport=websocket",
  method = "GET",
): IncomingMessage {
  const request = new IncomingMessage(new NetSocket());
  request.method = method;
  request.url = url;
  for (const [name, value] of Object.entries(headers)) {
    request.headers[name.toLowerCase()] = value;
    request.rawHeaders.push(name, value);
  }
  return request;
}

/** One end of a connection, in memory: a test pushes what the peer sends, and reads what was written. */
export class MemoryStream extends Duplex {
  readonly chunks: Uint8Array[] = [];
  /** Set to keep written bytes in the stream's buffer, as a peer does that reads nothing. */
  stuck = false;
  #release: (() => void) | undefined;

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    if (this.stuck) this.#release = done;
    else done();
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "", done);
  }

  /** The peer reads again. */
  release(): void {
    this.stuck = false;
    this.#release?.();
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.chunks);
  }
}

/** A text frame as clients send it. */
export function clientFrame(text: string): Uint8Array {
  return frameOf(bufferBytes, Opcode.TEXT, text, Uint8Array.of(0x37, 0xfa, 0x21, 0x3d));
}

/** What a client reads out of a server's bytes. */
export function readAsClient(bytes: Uint8Array): WebSocketEvent[] {
  const reader = new WebSocketReader({ role: "client", maxPayload: 0, maxParts: 0, bytes: bufferBytes });
  reader.push(Uint8Array.from(bytes));
  const events: WebSocketEvent[] = [];
  for (let event = reader.next(); event !== undefined; event = reader.next()) events.push(event);
  return events;
}

/** A real connection of a real server over a fake transport. */
export interface Peer {
  readonly connection: Connection;
  readonly transport: FakeTransport;
}

/** A real server on virtual time, without ports. */
export interface Stage {
  readonly server: Server;
  readonly time: VirtualTime;
  /** What listeners have thrown. */
  readonly errors: unknown[];
  /** Opens a connection that has joined no namespace. */
  open(transport?: FakeTransport, protocol?: 3 | 4): Peer;
  /** Opens a connection and joins namespaces; what was written for that is taken away. */
  join(...namespaces: string[]): Peer;
}

/** @param time several stages may share one */
export function setTheStage(options: Partial<ServerOptions> = {}, time: VirtualTime = new VirtualTime()): Stage {
  // the server's clock stands on this; every test file has a copy of its own
  Object.assign(processTime, {
    now: () => time.now(),
    after: (ms: number, callback: () => void) => time.after(ms, callback),
    endOfTurn: (callback: () => void) => time.endOfTurn(callback),
  } satisfies TimeSource);
  const server = new Server(options);
  const errors: unknown[] = [];
  server.onError((error) => errors.push(error));
  const open = (transport = new FakeTransport(), protocol: 3 | 4 = 4): Peer => {
    const head = new RequestHead(requestOf(), true, protocol);
    return { transport, connection: new Connection(randomId(), head, transport, server.codec, server.engine) };
  };
  const join = (...namespaces: string[]): Peer => {
    const peer = open();
    for (const name of namespaces.length === 0 ? ["/"] : namespaces) {
      peer.transport.receive(name === "/" ? "40" : `40${name},`);
    }
    time.settle();
    peer.transport.take();
    return peer;
  };
  return { server, time, errors, open, join };
}

/** The headers of an upgrade as RFC 6455 §4.1 wants them. */
export const UPGRADE: Readonly<Record<string, string>> = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** What was written in answer to a request; undefined while nothing was. */
export interface Answer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** For a 101: the frames behind it, as bytes of latin1. */
  readonly body: string;
}

export function answerOf(stream: MemoryStream): Answer | undefined {
  const text = Buffer.from(stream.bytes).toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [status = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const;
  });
  return { status: Number(status.split(" ")[1]), headers: new Map(headers), body: text.slice(end + 4) };
}

/** What a request says beside its URL. */
export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** True: the end of the body never comes. */
  readonly unfinished?: boolean;
}

/** Sends a request through the engine; its answer comes into the stream. */
export function ask(
  { engine }: Server,
  url: string,
  { method = "GET", headers = {}, body, unfinished = false }: Asking = {},
): MemoryStream {
  const request = requestOf(headers, url, method);
  request.httpVersionMajor = request.httpVersionMinor = 1;
  const stream = new MemoryStream();
  const response = new ServerResponse(request);
  // any Duplex would do, though the types ask for a socket
  Reflect.apply(response.assignSocket, response, [Object.assign(stream, { destroySoon: () => stream.destroy() })]);
  engine.handleRequest(request, response);
  if (body !== undefined) request.push(body);
  if (!unfinished) request.push(null);
  return stream;
}

/** Sends an upgrade through the engine; its answer comes into the stream. */
export function askUpgrade(
  { engine }: Server,
  url: string,
  headers: Readonly<Record<string, string>> = UPGRADE,
): MemoryStream {
  const stream = new MemoryStream();
  engine.handleUpgrade(requestOf(headers, url), stream, new Uint8Array(0));
  return stream;
}

/** Lets streams do what they put off. */
export async function streams(): Promise<void> {
  for (let count = 0; count < 3; count++) await new Promise((resolve) => setImmediate(resolve));
}
