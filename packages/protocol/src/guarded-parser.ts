import type { Codec, PacketLimits, PacketReader, PacketSink } from "./codec.ts";
import { ProtocolError, UsageError } from "./errors.ts";
import { checkEventName, checkNamespace, checkPacket, isOver } from "./guarded-codec.ts";
import { CONNECT, EVENT, type Frame, type Packet } from "./packet.ts";
import { createParserCodec, type Parser } from "./parser.ts";

/** What each further chunk of an unfinished packet costs beside its bytes. */
const CHUNK_BYTES = 64;

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const unreadable = (error: unknown): ProtocolError =>
  error instanceof ProtocolError
    ? error
    : new ProtocolError("unreadable_packet", textOf(error) || "unreadable packet", { cause: error });

function packetOf({ type, nsp, data, id }: Packet): Packet {
  // v4's own parser once gave 5 and 6, and servers of v4 take them
  const plain = type === 5 || type === 6 ? ((type - 3) as Packet["type"]) : type;
  return checkPacket({ type: plain, nsp, data: data ?? undefined, id: id ?? undefined });
}

/** Holds a peer, and the parser, to what a server asks. The decoder is made by the first message. */
class GuardedParserReader implements PacketReader {
  readonly #codec: Codec;
  readonly #limits: PacketLimits;
  readonly #sink: PacketSink;
  #reader: PacketReader | undefined;
  /** Bytes that came since the last packet. */
  #size = -CHUNK_BYTES;
  /** What the current `read` has decoded. */
  #decoded: Packet[] | undefined;

  constructor(codec: Codec, limits: PacketLimits, sink: PacketSink) {
    this.#codec = codec;
    this.#limits = limits;
    this.#sink = sink;
  }

  read(frame: Frame): Packet | undefined {
    this.#size += CHUNK_BYTES + (typeof frame === "string" ? frame.length : frame.byteLength);
    if (isOver(this.#size, this.#limits.maxPacketBytes)) throw new ProtocolError("packet_too_large", "invalid payload");
    const decoded: Packet[] = (this.#decoded = []);
    try {
      this.#reader ??= this.#codec.reader(this.#limits, this);
      this.#reader.read(frame);
    } catch (error) {
      throw unreadable(error);
    } finally {
      this.#decoded = undefined;
    }
    const last = decoded.pop();
    // a parser may have held some back
    for (const packet of decoded) this.#sink.onMessage("", packet);
    return last && this.check(last);
  }

  /** The decoder has given a packet, or what it takes for one, within `read` or later. */
  onMessage(_frame: Frame, packet: unknown): void {
    const given = (typeof packet === "object" && packet ? packet : {}) as Packet;
    if (this.#decoded !== undefined) this.#decoded.push(given);
    else this.#sink.onMessage("", given);
  }

  /** A packet in our own shape, of whatever object a decoder has made. */
  check(given: Packet): Packet {
    const size = this.#size;
    this.#size = -CHUNK_BYTES;
    let packet: Packet;
    try {
      packet = packetOf(given);
    } catch (error) {
      throw unreadable(error);
    }
    checkNamespace(packet.nsp, this.#limits);
    if (packet.type === EVENT) checkEventName(packet.data as unknown[], this.#limits);
    if (packet.type === CONNECT && isOver(size, this.#limits.maxAuthBytes)) {
      throw new ProtocolError("auth_too_large", "invalid payload");
    }
    return packet;
  }

  destroy(): undefined {
    this.#reader?.destroy?.();
  }
}

/** @throws TypeError for what cannot be sent: a parser may give anything */
function checkChunks(chunks: readonly Frame[]): void {
  if (chunks.length === 0) throw new TypeError("there are no chunks");
  for (const chunk of chunks) {
    if (typeof chunk !== "string") {
      if (!ArrayBuffer.isView(chunk)) throw new TypeError("a chunk is neither text nor bytes");
    } else if (chunk.includes("\x1e")) throw new TypeError("a chunk holds U+001E, which separates polling packets");
  }
}

const nameOf = ({ type, nsp, data }: Packet): string =>
  type === EVENT && Array.isArray(data) ? `the event "${String(data[0])}"` : `the packet of type ${type} for ${nsp}`;

/**
 * The Codec of servers with the option `parser`. Whatever the parser throws or makes: `encode` throws UsageErrors, by default
 * `unwritable_packet`, and readers throw ProtocolErrors, by default `unreadable_packet`, else with the texts of api P6.
 * Limits hold, but for `maxDepth` and `maxAttachments`, which are the parser's own matter.
 */
export const createGuardedParserCodec = (parser: Parser): Codec => {
  const codec = createParserCodec(parser, (frame) => frame);
  return {
    encode({ type, nsp, data, id }) {
      const packet = { type, nsp, data, id };
      try {
        const chunks = codec.encode(packet);
        checkChunks(chunks);
        return chunks;
      } catch (error) {
        if (error instanceof UsageError) throw error;
        const message = `the parser cannot write ${nameOf(packet)}: ${textOf(error)}`;
        throw new UsageError("unwritable_packet", message, { cause: error });
      }
    },
    reader: (limits, sink) => new GuardedParserReader(codec, limits!, sink!),
  };
};
