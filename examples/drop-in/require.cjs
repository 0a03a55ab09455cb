// the application as CommonJS, with the modules themselves as functions
const assert = require("node:assert/strict");
const { createServer } = require("node:http");

const httpServer = createServer();
const io = require("socket.io")(httpServer, { pingInterval: 10_000 });
assert.ok(io instanceof require("socket.io").Server);

io.of("/news").use((socket, next) => {
  if (socket.handshake.auth.token === "secret") next();
  else next(new Error("not authorized"));
});
io.of("/news").on("connection", (socket) => {
  socket.emit("headline", Buffer.from("knots hold"), { by: socket.id });
});

httpServer.listen(0, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${httpServer.address().port}/news`;
  const refused = require("socket.io-client")(url, { forceNew: true });
  refused.on("connect_error", ({ message }) => {
    assert.equal(message, "not authorized");
    refused.disconnect();
    const { io: connect } = require("socket.io-client");
    const socket = connect(url, { auth: { token: "secret" } });
    socket.on("headline", (text, { by }) => {
      assert.deepEqual(text, Buffer.from("knots hold"));
      assert.equal(by, socket.id);
      socket.disconnect();
      io.close();
    });
  });
});
