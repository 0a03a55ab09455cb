// what applications do with Socket.IO, in one sitting: middlewares, a namespace, rooms, answers, bytes, a file for pages, an end
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { Server } from "socket.io";
import { io as connect, Manager } from "socket.io-client";

const httpServer = createServer((request, response) => response.end("the application's own page"));
const io = new Server(httpServer, {
  cors: { origin: "https://example.com", credentials: true },
  connectionStateRecovery: {},
  pingInterval: 10_000,
});

io.engine.use((request, response, next) => {
  response.setHeader("x-served-by", "tour");
  next();
});

const office = io.of("/office");
office.use(async (socket, next) => {
  const { name } = socket.handshake.auth;
  if (!name) return next(Object.assign(new Error("who are you?"), { data: { retry: true } }));
  socket.data.name = name;
  await socket.join(["all", `desk of ${name}`]);
  next();
});

const left = [];
office.on("connection", (socket) => {
  socket.use(([event], next) => next(event === "forbidden" ? new Error("not this one") : undefined));
  socket.on("error", (error) => socket.emit("refused", error.message));
  socket.on("say", (text, answer) => {
    socket.to("all").except("desk of Cid").emit("said", socket.data.name, text);
    answer({ heard: text.length, rooms: [...socket.rooms].length });
  });
  socket.on("bytes", ({ part }, answer) => answer(Buffer.from(part).reverse()));
  socket.on("disconnecting", (reason) => left.push([socket.data.name, reason, socket.rooms.size]));
});

httpServer.listen(0, "127.0.0.1");
await once(httpServer, "listening");
const url = `http://127.0.0.1:${httpServer.address().port}`;

/** What a page finds here: the application's own answers, and the client in one file. */
const page = await fetch(`${url}/`);
assert.equal(await page.text(), "the application's own page");
const script = await fetch(`${url}/socket.io/socket.io.min.js`);
assert.match(script.headers.get("content-type"), /^application\/javascript/);
assert.ok((await script.text()).length > 10_000);
const handshake = await fetch(`${url}/socket.io/?EIO=4&transport=polling`, {
  headers: { origin: "https://example.com" },
});
assert.equal(handshake.headers.get("access-control-allow-origin"), "https://example.com");
assert.equal(handshake.headers.get("x-served-by"), "tour");

/**
 * @param {import("socket.io-client").Socket} socket
 * @param {string} event
 */
const heard = (socket, event) => new Promise((resolve) => socket.once(event, (...values) => resolve(values)));

// one connection over each transport, and one that finds its own way
const ann = connect(`${url}/office`, { auth: { name: "Ann" }, transports: ["websocket"], forceNew: true });
const ben = connect(`${url}/office`, {
  auth: { name: "Ben" },
  transports: ["polling"],
  upgrade: false,
  forceNew: true,
});
const cid = new Manager(url).socket("/office", { auth: (give) => give({ name: "Cid" }) });
await Promise.all([ann, ben, cid].map((socket) => heard(socket, "connect")));
assert.deepEqual([ann.io.engine.transport.name, ben.io.engine.transport.name], ["websocket", "polling"]);
assert.equal(ann.recovered, false);

const stranger = connect(`${url}/office`, { forceNew: true });
const [refusal] = await heard(stranger, "connect_error");
assert.deepEqual([refusal.message, refusal.data], ["who are you?", { retry: true }]);
stranger.disconnect();

// rooms, and an answer
let toCid = 0;
cid.on("said", () => toCid++);
const said = heard(ben, "said");
assert.deepEqual(await ann.timeout(5000).emitWithAck("say", "hello"), { heard: 5, rooms: 3 });
// with recovery, an offset stands behind what was emitted
assert.deepEqual((await said).slice(0, 2), ["Ann", "hello"]);

// bytes within an object, over polling
assert.deepEqual(Buffer.from(await ben.emitWithAck("bytes", { part: Uint8Array.of(1, 2, 3) })), Buffer.of(3, 2, 1));

// a middleware of the socket refuses
const refused = heard(ann, "refused");
ann.emit("forbidden");
assert.equal((await refused)[0], "not this one");

// answers of all, of nobody, and of a client that does not answer
ann.on("which", (answer) => answer("a"));
ben.on("which", (answer) => answer("b"));
const answers = await office.to(["desk of Ann", "desk of Ben"]).timeout(5000).emitWithAck("which");
assert.deepEqual(answers.sort(), ["a", "b"]);
assert.deepEqual(await office.to("nobody").timeout(5000).emitWithAck("which"), []);
await assert.rejects(office.to("desk of Cid").timeout(50).emitWithAck("which"), /timed out/);

// who is there, and what can be done with them from outside
const sockets = await office.in("all").fetchSockets();
assert.deepEqual(sockets.map(({ data }) => data.name).sort(), ["Ann", "Ben", "Cid"]);
office.in("desk of Ben").socketsJoin("second floor");
assert.deepEqual([...office.adapter.rooms.get("second floor")], [ben.id]);
assert.equal(toCid, 0);

// three ends: by the server, by the client, and of everything
const cut = heard(ben, "disconnect");
office.in("second floor").disconnectSockets();
assert.equal((await cut)[0], "io server disconnect");
const goodbye = new Promise((resolve) => office.sockets.get(ann.id).once("disconnect", resolve));
ann.disconnect();
assert.equal(ann.connected, false);
assert.equal(await goodbye, "client namespace disconnect");
const closed = heard(cid, "disconnect");
cid.io.reconnection(false);
await io.close();
await closed;
assert.deepEqual(left.slice(0, 2), [
  ["Ben", "server namespace disconnect", 4],
  ["Ann", "client namespace disconnect", 3],
]);
assert.deepEqual(left[2].slice(0, 2), ["Cid", "server shutting down"]);
