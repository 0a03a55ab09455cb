import type { Codec, PacketLimits, PacketReader } from "./codec.ts";
import { ProtocolError, UsageError } from "./errors.ts";
import { ACK, CONNECT, CONNECT_ERROR, EVENT, type Frame, type Packet, RESERVED_EVENTS } from "./packet.ts";

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
}

type Holder = Record<string | number, unknown>;

const isObject = (value: unknown): value is Holder => typeof value === "object" && !!value;

const fail = (code: string, message?: string, cause?: unknown): never => {
  throw new ProtocolError(code, message, { cause });
};

/**
 * The attachment that a value is sent as: ArrayBuffers and their views as bytes that share the memory, Blobs and Files
 * as they are, since only the transport can read them. Undefined for anything else.
 */
export const toAttachment = (value: object): Frame | undefined => {
  if (ArrayBuffer.isView(value))
    return value instanceof Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  // tags, unlike instanceof, also know the objects of other realms, and Blob where there is no such global
  const tag = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  if (tag === "ArrayBuffer") return new Uint8Array(value as ArrayBuffer);
  return /^(Blob|File)$/.test(String(tag)) ? (value as Frame) : undefined;
};

/** Whether a payload has the shape that its type asks for (socket-protocol §1, api P2, P3). */
export const isPayload = (type: number, data: unknown): boolean => {
  if (Array.isArray(data)) {
    const name: unknown = data[0];
    return (
      type === ACK ||
      (type === EVENT && (typeof name === "number" || (typeof name === "string" && !RESERVED_EVENTS.has(name))))
    );
  }
  if (isObject(data)) return type === CONNECT || type === CONNECT_ERROR;
  return typeof data === "string" ? type === CONNECT_ERROR : data === undefined && type < EVENT;
};

// type, count, namespace (without control characters), id; nothing of it can match in two ways
// oxlint-disable-next-line no-control-regex -- these are what must not come in
const HEADER = /^(?:[0-4]|[56](0*[1-9]\d*)-)(?:(\/[^,\0-\x1f\x7f]*)(?:,|$))?(\d*)/;

/** Reads packets as JSON with attachments. It knows one limit, `maxAttachments`: what else servers ask is `GuardedReader`'s. */
export class JsonReader implements PacketReader {
  readonly #limits: PacketLimits;
  readonly #options: JsonCodecOptions;
  #packet: Packet | undefined;
  #attachments: (Uint8Array | undefined)[] = [];
  #due = 0;

  constructor(limits: PacketLimits, options: JsonCodecOptions) {
    this.#limits = limits;
    this.#options = options;
  }

  read(frame: Frame): Packet | undefined {
    const packet = this.#packet;
    if (typeof frame === "string")
      return packet
        ? fail("unexpected_text", "got plaintext data when reconstructing a packet")
        : this.#readText(frame);
    if (!packet) return fail("unexpected_binary", "got binary data when not reconstructing a packet");
    if (this.#attachments.push(frame) < this.#due) return undefined;
    this.#packet = undefined;
    this.#restore(packet.data);
    return packet;
  }

  /** Hot path */
  #readText(text: string): Packet | undefined {
    // most packets are events of the main namespace without id
    if (text.startsWith("2[")) return this.#readPacket(EVENT, "/", undefined, text, 1);
    const match = HEADER.exec(text);
    if (!match)
      return /^[56]/.test(text)
        ? fail("illegal_attachments", "Illegal attachments")
        : fail("unknown_packet_type", "unknown packet type " + text.charAt(0));
    const [header, count, nsp = "/", id] = match;
    let type = Number(text[0]);
    if (count) type -= 3;
    if (id && (id.length > 15 || (type !== EVENT && type !== ACK))) fail("invalid_packet_id", "invalid payload");
    this.#due = Number(count);
    if (this.#due > (this.#limits.maxAttachments || Infinity)) fail("too_many_attachments");
    const packet = this.#readPacket(type as Packet["type"], nsp, id ? Number(id) : undefined, text, header.length);
    if (!count) return packet;
    this.#packet = packet;
    this.#attachments = [];
    return undefined;
  }

  #readPacket(type: Packet["type"], nsp: string, id: number | undefined, text: string, start: number): Packet {
    const data = this.parse(text, start, nsp);
    if (!isPayload(type, data)) fail("invalid_payload");
    return { type, nsp, data, id };
  }

  /** The payload of a text, which begins at `start`. An ACK without one answers nothing. */
  protected parse(text: string, start: number, _nsp: string): unknown {
    try {
      return text[start] ? JSON.parse(text.slice(start), this.#options.reviver) : text[0] === "3" ? [] : undefined;
    } catch (error) {
      return fail("invalid_payload", undefined, error);
    }
  }

  /** Puts the attachments where their placeholders are: each must be used, and once. */
  #restore(data: unknown): void {
    const attachments = this.#attachments;
    // a list that grows instead of recursion: data may be deeper than the stack
    const holders = [data as Holder];
    for (const holder of holders)
      for (const [key, child] of Object.entries(holder))
        if (isObject(child)) {
          const { _placeholder, num } = child;
          if (_placeholder === true) {
            const bytes = typeof num === "number" && attachments[num];
            if (!bytes) return fail("illegal_attachments");
            attachments[num] = undefined;
            // the key is own, so that this defines nothing new, whatever its name
            holder[key] = this.#options.fromAttachment?.(bytes) ?? bytes;
          } else holders.push(child);
        }
    if (attachments.some(isObject)) fail("illegal_attachments");
  }
}

/**
 * A Codec that speaks JSON with attachments (socket-protocol §1, §2), without the guards of a server.
 * `encode` throws UsageError `not_serializable` for what JSON cannot hold: cycles, BigInts, nesting beyond the stack.
 * A packet has `encode(packet).length - 1` attachments.
 */
export const createJsonCodec = (
  options: JsonCodecOptions = {},
  Reader: new (limits: PacketLimits, options: JsonCodecOptions) => PacketReader = JsonReader,
): Codec => {
  const toFrame = options.toAttachment ?? toAttachment;

  /** Moves binary values to `frames`. Copies only what holds them: without any, the value itself comes back. */
  const detach = (value: unknown, frames: Frame[], key: string | number): unknown => {
    if (!isObject(value)) return value;
    const frame = toFrame(value);
    if (frame) return { _placeholder: true, num: frames.push(frame) - 2 };
    if (typeof value.toJSON === "function") {
      const json: unknown = value.toJSON(String(key));
      if (json !== value) return detach(json, frames, key);
    }
    const items = Array.isArray(value) && (value as unknown[]);
    const keys = items || Object.keys(value);
    let copy: Holder | undefined;
    for (let i = 0; i < keys.length; i++) {
      const at = items ? i : (keys[i] as string);
      const child = value[at];
      const put = detach(child, frames, at);
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
        json = JSON.stringify(type === EVENT || type === ACK ? detach(data, frames, "") : data, options.replacer);
      } catch (error) {
        throw new UsageError("not_serializable", "cannot encode: " + String(error), { cause: error });
      }
      const count = frames.length - 1;
      frames[0] =
        (count ? `${type + 3}${count}-` : `${type}`) + (nsp === "/" ? "" : nsp + ",") + (id ?? "") + (json ?? "");
      return frames;
    },
    reader: (limits) => new Reader(limits, options),
  };
};
