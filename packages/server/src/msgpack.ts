// The entry `bowline/msgpack`: `new Server({ parser: await import("bowline/msgpack") })`.
import { createMsgpackParser, type MsgpackParser } from "@bowline/protocol";
import { asBuffer, bufferBytes } from "./buffer-bytes.ts";

const parser: MsgpackParser = createMsgpackParser({
  text: bufferBytes,
  fromBinary: asBuffer,
});

/** Writes packets as MessagePack, each as one binary message. */
export const Encoder: MsgpackParser["Encoder"] = parser.Encoder;
/** Reads them; listeners get Buffers. */
export const Decoder: MsgpackParser["Decoder"] = parser.Decoder;
export { PacketType, protocol } from "@bowline/protocol";
export type { MsgpackParser, Parser, ParserPacket } from "@bowline/protocol";
