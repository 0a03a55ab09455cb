import { encodePayload, TransportError } from "@bowline/protocol";
import { readPacket, requestUrl, type Transport, type TransportContext } from "./transport.ts";

/** The platform's WebSocket (engine-protocol §5): one packet per message. */
export const webSocket = (context: TransportContext): Transport => {
  const { options, upgrades } = context;
  const { bytes, now } = context.platform;
  const socket = new WebSocket(requestUrl(context, "ws"), options.protocols);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => upgrades && socket.send("2probe");
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
    context.receive(typeof data === "string" ? readPacket(data, bytes) : new Uint8Array(data), now());
  socket.onclose = (event) => context.onClose({ description: "websocket connection closed", context: event });
  socket.onerror = (event) => context.onClose(new TransportError("websocket error", event, socket));

  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send(packets) {
      for (const packet of packets)
        // packets are never in shared memory
        socket.send(options.forceBase64 ? encodePayload([packet], bytes) : (packet as string));
      return [];
    },
    close() {
      socket.onmessage = null;
      socket.close();
    },
  };
};
