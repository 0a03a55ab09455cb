import type { Codec, PacketLimits, PacketReader } from "./codec.ts";
import { ProtocolError, UsageError } from "./errors.ts";
import { type Frame, type Packet, PacketType, RESERVED_EVENTS } from "./packet.ts";

/** What the parts of a JSON codec may be replaced with. */
export interface JsonCodecOptions {
  /** As for JSON.stringify; placeholders of attachments pass it too. */
  readonly replacer?: ((this: unknown, key: string, value: unknown) => unknown) | undefined;
  /** As for JSON.parse. It runs before attachments are put back. */
  readonly reviver?: ((this: unknown, key: string, value: unknown) => unknown) | undefined;
  /** What an object is sent as when it is binary, undefined when it is not. @default toAttachment */
  readonly toAttachment?: (value: object) => Frame | undefined;
  /** What listeners get for an attachment. @default the bytes as they came */
  readonly fromAttachment?: (bytes: Uint8Array) => unknown;
  /** Sees the text of each packet before JSON.parse does; throws a ProtocolError. A server gives `guardPacket`. @default none */
  readonly guard?: Guard;
}

/** Judges the text of a packet, whose JSON, if any, begins at `start`. */
export type Guard = (limits: PacketLimits, nsp: string, text: string, start: number) => void;

type Holder = Record<string | number, unknown>;

const isObject = (value: unknown): value is Holder => typeof value === "object" && value !== null;

const fail = (code: string, message = "invalid payload", cause?: unknown): never => {
  throw new ProtocolError(code, message, cause ? { cause } : undefined);
};

const failAttachments = (): never => fail("bad_placeholder", "illegal attachments");

const isOver = (size: number, limit: number): boolean => limit > 0 && size > limit;

/**
 * The attachment that a value is sent as: ArrayBuffers and their views as bytes that share the memory, Blobs and Files
 * as they are, since only the transport can read them. Undefined for anything else.
 */
