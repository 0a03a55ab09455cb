import { request, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { WebSocket, type ClientOptions } from "ws";
import { atEnd, until, within } from "./harness.ts";

/** An HTTP answer, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Bytes of the body as it came. */
  readonly size: number;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
}

/** One request on a connection of its own. */
export function http(port: number, path: string, { method = "GET", headers = {}, body }: Ask = {}): Promise<Answer> {
  const answer = new Promise<Answer>((resolve, reject) => {
    const sent = request({ port, host: "127.0.0.1", path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("error", reject);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        const { statusCode: status = 0, headers: answered } = response;
        resolve({ status, headers: answered, body: bytes.toString(), size: bytes.length });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
  return within(answer, `answer to ${method} ${path}`);
}

/** Bytes out, bytes in until the server closes; one character per byte. */
export function tcp(port: number, bytes: string): Promise<string> {
  const answer = new Promise<string>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("error", reject);
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("close", () => resolve(text));
    socket.write(bytes, "latin1");
    atEnd(() => socket.destroy());
  });
  return within(answer, "end of the connection");
}

/** The request head of a WebSocket upgrade. */
export function upgradeHead(path: string, headers: readonly string[] = []): string {
  const fixed = ["Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
  const lines = [`GET ${path} HTTP/1.1`, ...fixed, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", ...headers];
  return lines.join("\r\n") + "\r\n\r\n";
}

export const POLLING = "/socket.io/?EIO=4&transport=polling";
export const WEBSOCKET = "/socket.io/?EIO=4&transport=websocket";

/** The JSON of an open packet. */
export interface Handshake {
  readonly sid: string;
  readonly upgrades: readonly string[];
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly maxPayload: number;
}

export function parseOpen(packet: string): Handshake {
  if (!packet.startsWith("0{")) throw new Error(`not an open packet: ${packet}`);
  return JSON.parse(packet.slice(1)) as Handshake;
}

/** A polling session driven by hand. */
export interface RawPolling extends Handshake {
  get(): Promise<Answer>;
  post(body: string | Uint8Array, headers?: Record<string, string>): Promise<Answer>;
  /** Path and query of the session, for other requests. */
  readonly path: string;
}

export async function openPolling(port: number, path: string = POLLING): Promise<RawPolling> {
  const { body } = await http(port, path);
  const open = parseOpen(body.split("\u001e")[0] ?? "");
  const own = `${path}&sid=${open.sid}`;
  return {
    ...open,
    path: own,
    get: () => http(port, own),
    post: (bytes, headers = { "content-type": "text/plain;charset=UTF-8" }) =>
      http(port, own, { method: "POST", body: bytes, headers }),
  };
}

/** A polling session that has joined `/`. */
export async function joinPolling(port: number): Promise<RawPolling> {
  const session = await openPolling(port);
  await session.post("40");
  await session.get();
  return session;
}

/** A WebSocket driven by hand: text messages as strings, binary ones as Buffers. */
export class RawWebSocket {
  readonly #socket: WebSocket;
  readonly #inbox: (string | Buffer)[] = [];
  #closed: number | undefined;
  #opened = false;

  constructor(port: number, path: string, options: ClientOptions = {}) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, options);
    this.#socket.on("error", () => undefined);
    this.#socket.on("open", () => (this.#opened = true));
    this.#socket.on("message", (data: Buffer, isBinary: boolean) =>
      this.#inbox.push(isBinary ? data : data.toString()),
    );
    this.#socket.on("close", (code) => (this.#closed = code));
    atEnd(() => this.#socket.terminate());
  }

  async opened(): Promise<this> {
    await until(() => this.#opened || this.#closed !== undefined, "end of the WebSocket handshake");
    if (!this.#opened) throw new Error("the WebSocket was refused");
    return this;
  }

  send(message: string | Uint8Array): void {
    this.#socket.send(message);
  }

  /** The next message. */
  async next(): Promise<string | Buffer> {
    await until(() => this.#inbox.length > 0 || this.#closed !== undefined, "message on the WebSocket");
    const message = this.#inbox.shift();
    if (message === undefined) throw new Error(`the WebSocket closed with ${this.#closed}`);
    return message;
  }

  /** What came and was not taken yet. */
  get rest(): readonly (string | Buffer)[] {
    return this.#inbox;
  }

  /** The code of the close frame; 1005 if it was empty, 1006 if there was none. */
  async closed(milliseconds?: number): Promise<number> {
    await until(() => this.#closed !== undefined, "close of the WebSocket", milliseconds);
    return this.#closed ?? 0;
  }

  close(): void {
    this.#socket.close();
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

/** A WebSocket session whose open packet was read. */
export async function openWebSocket(
  port: number,
  path: string = WEBSOCKET,
): Promise<RawWebSocket & { open: Handshake }> {
  const socket = await new RawWebSocket(port, path).opened();
  const open = parseOpen(String(await socket.next()));
  return Object.assign(socket, { open });
}

/** A WebSocket session that has joined `/`. */
export async function joinWebSocket(port: number): Promise<RawWebSocket> {
  const socket = await openWebSocket(port);
  socket.send("40");
  await socket.next();
  return socket;
}
