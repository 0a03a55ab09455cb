import type { Codec } from "./codec.ts";
import type { Frame, Packet } from "./packet.ts";
import { toAttachment } from "./socket-codec.ts";

/** A packet as v4's parsers know it. Their decoders may also give the types 5 and 6, which count as 2 and 3. */
export interface ParserPacket {
  /** One of `PacketType`. */
  type: number;
  /** Namespace, with its leading slash. */
  nsp: string;
  /** The payload: of events and acknowledgements a list, of CONNECT_ERROR an object with `message`. */
  data?: unknown;
  /** Set if an answer is wanted, or if this is one. */
  id?: number | undefined;
  /** How many binary chunks follow. */
  attachments?: number | undefined;
}

/** Writes the packets of one server, or of one manager. */
export interface ParserEncoder {
  /** A list of the packet's chunks in sending order: strings, Buffers, ArrayBuffers or their views. */
  encode(packet: ParserPacket): unknown;
}

/** Reads the chunks of one connection. */
export interface ParserDecoder {
  /** Takes the next chunk: a string; or a Buffer, in browsers an ArrayBuffer. Throws to end the connection. */
  add(chunk: unknown): unknown;
  /** `decoded` is to be fired with each packet, at once or later. */
  on(event: "decoded", listener: (packet: ParserPacket) => void): unknown;
  /** The connection has ended. */
  destroy?(): void;
}

/**
 * A wire format by v4's contract: what the option `parser` takes (api.md P5). Both sides must use the same.
 * @example io(url, { parser: await import("socket.io-msgpack-parser") })
 */
export interface Parser {
  /** Writes packets. */
  readonly Encoder: new () => ParserEncoder;
  /** Reads what the encoder wrote. */
  readonly Decoder: new () => ParserDecoder;
}

/**
 * The Codec that a parser is. Servers ask more of a peer, and of a parser: `createGuardedParserCodec`.
 * @param toChunk what decoders get for a message
 */
export const createParserCodec = (parser: Parser, toChunk: (frame: Frame) => unknown): Codec => {
  const encoder = new parser.Encoder();
  return {
    encode: (packet) =>
      (encoder.encode(packet as ParserPacket) as Frame[]).map((chunk) => toAttachment(chunk) ?? chunk),
    reader(_limits, sink) {
      const decoder = new parser.Decoder();
      decoder.on("decoded", (packet) => {
        sink?.onMessage("", packet as Packet);
      });
      return {
        read: (frame) => void decoder.add(toChunk(frame)),
        destroy() {
          sink = undefined;
          try {
            decoder.destroy?.();
          } catch {
            // the connection has ended anyway
          }
        },
      };
    },
  };
};
