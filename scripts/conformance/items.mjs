/**
 * One thing that Socket.IO v4 offers. `differs` names rows of docs/differences.md by their subject; `notYet` is part of
 * an entry of its list "Not there yet", and has no effect once that entry is gone.
 *
 * @typedef {object} Item
 * @property {string} id as tests name it in their titles
 * @property {string} title
 * @property {readonly string[]} [differs]
 * @property {string} [notYet]
 * @property {string} [notOffered] why it never will be
 * @property {string} [later] why not now
 */

/** @type {readonly { title: string, items: readonly Item[] }[]} */
export const sections = [
  {
    title: "Engine.IO protocol",
    items: [
      { id: "E1", title: "Packet types", differs: ["`1` on WebSocket", "A pong that nobody waits for"] },
      { id: "E2", title: "Query parameters of requests", differs: ["`EIO`, `transport` or `sid` twice"] },
      { id: "E3", title: "The open packet" },
      { id: "E4", title: "Session ids of 20 characters", differs: ["Session and socket ids"] },
      { id: "E5", title: "Polling: payloads, answers and their headers", differs: ["Every answer of the engine"] },
      { id: "E6", title: "WebSocket: one packet per frame", differs: ["`b…` text on a WebSocket without `b64`"] },
      { id: "E7", title: "WebTransport framing" },
      { id: "E8", title: "Heartbeat", differs: ["A deadline that passed while the process stood still"] },
      { id: "E9", title: "Upgrade", differs: ["`5` on a candidate while a GET is held"] },
      { id: "E10", title: "HTTP errors" },
      { id: "E11", title: "Refused upgrades" },
      { id: "E12", title: "Contexts of `connection_error`" },
      {
        id: "E13",
        title: "Other statuses: sizes, overlaps, methods",
        differs: ["A method other than GET and POST, with a `sid`", "A POST that is too large"],
      },
      { id: "E14", title: "Polling: the close waits for a poll" },
      { id: "E15", title: "Protocol 3 (`allowEIO3`) and JSONP" },
    ],
  },
  {
    title: "Engine.IO server",
    items: [
      { id: "ES1", title: "Statics of the engine, and its use without Socket.IO" },
      { id: "ES2", title: "Options of the engine", differs: ["`wsEngine`"] },
      { id: "ES3", title: "Options of `attach`" },
      { id: "ES4", title: "`io.engine`: fields and methods", differs: ["`io.engine.clients`", "`generateId`"] },
      { id: "ES5", title: "`io.engine`: events" },
      { id: "ES6", title: "Order of what decides about a request" },
      { id: "ES7", title: "`socket.conn`: fields and methods", differs: ["`socket.request`, `conn.request`"] },
      { id: "ES8", title: "`socket.conn`: events and reasons" },
      { id: "ES9", title: "Texts of transport errors" },
      {
        id: "ES10",
        title: "Bounded outbox, compression per packet, cookie on the 101",
        differs: ["A peer that does not read", "`cookie`"],
      },
      { id: "ES11", title: "WebTransport: authorization and request" },
      {
        id: "ES12",
        title: "uWebSockets.js",
        notOffered:
          "Bowline frames WebSockets itself and shares their bytes between connections, on Node's own sockets.",
      },
    ],
  },
  {
    title: "Engine.IO client",
    items: [
      { id: "EC1", title: "Exports of the engine", differs: ["Transport classes of `engine.io-client`"] },
      { id: "EC2", title: "Options of transports", differs: ["No option `transports`"] },
      { id: "EC3", title: "`manager.engine`: events" },
      { id: "EC4", title: "Texts of transport errors" },
      { id: "EC5", title: "Offline, and closes of the peer" },
      {
        id: "EC6",
        title: "Upgrades, batches of polling, writability",
        differs: [
          "`writable` of a WebSocket",
          "Batches of polling",
          "A packet over polling that is too large for the server",
        ],
      },
      { id: "EC7", title: "A heartbeat that was missed while asleep" },
    ],
  },
  {
    title: "Socket.IO protocol",
    items: [
      { id: "P1", title: "Packet types and their texts" },
      {
        id: "P2",
        title: "CONNECT and its answers",
        differs: ["Two CONNECTs for one namespace, also while middlewares run"],
      },
      { id: "P3", title: "Payloads of EVENT, ACK and DISCONNECT" },
      {
        id: "P4",
        title: "Errors of the decoder",
        differs: ["An EVENT without payload, a placeholder used twice or never, an id of more than 15 digits"],
      },
      {
        id: "P5",
        title: "Encoder and Decoder, custom parsers, binary values, `toJSON`, dates",
      },
      { id: "P6", title: "msgpack" },
    ],
  },
  {
    title: "Server",
    items: [
      { id: "S1", title: "Constructor and exports" },
      { id: "S2", title: "Options" },
      { id: "S3", title: "Getters and setters, fields" },
      { id: "S4", title: "`attach` and `listen`", differs: ["A server with `insecureHTTPParser`"] },
      {
        id: "S5",
        title: "`of`, `onconnection`, `bind`, `attachApp`",
        differs: ["Patterns with `g` or `y`"],
        notOffered: "`bind` of a foreign engine and `attachApp`: see ES12. Both throw `not_offered`.",
      },
      { id: "S6", title: "Files of the client" },
      { id: "S7", title: "The main namespace's face" },
      { id: "S8", title: "`close`" },
      { id: "S9", title: "Events" },
    ],
  },
  {
    title: "Namespaces and middlewares",
    items: [
      { id: "N1", title: "Fields, immutable operators", differs: ["Modifiers, such as `socket.volatile`"] },
      { id: "N2", title: "Middlewares", differs: ["A middleware of a namespace throws or rejects"] },
      { id: "N3", title: "Order of joining" },
      { id: "N4", title: "`join` within a middleware" },
      { id: "N5", title: "Parent namespaces" },
      { id: "N6", title: "Reserved names" },
      { id: "N7", title: "Clients that join nothing" },
    ],
  },
  {
    title: "Sockets of the server",
    items: [
      { id: "K1", title: "Fields" },
      { id: "K2", title: "`handshake`" },
      { id: "K3", title: "Methods" },
      {
        id: "K4",
        title: "Acknowledgements",
        differs: ["Acknowledgements without `.timeout()`", "Acknowledgements of a client that leaves"],
      },
      { id: "K5", title: "Order of dispatch, errors of listeners", differs: ["A listener throws or rejects"] },
      { id: "K6", title: "`disconnecting` and `disconnect`" },
      { id: "K7", title: "Parse errors" },
      { id: "K8", title: "`disconnect(close)`" },
      { id: "K9", title: "Volatile", differs: ["Volatile"] },
      { id: "K10", title: "Several values in one acknowledgement" },
    ],
  },
  {
    title: "Broadcasts",
    items: [
      { id: "B1", title: "Whom a broadcast reaches" },
      { id: "B2", title: "Acknowledgements of broadcasts", differs: ["Acknowledgements without `.timeout()`"] },
      { id: "B3", title: "`fetchSockets`, `allSockets`, remote sockets" },
      { id: "B4", title: "`socketsJoin`, `socketsLeave`, `disconnectSockets`" },
      { id: "B5", title: "`serverSideEmit`" },
      { id: "B6", title: "Encoded once" },
    ],
  },
  {
    title: "Adapter",
    items: [
      {
        id: "A1",
        title: "Methods and maps of `namespace.adapter`",
        differs: ["`adapter.rooms`, `adapter.sids`, `socket.rooms`"],
      },
      { id: "A2", title: "Events of rooms" },
      { id: "A3", title: "Sessions and packets that are kept" },
      { id: "A4", title: "Messages between servers" },
      { id: "A5", title: "Heartbeats between servers" },
    ],
  },
  {
    title: "Connection state recovery",
    items: [
      { id: "C1", title: "What is recovered, and after what" },
      { id: "C2", title: "Order of replay" },
      { id: "C3", title: "Events to one socket" },
      { id: "C4", title: "Offsets of official clients" },
    ],
  },
  {
    title: "Client",
    items: [
      { id: "L1", title: "`io()` and its cache" },
      { id: "L2", title: "Options of the manager", differs: ["Reconnection delay"] },
      { id: "L3", title: "Methods and events of the manager" },
      { id: "L4", title: "Options of the socket" },
      { id: "L5", title: "Fields and methods of the socket" },
      { id: "L6", title: "Events of the socket, reasons" },
      { id: "L7", title: "A server of v2" },
      { id: "L8", title: "Buffers while offline, order at connect" },
      { id: "L9", title: "Volatile" },
      { id: "L10", title: "Retries" },
      { id: "L11", title: "Acknowledgements at disconnect" },
      { id: "L12", title: "Errors of listeners, `onAnyOutgoing`" },
    ],
  },
  {
    title: "Adapters, emitters and tools",
    items: [
      { id: "X1", title: "Redis adapter" },
      { id: "X2", title: "Sharded Redis adapter" },
      { id: "X3", title: "Redis streams adapter", notYet: "Redis Streams" },
      { id: "X4", title: "Postgres adapter", notYet: "PostgreSQL" },
      { id: "X5", title: "MongoDB adapter", later: "After the adapters for Redis and Postgres." },
      { id: "X6", title: "Adapters of cloud vendors", later: "After the adapters for Redis and Postgres." },
      { id: "X7", title: "Adapter of Node's cluster" },
      {
        id: "X8",
        title: "Cluster engine",
        differs: ["`NodeClusterEngine`, `setupPrimary` of the cluster engine, `@socket.io/sticky`"],
      },
      {
        id: "X9",
        title: "Sticky sessions",
        differs: ["`NodeClusterEngine`, `setupPrimary` of the cluster engine, `@socket.io/sticky`"],
      },
      { id: "X10", title: "Emitters" },
      {
        id: "X11",
        title: "Admin UI",
        later: "Counters and traces are there: [observing a server](guide/09-observing-a-server.md).",
      },
      { id: "X12", title: "Bun, Deno and other hosts" },
      { id: "X13", title: "Size of the client" },
    ],
  },
];
