import { io } from "bowline-client";

const transport = new URLSearchParams(location.search).get("transport");
const socket = io({ transports: [transport] });

socket.on("connect", async () => {
  const bytes = await socket.emitWithAck("reverse", Uint8Array.of(1, 2, 255));
  document.title = `${socket.io.engine.transport.name} ${new Uint8Array(bytes).join()}`;
});
socket.on("connect_error", (error) => {
  document.title = error.message;
});
