// The entry `bowline-client/msgpack` in Node.js.
import { createMsgpackParser, type MsgpackParser } from "@bowline/protocol";
import { nodeBytes, toBuffer } from "./node/bytes.ts";

const parser: MsgpackParser = createMsgpackParser({
  text: nodeBytes,
  fromBinary: toBuffer,
});

/** Writes packets as MessagePack, each as one binary message. */
export const Encoder: MsgpackParser["Encoder"] = parser.Encoder;
/** Reads them; listeners get Buffers. */
export const Decoder: MsgpackParser["Decoder"] = parser.Decoder;
export { PacketType, protocol } from "@bowline/protocol";
export type { MsgpackParser, Parser, ParserPacket } from "@bowline/protocol";
