import { Buffer } from "node:buffer";
import uWS from "uWebSockets.js";
import { BareServer } from "./bare.mjs";
import { listenInsteadOf } from "./socket.io-uws.mjs";

/** uWebSockets.js alone: what C++ costs. */
export class Server extends BareServer {
  constructor(http) {
    super((text) => text);
    const accept = (webSocket) => {
      webSocket.getUserData().socket = this.accept((text) => webSocket.send(text));
    };
    const app = uWS.App().ws("/*", {
      upgrade(response, request, context) {
        const header = (name) => request.getHeader(name);
        const key = header("sec-websocket-key");
        response.upgrade({}, key, header("sec-websocket-protocol"), header("sec-websocket-extensions"), context);
      },
      open: accept,
      message: (webSocket, bytes) => webSocket.getUserData().socket.receive(Buffer.from(bytes).toString()),
    });
    listenInsteadOf(http, app);
  }
}
