import { WebSocketServer } from "ws";
import { BareServer } from "./bare.mjs";

/** The `ws` package alone, as its users use it: one send per client. */
export class Server extends BareServer {
  constructor(http) {
    super((text) => text);
    new WebSocketServer({ server: http }).on("connection", (webSocket) => {
      const socket = this.accept((text) => webSocket.send(text));
      webSocket.on("message", (bytes) => socket.receive(bytes.toString()));
    });
  }
}
