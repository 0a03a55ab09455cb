import {
  BinaryPayloadReader3,
  binaryPacket3,
  encodePayload,
  encodePayload3,
  type Frame,
  jsonpScript,
  PayloadReader,
  readBinaryPacket3,
  readJsonpForm,
  readTextPacket,
  readTextPacket3,
  textPacket3,
  TextPayloadReader3,
} from "@bowline/protocol";
import { bufferBytes } from "../buffer-bytes.ts";

/** Pulls packets out of a payload. */
export interface FrameReader {
  /** @throws ProtocolError */
  next(): Frame | undefined;
}

/** A body of HTTP. */
export interface PollBody {
  readonly type: "text/plain; charset=UTF-8" | "application/octet-stream" | "text/javascript; charset=UTF-8";
  readonly body: string | Uint8Array;
}

/** How the packets of a polling session look in its requests and answers. */
export interface PollFormat {
  encode(packets: readonly Frame[]): PollBody;
  /** @throws ProtocolError, also later, from the reader */
  readText(payload: string): FrameReader;
  /** For bodies of type `application/octet-stream`; undefined where there are none. */
  readonly readBinary?: (payload: Uint8Array) => FrameReader;
}

const text = (body: string): PollBody => ({ type: "text/plain; charset=UTF-8", body });

/** Engine.IO 4 (engine-protocol §4). */
export const pollFormat4: PollFormat = {
  encode(packets) {
    const [first] = packets;
    const isOne = packets.length === 1 && typeof first === "string";
    return text(isOne ? first : encodePayload(packets, bufferBytes));
  },
  readText: (payload) => new PayloadReader(payload, bufferBytes),
};

/** Engine.IO 3 (engine-protocol §12). */
export const pollFormat3 = (supportsBinary: boolean): PollFormat => ({
  encode(packets) {
    const body = encodePayload3(packets, bufferBytes, supportsBinary);
    return typeof body === "string" ? text(body) : { type: "application/octet-stream", body };
  },
  readText: (payload) => new TextPayloadReader3(payload, bufferBytes),
  readBinary: (payload) => new BinaryPayloadReader3(payload, bufferBytes),
});

/**
 * The same in scripts and forms (engine-protocol §11).
 * @param index what the parameter `j` says
 */
export const jsonpFormat = (index: string, protocol: 3 | 4): PollFormat => {
  const { encode, readText } = protocol === 3 ? pollFormat3(false) : pollFormat4;
  return {
    encode: (packets) => ({
      type: "text/javascript; charset=UTF-8",
      body: jsonpScript(index, String(encode(packets).body)),
    }),
    readText: (form) => readText(readJsonpForm(form)),
  };
};

/** How packets look in the messages of a WebSocket, where that is not as they are. */
export interface WebSocketFormat {
  /** @throws ProtocolError */
  readonly readPacket?: ((message: Frame) => Frame) | undefined;
  readonly writePacket?: ((packet: Frame) => Frame) | undefined;
}

const readBase64 = (message: Frame): Frame =>
  typeof message === "string" ? readTextPacket(message, bufferBytes) : message;

/** @param isLenient whether text `b…` is binary although the client has not asked for it */
export function webSocketFormat(protocol: 3 | 4, base64: boolean, isLenient: boolean): WebSocketFormat {
  if (protocol === 3) return base64 ? base64Format3 : binaryFormat3;
  return { readPacket: base64 || isLenient ? readBase64 : undefined, writePacket: base64 ? base64Packet : undefined };
}

const base64Packet = (packet: Frame): Frame => (typeof packet === "string" ? packet : `b${bufferBytes.base64(packet)}`);

const binaryFormat3: WebSocketFormat = {
  readPacket: (message) => (typeof message === "string" ? message : readBinaryPacket3(message)),
  writePacket: (packet) => (typeof packet === "string" ? packet : binaryPacket3(packet, bufferBytes)),
};

const base64Format3: WebSocketFormat = {
  readPacket: (message) =>
    typeof message === "string" ? readTextPacket3(message, bufferBytes) : readBinaryPacket3(message),
  writePacket: (packet) => textPacket3(packet, bufferBytes),
};
