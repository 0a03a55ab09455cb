import { inBase64 } from "../base64.ts";
import { polling } from "../polling.ts";
import type { Opener } from "../transport.ts";
import { besideWebSocket } from "../webtransport-candidate.ts";
import { webTransportStream } from "../webtransport-stream.ts";
import { nodeBytes } from "./bytes.ts";
import { request } from "./polling.ts";
import { webSocket } from "./websocket.ts";

const websocket = inBase64(nodeBytes, webSocket);

/** All transports of Node.js. Nobody counts bytes here: WebTransport is built in. */
export const transports: Record<string, Opener> = {
  websocket,
  polling: polling(request, nodeBytes),
  webtransport: besideWebSocket(webTransportStream, websocket),
};
