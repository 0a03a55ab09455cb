import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { DEFLATE_OFFER, readDeflateAnswer } from "@bowline/protocol";
import type { TransportOptions } from "../engine-options.ts";

// RFC 6455 §1.3
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Headers that ask for a WebSocket. */
export const upgradeHeaders = (
  key: string,
  { protocols, perMessageDeflate = true }: TransportOptions,
): Record<string, string> => ({
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": key,
  ...(protocols?.length && { "Sec-WebSocket-Protocol": String(protocols) }),
  ...(perMessageDeflate && { "Sec-WebSocket-Extensions": DEFLATE_OFFER }),
});

/** What a server has agreed to. */
export interface UpgradeTerms {
  /** The window for what the client deflates, in bits; undefined: nothing is deflated. */
  readonly windowBits: number | undefined;
}

/** Reads the answer to an upgrade. Undefined: it is no answer to what was asked (RFC 6455 §4.1). */
export const readUpgradeAnswer = (
  headers: IncomingHttpHeaders,
  key: string,
  { protocols, perMessageDeflate = true }: TransportOptions,
): UpgradeTerms | undefined => {
  const protocol = headers["sec-websocket-protocol"];
  const extensions = headers["sec-websocket-extensions"];
  const accept = createHash("sha1")
    .update(key + GUID)
    .digest("base64");
  const windowBits = extensions === undefined || !perMessageDeflate ? undefined : readDeflateAnswer(extensions);
  const isAnswer =
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers["sec-websocket-accept"] === accept &&
    (protocol === undefined || [protocols].flat().includes(protocol)) &&
    (extensions === undefined || windowBits !== undefined);
  return isAnswer ? { windowBits } : undefined;
};
