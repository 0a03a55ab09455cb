import type { Namespace, Server, Socket } from "bowline";

declare global {
  const io: Server;
  const socket: Socket;
  const adminNamespace: Namespace;
}
