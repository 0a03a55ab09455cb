// The entry `bowline-client/parser` in Node.js.
import { createJsonParser, type JsonParser } from "@bowline/protocol";
import { toBuffer } from "./node/bytes.ts";

const parser: JsonParser = createJsonParser({
  fromAttachment: toBuffer,
});

/** Writes packets as JSON with binary attachments. Takes a replacer of JSON.stringify. */
export const Encoder: JsonParser["Encoder"] = parser.Encoder;
/** Reads them. Takes a reviver of JSON.parse, or `{ reviver, maxAttachments }`. */
export const Decoder: JsonParser["Decoder"] = parser.Decoder;
export { isPacketValid, PacketType } from "@bowline/protocol";
export type { JsonDecoderOptions, JsonParser, Parser, ParserPacket, Replacer, Reviver } from "@bowline/protocol";

/** The version of the Socket.IO protocol. */
export const protocol = 5;
