// A Socket.IO client of two keep-alive connections and hand-made requests: one polls, one posts.
import net from "node:net";

const PATH = "/socket.io/?EIO=4&transport=polling";
const HEAD_END = "\r\n\r\n";

/** One connection in the main namespace, by long-polling. Any answer which is not the expected one throws. */
export class PollingClient {
  /** Called once per message with its text. */
  onMessage = (_text) => {};

  #poller;
  #poster;
  #path;

  /** Resolves when the namespace is connected; polls from then on. */
  static async connect(port) {
    const client = new PollingClient();
    client.#poller = new Requests(port);
    client.#poster = new Requests(port);
    client.#path = PATH;
    const open = await client.#get();
    client.#path = `${PATH}&sid=${JSON.parse(open.slice(1)).sid}`;
    await client.post("40");
    const connected = await client.#get();
    if (!connected.startsWith("40{")) throw new Error(`load generator: polled ${connected}`);
    void client.#poll();
    return client;
  }

  /** A POST's bytes, to be made once. */
  request(payload) {
    const lines = [
      `POST ${this.#path} HTTP/1.1`,
      "Host: 127.0.0.1",
      "Content-Type: text/plain;charset=UTF-8",
      `Content-Length: ${Buffer.byteLength(payload)}`,
    ];
    return `${lines.join("\r\n")}${HEAD_END}${payload}`;
  }

  post(payload) {
    return this.send(this.request(payload));
  }

  /** Sends what `request` made. */
  async send(request) {
    const answer = await this.#poster.send(request);
    if (answer !== "ok") throw new Error(`load generator: posted, and got ${answer}`);
  }

  /** Ends both connections, in the middle of a poll. */
  close() {
    this.#poller.close();
    this.#poster.close();
  }

  #get() {
    return this.#poller.send(`GET ${this.#path} HTTP/1.1\r\nHost: 127.0.0.1${HEAD_END}`);
  }

  async #poll() {
    for (;;) {
      for (const packet of (await this.#get()).split("\x1e")) {
        if (packet === "2") void this.post("3");
        else if (packet !== "6") this.onMessage(packet);
      }
    }
  }
}

/** One keep-alive connection: requests one after the other. Answers must be 200 with a Content-Length. */
class Requests {
  #socket;
  #text = "";
  #waiting = [];

  constructor(port) {
    this.#socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.setEncoding("latin1"); // everything the cases exchange is ASCII
    this.#socket.on("data", (text) => this.#read(text));
    this.#socket.on("close", () => {
      throw new Error("load generator: the server closed the connection");
    });
  }

  close() {
    this.#socket.removeAllListeners("close").destroy();
  }

  send(request) {
    this.#socket.write(request, "latin1");
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #read(text) {
    this.#text += text;
    for (;;) {
      const headEnd = this.#text.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const head = this.#text.slice(0, headEnd);
      const length = /^content-length: (\d+)/im.exec(head)?.[1];
      if (!head.startsWith("HTTP/1.1 200 ") || length === undefined) throw new Error(`load generator: ${head}`);
      const start = headEnd + HEAD_END.length;
      const end = start + Number(length);
      if (this.#text.length < end) return;
      const body = this.#text.slice(start, end);
      this.#text = this.#text.slice(end);
      this.#waiting.shift()(body);
    }
  }
}
