// A Socket.IO client of raw TCP and hand-made frames, as cheap as JavaScript allows: it must never be the limit.
import net from "node:net";
import { openAll } from "./open-all.mjs";

const TEXT_FRAME = 0x81;
const BINARY_FRAME = 0x82;
const PING = "2".charCodeAt(0);
const OPEN = "0".charCodeAt(0);
const CONNECTED = "0".charCodeAt(0);
const HEAD_END = Buffer.from("\r\n\r\n");

/** From here on a frame's bytes are counted, not kept. */
const LARGE = 16 * 1024;

// one buffer for all sockets: libuv fills it and calls back in one synchronous step
const shared = Buffer.allocUnsafe(64 * 1024);

/** A masked text frame with a zero mask (payloads under 126 bytes): nothing to xor for us, the full work for the server. */
export function textFrame(payload) {
  const length = Buffer.byteLength(payload);
  if (length > 125) throw new RangeError(`payload of ${length} bytes, the load generator writes up to 125`);
  return Buffer.concat([Buffer.from([TEXT_FRAME, 0x80 | length, 0, 0, 0, 0]), Buffer.from(payload)]);
}

const CONNECT = textFrame("40");
const PONG = textFrame("3");

const leastHeaders = [
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** The handshake with the 5 headers it cannot do without (Host included). */
export const handshake5 = handshake(leastHeaders);

/** The handshake as a browser sends it: 15 headers. */
export const handshake15 = handshake([
  "Connection: Upgrade",
  "Pragma: no-cache",
  "Cache-Control: no-cache",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  "Upgrade: websocket",
  "Origin: http://127.0.0.1",
  "Sec-WebSocket-Version: 13",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
  "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
  "Sec-Fetch-Mode: websocket",
  "Sec-Fetch-Site: same-origin",
]);

function handshake(headers) {
  const lines = ["GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", "Host: 127.0.0.1", ...headers, "", ""];
  return Buffer.from(lines.join("\r\n"));
}

/** One connection in the main namespace. Any answer which is not the expected one throws, and so ends the process. */
export class RawClient {
  /** Called once per read with the count of messages in it. */
  onMessages = (_count) => {};
  /** Called once per message, where set; the payload is `bytes.subarray(start, start + length)`. */
  onMessage = undefined;

  #socket;
  #state = "upgrading";
  #tail = undefined;
  #expected = undefined;
  #expectedLength = 0;
  #attachment = undefined;
  #attachmentLength = -1;
  #left = 0;
  #connected;
  #joins;

  /** Resolves when the namespace is connected; without `joins`, when the session is open. */
  static connect(port, request = handshake5, joins = true) {
    return new Promise((resolve) => new RawClient(port, { request, joins, connected: resolve }));
  }

  constructor(port, { request, joins, connected }) {
    this.#connected = connected;
    this.#joins = joins;
    const onread = { buffer: shared, callback: (size) => this.#read(size) };
    this.#socket = net.connect({ port, host: "127.0.0.1", noDelay: true, onread });
    this.#socket.write(request);
    this.#socket.on("error", (error) => this.#fail(error.message));
    this.#socket.on("close", () => this.#fail("the server closed the connection"));
  }

  send(bytes) {
    this.#socket.write(bytes);
  }

  /** The first message must be `text`, byte for byte; those after it must have its length. */
  expect(text) {
    this.#expected = text;
    this.expectLengthOf(text);
  }

  /** Each message is `text` and one attachment: the first as given, the others of the same length. */
  expectBinary(text, attachment) {
    this.expect(text);
    this.#attachment = attachment;
    this.#attachmentLength = attachment.length;
  }

  /** Sends one event and resolves when its answer has come: for what a case prepares. */
  request(frame, answer) {
    this.expect(answer);
    return new Promise((resolve) => {
      this.onMessages = resolve;
      this.send(frame);
    });
  }

  /** Leaves what the server sends in the kernel's buffers, and then in the server. */
  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  /** Every message must have the length of `text`. */
  expectLengthOf(text) {
    this.#expectedLength = Buffer.byteLength(text);
  }

  /** With a RST: no TIME_WAIT left behind for the next run. */
  close() {
    this.#state = "closed";
    this.#socket.resetAndDestroy();
  }

  #read(size) {
    let bytes = shared;
    let end = size;
    if (this.#tail !== undefined) {
      bytes = Buffer.concat([this.#tail, shared.subarray(0, size)]);
      end = bytes.length;
      this.#tail = undefined;
    }
    let at = this.#state === "upgrading" ? this.#readHead(bytes.subarray(0, end)) : Math.min(this.#left, end);
    let messages = this.#left > 0 && this.#left <= end ? 1 : 0;
    this.#left = Math.max(0, this.#left - end);
    while (this.#state !== "upgrading" && at + 2 <= end) {
      let length = bytes[at + 1];
      let start = at + 2;
      if (length === 126) {
        if (at + 4 > end) break;
        length = bytes.readUInt16BE(at + 2);
        start = at + 4;
      } else if (length === 127) {
        if (at + 10 > end) break;
        length = bytes.readUInt32BE(at + 6);
        start = at + 10;
      } else if (length > 127) this.#fail(`frame length byte ${length}`);
      if (start + length > end) {
        if (length < LARGE || length !== this.#expectedLength || this.#expected !== undefined) break;
        this.#left = start + length - end;
        at = end;
        break;
      }
      if (bytes[at] === TEXT_FRAME) messages += this.#readFrame(bytes, start, length);
      else if (bytes[at] === BINARY_FRAME) messages += this.#readAttachment(bytes, start, length);
      else this.#fail(`frame with first byte ${bytes[at]}`);
      at = start + length;
    }
    if (at < end) this.#tail = Buffer.from(bytes.subarray(at, end));
    if (messages > 0) this.onMessages(messages);
  }

  /** @returns where the first frame begins; 0 while the head is not complete */
  #readHead(bytes) {
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd < 0) return 0;
    const head = bytes.toString("latin1", 0, headEnd);
    if (!head.startsWith("HTTP/1.1 101 ")) this.#fail(head);
    this.#state = "opening";
    return headEnd + HEAD_END.length;
  }

  /** @returns 1 for a message, 0 for what belongs to the connection */
  #readFrame(bytes, start, length) {
    if (length === 1 && bytes[start] === PING) {
      this.send(PONG);
      return 0;
    }
    if (this.#state !== "connected") return this.#open(bytes, start, length);
    if (length !== this.#expectedLength) this.#fail(`unexpected ${bytes.toString("utf8", start, start + length)}`);
    if (this.#expected !== undefined) {
      const text = bytes.toString("utf8", start, start + length);
      if (text !== this.#expected) this.#fail(`expected ${this.#expected}, got ${text}`);
      this.#expected = undefined;
    }
    if (this.onMessage !== undefined) this.onMessage(bytes, start, length);
    return this.#attachmentLength < 0 ? 1 : 0;
  }

  /** @returns 1: a message is complete with its attachment */
  #readAttachment(bytes, start, length) {
    if (length !== this.#attachmentLength) this.#fail(`attachment of ${length} bytes`);
    if (this.#attachment?.equals(bytes.subarray(start, start + length)) === false) this.#fail("wrong attachment");
    this.#attachment = undefined;
    return 1;
  }

  #open(bytes, start, length) {
    if (this.#state === "opening" && bytes[start] === OPEN) {
      this.#state = "joining";
      if (this.#joins) this.send(CONNECT);
      else this.#connected(this);
    } else if (this.#state === "joining" && bytes[start + 1] === CONNECTED) {
      this.#state = "connected";
      this.#connected(this);
    } else this.#fail(`${this.#state}, and got ${bytes.toString("utf8", start, start + length)}`);
    return 0;
  }

  #fail(reason) {
    if (this.#state !== "closed") throw new Error(`load generator: ${reason}`);
  }
}

/**
 * Opens `count` connections, at most 32 at a time.
 * @param {{ request?: Buffer, joins?: boolean, latencies?: import("./statistics.mjs").Latencies }} [options]
 * @returns {Promise<RawClient[]>}
 */
export function connectAll(port, count, { request, joins, latencies } = {}) {
  return openAll(count, () => RawClient.connect(port, request, joins), latencies);
}
