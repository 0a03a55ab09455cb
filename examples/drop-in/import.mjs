// the application as ES modules: every client of a room hears what one of them says
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import * as server from "socket.io";
import connect, { io as alsoConnect, Manager } from "socket.io-client";

assert.equal(connect, alsoConnect);

const httpServer = createServer().listen(0, "127.0.0.1");
await once(httpServer, "listening");

const io = new server.Server(httpServer);
io.on("connection", (socket) => {
  socket.join("lobby");
  socket.on("say", (text, done) => {
    io.to("lobby").emit("said", text);
    done(socket.rooms.size);
  });
});

const url = `http://127.0.0.1:${httpServer.address().port}`;
const ann = connect(url);
const ben = new Manager(url).socket("/");
await Promise.all([ann, ben].map((client) => new Promise((resolve) => client.on("connect", resolve))));

const heard = Promise.all([ann, ben].map((client) => new Promise((resolve) => client.on("said", resolve))));
assert.equal(await ann.emitWithAck("say", "Hello"), 2);
assert.deepEqual(await heard, ["Hello", "Hello"]);

ann.disconnect();
ben.disconnect();
await io.close();
