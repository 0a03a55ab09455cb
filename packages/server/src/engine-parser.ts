import { type Frame, readTextPacket, SEPARATOR } from "@bowline/protocol";
import { bufferBytes } from "./buffer-bytes.ts";
import { describe, PACKET_NAMES, type PacketView } from "./connection-events.ts";

const PARSE_ERROR: PacketView = { type: "error", data: "parser error" };

interface EngineParser {
  readonly protocol: number;
  /** @param supportsBinary false = bytes become base64 text */
  encodePacket(packet: PacketView, supportsBinary: boolean, callback: (encoded: Frame) => void): void;
  encodePayload(packets: readonly PacketView[], callback: (encoded: string) => void): void;
  /** What is no packet has the type "error". */
  decodePacket(encoded: Frame): PacketView;
  /** The packets up to the first one that is none. */
  decodePayload(encoded: string): PacketView[];
}

/** v4's `parser` (api.md ES1): Engine.IO packets as objects. The engine itself does not need it. */
export const parser: EngineParser = {
  protocol: 4,

  encodePacket(packet, supportsBinary, callback) {
    callback(encode(packet, supportsBinary));
  },

  encodePayload(packets, callback) {
    callback(packets.map((packet) => encode(packet, false)).join(SEPARATOR));
  },

  decodePacket(encoded) {
    try {
      return describe(typeof encoded === "string" ? readTextPacket(encoded, bufferBytes) : encoded);
    } catch {
      return PARSE_ERROR;
    }
  },

  decodePayload(encoded) {
    const packets: PacketView[] = [];
    for (const each of encoded.split(SEPARATOR)) {
      packets.push(parser.decodePacket(each));
      if (packets.at(-1) === PARSE_ERROR) break;
    }
    return packets;
  },
};

function encode({ type, data }: PacketView, supportsBinary: boolean): Frame {
  if (typeof data === "object") return supportsBinary ? data : `b${bufferBytes.base64(data)}`;
  return `${PACKET_NAMES.indexOf(type)}${data ?? ""}`;
}
