// The least of Socket.IO on top of a bare WebSocket: as much of the API and the wire as the cases use, and nothing else.
// Not an implementation: no heartbeat, no limits, no errors. It shows what the layer below costs by itself.

export class BareSocket {
  #listeners = new Map();
  #rooms;
  #onConnect;

  /** `send(text)` writes one text message; its owner calls `receive(text)`. */
  constructor(send, rooms, onConnect) {
    this.send = send;
    this.#rooms = rooms;
    this.#onConnect = onConnect;
    send('0{"sid":"bare","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}');
  }

  on(event, listener) {
    this.#listeners.set(event, listener);
  }

  join(room) {
    if (!this.#rooms.has(room)) this.#rooms.set(room, new Set());
    this.#rooms.get(room).add(this);
  }

  receive(text) {
    if (text === "40") {
      this.send('40{"sid":"bare"}');
      this.#onConnect(this);
    } else if (text.startsWith("42")) this.#dispatch(text);
  }

  #dispatch(text) {
    const start = text.indexOf("[");
    const id = text.slice(2, start);
    const [event, ...args] = JSON.parse(text.slice(start));
    if (id !== "") args.push((...answer) => this.send(`43${id}${JSON.stringify(answer)}`));
    this.#listeners.get(event)(...args);
  }
}

export class BareServer {
  #sockets = new Set();
  #rooms = new Map();
  #onConnection = () => {};
  #encode;

  /** `encode(text)` gives the form that a broadcast hands to every `send`. */
  constructor(encode) {
    this.#encode = encode;
  }

  on(_connection, listener) {
    this.#onConnection = listener;
  }

  emit(...args) {
    this.#broadcast(this.#sockets, args);
  }

  to(room) {
    return { emit: (...args) => this.#broadcast(this.#rooms.get(room), args) };
  }

  /** @returns {BareSocket} */
  accept(send) {
    return new BareSocket(send, this.#rooms, (socket) => {
      this.#sockets.add(socket);
      this.#onConnection(socket);
    });
  }

  #broadcast(sockets, args) {
    const message = this.#encode(`42${JSON.stringify(args)}`);
    for (const socket of sockets) socket.send(message);
  }
}
