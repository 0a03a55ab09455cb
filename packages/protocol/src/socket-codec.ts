import type { Codec, PacketLimits, PacketReader } from "./codec.ts";
import { ProtocolError, UsageError } from "./errors.ts";
import { ACK, CONNECT, CONNECT_ERROR, EVENT, type Frame, type Packet, RESERVED_EVENTS } from "./packet.ts";

/** JSON of a payload; binary values go to `frames`, from index 1 on, and leave their placeholders. */
export type Stringify = (data: unknown, frames: Frame[]) => string | undefined;

/** What the parts of a JSON codec may be replaced with. */
export interface JsonCodecOptions {
  /** Makes the JSON of an EVENT's or ACK's payload. @default one that fits browsers */
  readonly stringifyPayload?: Stringify;
  /** Attachments that a packet may have, in both directions; for readers, their own limits win. @default no limit */
  readonly maxAttachments?: number;
  /** What listeners get for an attachment. */
  readonly fromAttachment: (bytes: Uint8Array) => unknown;
}

type Holder = Record<string | number, unknown>;

const isObject = (value: unknown): value is Holder => !!value && typeof value === "object";

/** Throws a ProtocolError, as an expression. */
export const fail = (code: string): never => {
  throw new ProtocolError(code);
};

/**
 * The attachment that a value is sent as: ArrayBuffers and their views as bytes that share the memory, Blobs and Files
 * as they are, since only the transport can read them. Undefined for anything else.
 */
export const toAttachment = (value: unknown): Frame | undefined => {
  if (ArrayBuffer.isView(value))
    return value instanceof Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  // tags, unlike instanceof, also know the objects of other realms, and Blob where there is no such global
  const tag = (value as { [Symbol.toStringTag]?: unknown } | null | undefined)?.[Symbol.toStringTag];
  if (tag === "ArrayBuffer") return new Uint8Array(value as ArrayBuffer);
  return tag === "Blob" || tag === "File" ? (value as Frame) : undefined;
};

/** Whether a payload has the shape that its type asks for (socket-protocol §1, api P2, P3). */
export const isPayload = (type: number, data: unknown): boolean => {
  if (Array.isArray(data)) {
    if (type !== EVENT) return type === ACK;
    return typeof data[0] === "string" ? !RESERVED_EVENTS.has(data[0]) : typeof data[0] === "number";
  }
  if (isObject(data)) return type === CONNECT || type === CONNECT_ERROR;
  return typeof data === "string" ? type === CONNECT_ERROR : data === undefined && type < EVENT;
};

/** @throws ProtocolError for a payload of another shape */
export const checkPayload = (packet: Packet): Packet =>
  isPayload(packet.type, packet.data) ? packet : fail("invalid_payload");

// type, count, namespace, id; nothing of it can match in two ways
const HEADER = /^(?:[0-4]|[56](0*[1-9]\d*)-)(?:(\/[^,]*),?)?(\d{0,15})/;

/**
 * Reads packets as JSON with attachments. It knows one limit, `maxAttachments`, and its errors have codes only: what else
 * servers ask, and v4's texts, are `GuardedReader`'s.
 */
export class JsonReader implements PacketReader {
  readonly #limits: Partial<PacketLimits>;
  readonly #options: JsonCodecOptions;
  #packet: Packet | undefined;
  /** Of `#packet`, and how many there are to be. */
  #attachments!: (Uint8Array | undefined)[];
  #due!: number;

  constructor(limits: Partial<PacketLimits>, options: JsonCodecOptions) {
    this.#limits = limits;
    this.#options = options;
  }

  read(frame: Frame): Packet | undefined {
    const packet = this.#packet;
    if (typeof frame === "string") return packet ? fail("unexpected_text") : this.readText(frame);
    if (!packet) return fail("unexpected_binary");
    if (this.#attachments.push(frame) < this.#due) return undefined;
    this.#packet = undefined;
    return this.#restore(packet);
  }

  protected readText(text: string): Packet | undefined {
    const match = HEADER.exec(text);
    if (!match) return fail("unknown_packet_type");
    const [header, count, nsp = "/", id] = match;
    let type = +text[0]!;
    if (count) type -= 3;
    this.#due = +count!;
    if (this.#due > (this.#limits.maxAttachments || Infinity)) fail("too_many_attachments");
    const data = this.parse(text, header.length, nsp);
    const packet = checkPayload({ type: type as Packet["type"], nsp, data, id: id ? +id : undefined });
    if (!count) return packet;
    this.#packet = packet;
    this.#attachments = [];
    return undefined;
  }

  /** The payload of a text, which begins at `start`. An ACK without one answers nothing. */
  protected parse(text: string, start: number, _nsp: string): unknown {
    try {
      return text[start] ? JSON.parse(text.slice(start)) : /^[36]/.test(text) ? [] : undefined;
    } catch {
      return fail("invalid_payload");
    }
  }

  /** Puts the attachments where their placeholders are: each must be used, and once. */
  #restore(packet: Packet): Packet {
    const attachments = this.#attachments;
    const restore = (value: Holder): unknown => {
      if (value["_placeholder"] === true) {
        const num = value["num"];
        const bytes = typeof num === "number" && attachments[num];
        if (!bytes) return fail("illegal_attachments");
        attachments[num] = undefined;
        return this.#options.fromAttachment(bytes);
      }
      // own keys, whatever their names: assigning to one never reaches a setter
      for (const key in value) if (isObject(value[key])) value[key] = restore(value[key]);
      return value;
    };
    restore(packet.data as Holder);
    if (attachments.some(isObject)) fail("illegal_attachments");
    return packet;
  }
}

/** JSON of a payload, whose binary values go to `frames`. Small, for browsers: `detach.ts` is for platforms with Buffers. */
const stringify: Stringify = (data, frames) =>
  JSON.stringify(data, function (this: Holder, key: string, value: unknown): unknown {
    // binary values may have a toJSON of their own, or be what one gave
    const frame = toAttachment(this[key]) ?? toAttachment(value);
    return frame ? { _placeholder: true, num: frames.push(frame) - 2 } : value;
  });

/**
 * A Codec that speaks JSON with attachments (socket-protocol §1, §2), without the guards of a server.
 * `encode` throws UsageError `too_many_attachments`; for what JSON cannot hold (cycles, BigInts, nesting beyond the stack)
 * whatever `stringifyPayload` does, by default JSON.stringify's errors.
 * A packet has `encode(packet).length - 1` attachments.
 */
export const createJsonCodec = (
  options: JsonCodecOptions,
  Reader: new (limits: Partial<PacketLimits>, options: JsonCodecOptions) => PacketReader = JsonReader,
): Codec => ({
  encode({ type, nsp, data, id }) {
    const frames: Frame[] = [""];
    const json =
      type === EVENT || type === ACK
        ? (options.stringifyPayload ?? stringify)(data, frames)
        : JSON.stringify(data ?? undefined);
    const count = frames.length - 1;
    if (count > options.maxAttachments!) throw new UsageError("too_many_attachments");
    frames[0] = (count ? `${type + 3}${count}-` : type) + (nsp === "/" ? "" : nsp + ",") + (id ?? "") + (json ?? "");
    return frames;
  },
  reader: (limits: Partial<PacketLimits> = options) => new Reader(limits, options),
});
