import { BareServer } from "./bare.mjs";

const SID = /&sid=([^&]+)/;

/** Node's own http, one answer per poll: what its parser, its request and response objects and two writes cost. */
export class Server extends BareServer {
  #polls = new Map();
  #opened = 0;

  constructor(http) {
    super((text) => text);
    http.on("request", (request, response) => {
      const sid = SID.exec(request.url)?.[1];
      if (sid === undefined) this.#open(String(++this.#opened), response);
      else if (request.method === "GET") this.#polls.get(sid).poll(response);
      else
        read(request, (body) => {
          this.#polls.get(sid).socket.receive(body);
          answer(response, "text/html", "ok");
        });
    });
  }

  #open(sid, response) {
    const polls = new Polls();
    this.#polls.set(sid, polls);
    polls.poll(response);
    polls.socket = this.accept((text) => polls.send(text.replace('"sid":"bare"', `"sid":"${sid}"`)));
  }
}

/** What waits for a poll, or the poll that waits. */
class Polls {
  socket;
  #waiting = [];
  #held;

  send(text) {
    this.#waiting.push(text);
    if (this.#held !== undefined) this.poll(this.#held);
  }

  poll(response) {
    this.#held = this.#waiting.length === 0 ? response : undefined;
    if (this.#held === undefined) answer(response, "text/plain; charset=UTF-8", this.#waiting.splice(0).join("\x1e"));
  }
}

function answer(response, type, body) {
  response.writeHead(200, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

function read(request, done) {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => done(Buffer.concat(chunks).toString()));
}
