// The entry `bowline-client/msgpack`: `io(url, { parser: await import("bowline-client/msgpack") })`.
import { createMsgpackParser, type MsgpackParser } from "@bowline/protocol";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const parser: MsgpackParser = createMsgpackParser({
  text: {
    utf8Length: (text) => encoder.encode(text).length,
    utf8Write: (target, text, offset) => encoder.encodeInto(text, target.subarray(offset)).written,
    utf8ReadFatal: (bytes) => decoder.decode(bytes),
  },
  fromBinary: (bytes) => bytes.slice().buffer,
});

/** Writes packets as MessagePack, each as one binary message. */
export const Encoder: MsgpackParser["Encoder"] = parser.Encoder;
/** Reads them; listeners get ArrayBuffers. */
export const Decoder: MsgpackParser["Decoder"] = parser.Decoder;
export { PacketType, protocol } from "@bowline/protocol";
export type { MsgpackParser, Parser, ParserPacket } from "@bowline/protocol";
