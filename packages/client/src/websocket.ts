import { readTextPacket, TransportError } from "@bowline/protocol";
import { requestUrl, type Transport, type TransportContext } from "./transport.ts";

/** The platform's WebSocket (engine-protocol §5): one packet per message. */
export const webSocket = (context: TransportContext): Transport => {
  const { options, platform, greeting } = context;
  const { bytes, now } = platform;
  const base64 = options.forceBase64 && bytes;
  const socket = new WebSocket(requestUrl(context, "ws"), options.protocols);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => greeting && socket.send(greeting);
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
    context.receiver.receive(
      typeof data !== "string" ? new Uint8Array(data) : base64 ? readTextPacket(data, base64) : data,
      now(),
    );
  socket.onclose = (event) => context.onClose({ description: "websocket connection closed", context: event });
  socket.onerror = (event) => context.onClose(new TransportError("websocket error", event, socket));

  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    send(packets) {
      for (const packet of packets)
        // packets are never in shared memory
        socket.send(base64 && typeof packet !== "string" ? "b" + bytes.base64(packet) : (packet as string));
      return [];
    },
    close() {
      socket.onmessage = null;
      socket.close();
    },
  };
};
