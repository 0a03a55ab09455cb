// `npm start`: sets a fresh clone up and runs the chat. PORT chooses the port, 3000 by default.
import "./node-version.mjs";
import { prepare } from "./prepare.mjs";

await prepare();
// imported only now: before the set-up there is no `bowline` to resolve
await import("../apps/chat/server.mjs");

// a SIGTERM to npm ends npm and its shell, and nobody tells us; that our parent is gone is all that we can see
if (process.env.npm_lifecycle_event !== undefined) {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && process.kill(process.pid, "SIGTERM"), 250).unref();
}
