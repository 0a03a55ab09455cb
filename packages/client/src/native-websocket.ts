import { TransportError } from "@bowline/protocol";
import { type Opener, requestUrl } from "./transport.ts";

/** The platform's WebSocket (engine-protocol §5): one packet per message. */
export const webSocket: Opener = (context) => {
  const socket = new WebSocket(requestUrl(context, "ws"), context.options.protocols);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => context.handshake && socket.send("2probe");
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
    context.receive(typeof data === "string" ? data : new Uint8Array(data));
  socket.onclose = (event) => context.onLost({ description: "websocket connection closed", context: event });
  socket.onerror = (event) => context.onLost(new TransportError("websocket error", event, socket));

  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send(packets) {
      // they are never in shared memory
      for (const packet of packets) socket.send(packet as string);
      return [];
    },
    close() {
      socket.onmessage = null;
      socket.close();
    },
  };
};
