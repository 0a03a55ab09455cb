import type { Codec, PacketLimits } from "./codec.ts";
import { ProtocolError } from "./errors.ts";
import { CONNECT_ERROR, type Frame, type Packet } from "./packet.ts";
import { createJsonCodec, isPayload, type JsonCodecOptions, JsonReader } from "./socket-codec.ts";

const fail = (code: string, message = "invalid payload"): never => {
  throw new ProtocolError(code, message);
};

const isOver = (size: number, limit: number): boolean => limit > 0 && size > limit;

/**
 * Checks what a decoder made, whoever wrote it: use it behind a custom parser.
 * @throws ProtocolError with the texts of api P6
 */
export const checkPacket = (packet: Packet): Packet => {
  const { type, nsp, data, id } = packet;
  if (!(Number.isInteger(type) && type >= 0 && type <= CONNECT_ERROR)) {
    fail("invalid_packet_type", "invalid packet type");
  }
  if (typeof nsp !== "string" || !nsp.startsWith("/")) fail("invalid_namespace", "invalid namespace");
  if (!isPayload(type, data)) fail("invalid_payload");
  if (id !== undefined && !(Number.isSafeInteger(id) && id >= 0)) fail("invalid_packet_id", "invalid packet id");
  return packet;
};

const QUOTE = 34;
const BACKSLASH = 92;

/**
 * Refuses deep nesting before JSON.parse meets it. Linear; a fraction of what JSON.parse takes, since strings without
 * escaped quotes are skipped at once (abuse rows 99, 100).
 */
const checkDepth = (text: string, start: number, maxDepth: number): void => {
  const { length } = text;
  for (let at = start, depth = 0; at < length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) {
      const end = text.indexOf('"', at + 1);
      if (end < 0) return;
      if (text.charCodeAt(end - 1) !== BACKSLASH) at = end;
      else for (let c; ++at < length && (c = text.charCodeAt(at)) !== QUOTE;) if (c === BACKSLASH) at++;
    } else if (char > 90) {
      // with bit 32 set, "[" is "{" and "]" is "}"
      if ((char | 32) === 123) {
        if (++depth > maxDepth) fail("too_deep");
      } else if ((char | 32) === 125) depth--;
    }
  }
};

/** What servers ask of a peer beyond the grammar: sizes, and depth (abuse rows 81, 84, 90, 99). */
class GuardedReader extends JsonReader {
  readonly #limits: PacketLimits;
  #size = 0;

  constructor(limits: PacketLimits, options: JsonCodecOptions) {
    super(limits, options);
    this.#limits = limits;
  }

  override read(frame: Frame): Packet | undefined {
    const isText = typeof frame === "string";
    if (!isText && !ArrayBuffer.isView(frame)) fail("unknown_type", "Unknown type: " + String(frame));
    this.#size = isText ? frame.length : this.#size + frame.byteLength;
    if (isOver(this.#size, this.#limits.maxPacketBytes)) fail("packet_too_large");
    return super.read(frame);
  }

  protected override parse(text: string, start: number, nsp: string): unknown {
    const { maxDepth, maxNamespaceBytes, maxAuthBytes, maxEventNameBytes } = this.#limits;
    const size = text.length - start;
    if (isOver(nsp.length, maxNamespaceBytes)) fail("namespace_too_long", "invalid namespace");
    const first = text[0];
    if (first === "0" && isOver(size, maxAuthBytes)) fail("auth_too_large");
    // a text must be longer than that to be too deep; a slice of it would take twice the time
    if (isOver(size, 2 * maxDepth)) checkDepth(text, start, maxDepth);
    const data = super.parse(text, start, nsp);
    if ((first === "2" || first === "5") && Array.isArray(data)) {
      const name: unknown = data[0];
      if (typeof name === "string" && isOver(name.length, maxEventNameBytes)) fail("invalid_payload");
    }
    return data;
  }
}

/** A Codec that speaks JSON with attachments and holds its peer to all limits: what a server needs. */
export const createGuardedCodec = (options: JsonCodecOptions = {}): Codec => createJsonCodec(options, GuardedReader);

/** The default codec of servers. */
export const jsonCodec: Codec = /* @__PURE__ */ createGuardedCodec();