export const toAttachment = (value: object): Frame | undefined => {
  if (ArrayBuffer.isView(value)) {
    return value instanceof Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  // tags, unlike instanceof, also know the objects of other realms, and Blob where there is no such global
  const tag = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  if (tag === "ArrayBuffer") return new Uint8Array(value as ArrayBuffer);
  return tag === "Blob" || tag === "File" ? (value as Frame) : undefined;
};

/** Whether a payload has the shape that its type asks for (socket-protocol §1, api P2, P3). */
const isPayload = (type: number, data: unknown, maxEventNameBytes = 0): boolean => {
  if (Array.isArray(data)) {
    if (type !== PacketType.EVENT) return type === PacketType.ACK;
    const name: unknown = data[0];
    return typeof name === "string"
      ? !RESERVED_EVENTS.has(name) && !isOver(name.length, maxEventNameBytes)
      : typeof name === "number";
  }
  if (type === PacketType.CONNECT_ERROR) return isObject(data) || typeof data === "string";
  return type < PacketType.EVENT && (data === undefined || (type === PacketType.CONNECT && isObject(data)));
};

/**
 * Checks what a decoder made, whoever wrote it: use it behind a custom parser.
 * @throws ProtocolError with the texts of api P6
 */
export const checkPacket = (packet: Packet): Packet => {
  const { type, nsp, data, id } = packet;
  if (!(Number.isInteger(type) && type >= 0 && type <= PacketType.CONNECT_ERROR)) {
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

/** What servers ask of a peer beyond the grammar: depth, and sizes of names and of auth data (abuse rows 81, 84, 99). */
export const guardPacket: Guard = (limits, nsp, text, start) => {
  const { maxDepth, maxNamespaceBytes, maxAuthBytes } = limits;
  const size = text.length - start;
  if (isOver(nsp.length, maxNamespaceBytes)) fail("namespace_too_long", "invalid namespace");
  if (text.startsWith("0") && isOver(size, maxAuthBytes)) fail("auth_too_large");
  // a text must be longer than that to be too deep
  if (isOver(size, 2 * maxDepth)) checkDepth(text, start, maxDepth);
};

// type, count, namespace (without control characters), id; nothing of it can match in two ways
// oxlint-disable-next-line no-control-regex -- these are what must not come in
const HEADER = /^(?:[0-4]|[56](0*[1-9]\d*)-)(?:(\/[^,\0-\x1f\x7f]*)(?:,|$))?(\d*)/;

class JsonReader implements PacketReader {
  readonly #limits: PacketLimits;
  readonly #options: JsonCodecOptions;
  #packet: Packet | undefined;
  #attachments: (Uint8Array | undefined)[] = [];
  #due = 0;
  #size = 0;

  constructor(limits: PacketLimits, options: JsonCodecOptions) {
    this.#limits = limits;
    this.#options = options;
  }

  get pending(): boolean {
    return this.#packet !== undefined;
  }

  read(frame: Frame): Packet | undefined {
    const packet = this.#packet;
    const isText = typeof frame === "string";
    if (!isText && !ArrayBuffer.isView(frame)) fail("unknown_type", "Unknown type: " + String(frame));
    if (isText && packet) fail("unexpected_text", "got plaintext data when reconstructing a packet");
    this.#size = isText ? frame.length : this.#size + frame.byteLength;
    if (isOver(this.#size, this.#limits.maxPacketBytes)) fail("packet_too_large");
    if (isText) return this.#readText(frame);
    if (!packet) return fail("unexpected_binary", "got binary data when not reconstructing a packet");
    if (this.#attachments.push(frame) < this.#due) return undefined;
    this.#restore(packet.data);
    this.#packet = undefined;
    return packet;
  }

  /** Hot path */
  #readText(text: string): Packet | undefined {
    // most packets are events of the main namespace without id
    if (text.startsWith("2[")) return this.#readPayload(PacketType.EVENT, "/", undefined, text);
    const match = HEADER.exec(text);
    if (!match) {
      return /^[56]/.test(text)
        ? fail("illegal_attachments", "Illegal attachments")
        : fail("unknown_packet_type", "unknown packet type " + text.charAt(0));
    }
    const [header, count, nsp = "/", id] = match;
    let type = Number(text[0]);
    if (count) {
      type -= 3;
      this.#due = Number(count);
      if (isOver(this.#due, this.#limits.maxAttachments)) fail("too_many_attachments", "too many attachments");
    }
    if (id && (id.length > 15 || (type !== PacketType.EVENT && type !== PacketType.ACK))) fail("invalid_packet_id");
    const packet = this.#readPayload(type as PacketType, nsp, id ? Number(id) : undefined, text, header.length);
    if (!count) return packet;
    this.#packet = packet;
    this.#attachments = [];
    return undefined;
  }

  #readPayload(type: PacketType, nsp: string, id: number | undefined, text: string, start = 1): Packet {
    const { guard, reviver } = this.#options;
    // the guard gets the whole text: walking a slice of it takes twice the time
    guard?.(this.#limits, nsp, text, start);
    const json = text.slice(start);
    let data: unknown;
    try {
      // an ACK without payload answers nothing
      data = json ? JSON.parse(json, reviver) : type === PacketType.ACK ? [] : undefined;
    } catch (error) {
      fail("invalid_payload", undefined, error);
    }
    if (!isPayload(type, data, this.#limits.maxEventNameBytes)) fail("invalid_payload");
    return { type, nsp, data, id };
  }

  /** Puts the attachments where their placeholders are: each must be used, and once. */
  #restore(data: unknown): void {
    const attachments = this.#attachments;
    const { fromAttachment } = this.#options;
    // a list instead of recursion: data may be deeper than the stack
    const holders = [data as Holder];
    for (let holder; (holder = holders.pop());) {
      for (const key of Object.keys(holder)) {
        const child = holder[key];
        if (!isObject(child)) continue;
        if (child._placeholder !== true) {
          holders.push(child);
          continue;
        }
        const index = child.num as number;
        const bytes = Number.isInteger(index) && attachments[index];
        if (!bytes) return failAttachments();
        attachments[index] = undefined;
        // the key is own, so that this defines nothing new, whatever its name
        holder[key] = fromAttachment ? fromAttachment(bytes) : bytes;
      }
    }
    if (attachments.some(isObject)) failAttachments();
  }
}

/**
 * A Codec that speaks JSON with attachments (socket-protocol §1, §2).
 * `encode` throws UsageError `not_serializable` for what JSON cannot hold: cycles, BigInts, nesting beyond the stack.
 * A packet has `encode(packet).length - 1` attachments.
 */
export const createJsonCodec = (options: JsonCodecOptions = {}): Codec => {
  const toFrame = options.toAttachment ?? toAttachment;

  /** Moves binary values to `frames`. Copies only what holds them: without any, the value itself comes back. */
  const detach = (value: Holder, frames: Frame[], key: string | number): unknown => {
    if (value instanceof Date) return value;
    const frame = toFrame(value);
    if (frame) return { _placeholder: true, num: frames.push(frame) - 2 };
    if (typeof value.toJSON === "function") {
      const json: unknown = value.toJSON(String(key));
      if (json !== value) return isObject(json) ? detach(json, frames, key) : json;
    }
    const items: unknown[] | undefined = Array.isArray(value) ? value : undefined;
    const keys = items ?? Object.keys(value);
    let copy: Holder | undefined;
    for (let i = 0; i < keys.length; i++) {
      const at = items ? i : (keys[i] as string);
      const child = value[at];
      const put = isObject(child) ? detach(child, frames, at) : child;
      // the copy has the key as its own already, whatever its name
      if (put !== child) (copy ??= (items ? [...items] : { ...value }) as Holder)[at] = put;
    }
    return copy ?? value;
  };

  return {
    encode({ type, nsp, data, id }) {
      const frames: Frame[] = [""];
      let json: string | undefined;
      try {
        const isEvent = type === PacketType.EVENT || type === PacketType.ACK;
        json = JSON.stringify(isEvent && isObject(data) ? detach(data, frames, "") : data, options.replacer);
      } catch (error) {
        throw new UsageError("not_serializable", "cannot encode: " + String(error), { cause: error });
      }
      const count = frames.length - 1;
      frames[0] =
        (count ? `${type + 3}${count}-` : `${type}`) + (nsp === "/" ? "" : nsp + ",") + (id ?? "") + (json ?? "");
      return frames;
    },
    reader: (limits) => new JsonReader(limits, options),
  };
};

/** The default codec, with the guards of a server. A client that has to be small makes its own without. */
export const jsonCodec: Codec = /* @__PURE__ */ createJsonCodec({ guard: guardPacket });
