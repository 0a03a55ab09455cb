// The entry `bowline-client/parser`: the default format as v4's classes, for own replacers, revivers and limits.
import { createJsonParser, type JsonParser } from "@bowline/protocol";

const parser: JsonParser = createJsonParser({ fromAttachment: (bytes) => bytes.slice().buffer });

/** Writes packets as JSON with binary attachments. Takes a replacer of JSON.stringify. */
export const Encoder: JsonParser["Encoder"] = parser.Encoder;
/** Reads them. Takes a reviver of JSON.parse, or `{ reviver, maxAttachments }`. */
export const Decoder: JsonParser["Decoder"] = parser.Decoder;
export { isPacketValid, PacketType, protocol } from "@bowline/protocol";
export type { JsonDecoderOptions, JsonParser, Parser, ParserPacket, Replacer, Reviver } from "@bowline/protocol";
