import type { Bytes } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";
import { checkPacket } from "./guarded-codec.ts";
import { decodeMsgpack, type MsgpackReaderOptions } from "./msgpack-reader.ts";
import { encodeMsgpack } from "./msgpack-writer.ts";
import type { Packet } from "./packet.ts";
import type { ParserPacket } from "./parser.ts";
import { DecoderEmitter } from "./parser-events.ts";
import { toAttachment } from "./socket-codec.ts";

/** What the msgpack parser needs of its platform. */
export interface MsgpackPlatform extends Pick<MsgpackReaderOptions, "fromBinary"> {
  /** How the platform writes and reads UTF-8. */
  readonly text: Pick<Bytes, "utf8Length" | "utf8Write" | "utf8ReadFatal">;
}

/** MessagePack as a parser (api.md P6). */
export interface MsgpackParser {
  /** Writes packets, each as one binary message. */
  readonly Encoder: new () => { encode(packet: ParserPacket): Uint8Array[] };
  /** Reads what the encoder wrote and fires `decoded`. */
  readonly Decoder: new () => DecoderEmitter & { add(chunk: unknown): void };
}

/**
 * Makes the parser of socket-protocol §9: each packet is one binary message, the map of its fields. It understands
 * `socket.io-msgpack-parser`, and is understood by it. Decoders throw ProtocolErrors, with the texts of api P6.
 */
export const createMsgpackParser = ({ text, fromBinary }: MsgpackPlatform): MsgpackParser => ({
  Encoder: class {
    encode({ type, nsp, data, id }: ParserPacket): Uint8Array[] {
      return [encodeMsgpack({ type, data, id, nsp }, text)];
    }
  },
  Decoder: class extends DecoderEmitter {
    add(chunk: unknown): void {
      const bytes = toAttachment(chunk);
      if (!(bytes instanceof Uint8Array)) throw new ProtocolError("unexpected_text", "invalid payload");
      this.give(packetOf(decodeMsgpack(bytes, { text, fromBinary })) as ParserPacket);
    }
  },
});

/** Our own fields; official clients add others. */
function packetOf(value: unknown): Packet {
  if (typeof value !== "object" || value === null)
    throw new ProtocolError("invalid_packet_type", "invalid packet type");
  const { type, nsp, data, id } = value as Packet;
  return checkPacket({ type, nsp, data: data ?? undefined, id: id ?? undefined });
}
