import { Server as OfficialServer } from "socket.io";
import uWS from "uWebSockets.js";

/** The official server on uWebSockets.js. It has a port of its own: the harness's HTTP server only says which. */
export class Server extends OfficialServer {
  constructor(http) {
    super();
    const app = uWS.App();
    this.attachApp(app);
    listenInsteadOf(http, app);
  }
}

/** Lets `http.listen` and `http.address` speak for a uWebSockets.js app. */
export function listenInsteadOf(http, app) {
  let port = 0;
  http.listen = (_port, host, done) => {
    app.listen(host, 0, (token) => {
      if (!token) throw new Error("uWebSockets.js cannot listen");
      port = uWS.us_socket_local_port(token);
      done();
    });
    return http;
  };
  http.address = () => ({ port, family: "IPv4", address: "127.0.0.1" });
}
