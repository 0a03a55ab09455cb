import { detaching, type Replacer } from "./detach.ts";
import { ProtocolError } from "./errors.ts";
import { checkPacket, GuardedReader } from "./guarded-codec.ts";
import { ACK, EVENT, type Frame, type Packet } from "./packet.ts";
import type { ParserPacket } from "./parser.ts";
import { DecoderEmitter } from "./parser-events.ts";
import { createJsonCodec, type JsonCodecOptions, toAttachment } from "./socket-codec.ts";

/** What JSON.parse takes as its second argument. */
export type Reviver = (this: unknown, key: string, value: unknown) => unknown;

/** Options of the JSON decoder. */
export interface JsonDecoderOptions {
  /** Changes what JSON.parse gives. @default none */
  reviver?: Reviver;
  /** Binary attachments per packet. @default 10 */
  maxAttachments?: number;
}

/** The JSON format as a parser (api.md P5). */
export interface JsonParser {
  /** Writes packets: a text, then one chunk per attachment. */
  readonly Encoder: new (replacer?: Replacer) => { encode(packet: ParserPacket): Frame[] };
  /** Reads what the encoder wrote, chunk by chunk, and fires `decoded`. */
  readonly Decoder: new (options?: JsonDecoderOptions | Reviver) => DecoderEmitter & { add(chunk: unknown): void };
}

class RevivingReader extends GuardedReader {
  readonly #reviver: Reviver;

  constructor(limits: ConstructorParameters<typeof GuardedReader>[0], options: JsonCodecOptions, reviver: Reviver) {
    super(limits, options);
    this.#reviver = reviver;
  }

  protected override parse(text: string, start: number, nsp: string): unknown {
    const data = super.parse(text, start, nsp);
    if (start >= text.length) return data;
    try {
      return JSON.parse(text.slice(start), this.#reviver);
    } catch (error) {
      throw new ProtocolError("invalid_payload", "invalid payload", { cause: error });
    }
  }
}

/**
 * Makes the classes of the default format, for those who want a replacer, a reviver or other limits.
 * @param options what listeners get for an attachment
 * @example new Server({ parser: { Encoder, Decoder: class extends Decoder { constructor() { super(reviver); } } } })
 */
export const createJsonParser = (options: Pick<JsonCodecOptions, "fromAttachment">): JsonParser => ({
  Encoder: class {
    readonly #codec;
    readonly #replacer: Replacer | undefined;

    constructor(replacer?: Replacer) {
      this.#replacer = replacer;
      this.#codec = createJsonCodec({ ...options, stringifyPayload: detaching(toAttachment, replacer) });
    }

    encode({ type, nsp, data, id }: ParserPacket): Frame[] {
      const isPlain = type !== EVENT && type !== ACK && data !== undefined && this.#replacer !== undefined;
      const given: unknown = isPlain ? JSON.parse(JSON.stringify(data, this.#replacer)) : data;
      return this.#codec.encode({ type, nsp, data: given, id } as Packet);
    }
  },
  Decoder: class extends DecoderEmitter {
    readonly #reader: GuardedReader;

    constructor(given: JsonDecoderOptions | Reviver = {}) {
      super();
      const all: JsonDecoderOptions = typeof given === "function" ? { reviver: given } : given;
      const { reviver } = all;
      // in brackets: browser builds shorten the name elsewhere
      const limits = { ...NO_LIMITS, maxAttachments: all["maxAttachments"] ?? 10 };
      this.#reader = reviver ? new RevivingReader(limits, options, reviver) : new GuardedReader(limits, options);
    }

    add(chunk: unknown): void {
      const frame = typeof chunk === "string" ? chunk : (toAttachment(chunk) ?? (chunk as Frame));
      const packet = this.#reader.read(frame);
      if (packet !== undefined) this.give(packet as ParserPacket);
    }
  },
});

const NO_LIMITS = { maxPacketBytes: 0, maxDepth: 0, maxEventNameBytes: 0, maxNamespaceBytes: 0, maxAuthBytes: 0 };

/** Whether a packet has the shape that its type asks for. Types 5 and 6 are none here: they exist on the wire only. */
export const isPacketValid = (packet: ParserPacket): boolean => {
  try {
    checkPacket(packet as Packet);
    return true;
  } catch {
    return false;
  }
};
