const { createServer } = require("node:http");
const { Server } = require("socket.io");
const { io: connect } = require("socket.io-client");

let io;
let socket;

beforeAll((done) => {
  const httpServer = createServer().listen(0, "127.0.0.1", () => {
    io = new Server(httpServer);
    socket = connect(`http://127.0.0.1:${httpServer.address().port}`);
    socket.on("connect", done);
  });
});

afterAll(async () => {
  socket.disconnect();
  await io.close();
});

test("a client hears what the server says", async () => {
  const heard = new Promise((resolve) => socket.on("hello", resolve));
  io.emit("hello", "world");
  expect(await heard).toBe("world");
});

test("the server answers", async () => {
  const [there] = [...io.sockets.sockets.values()];
  there.on("double", (value, answer) => answer(value * 2));
  expect(await socket.timeout(1000).emitWithAck("double", 21)).toBe(42);
});
