import { Buffer } from "node:buffer";
import type { PlatformSocket, PlatformSocketListener } from "../transports/platform-websocket.ts";
import type { WebSocketUpgrade } from "./web-upgrade.ts";

/** What we use of Deno (https://docs.deno.com/api/deno/~/Deno.upgradeWebSocket). */
interface Deno {
  upgradeWebSocket(
    request: Request,
    options: { readonly idleTimeout: number },
  ): { readonly socket: WebSocket; readonly response: Response };
}

/** How WebSockets are made of a request on Deno; undefined elsewhere. */
export function upgradeOnDeno(request: Request): WebSocketUpgrade | undefined {
  const deno: unknown = Reflect.get(globalThis, "Deno");
  if (!isDeno(deno)) return undefined;
  return (headers) => {
    try {
      // heartbeats are ours
      const { socket, response } = deno.upgradeWebSocket(request, { idleTimeout: 0 });
      for (const [name, value] of headers) response.headers.append(name, value);
      return { socket: new WebStandardSocket(socket), response };
    } catch {
      return undefined; // the request is no handshake of RFC 6455
    }
  };
}

const isDeno = (value: unknown): value is Deno =>
  typeof value === "object" && value !== null && "upgradeWebSocket" in value;

/** A WebSocket with the web's interface. */
class WebStandardSocket implements PlatformSocket {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  listen(listener: PlatformSocketListener): void {
    const socket = this.#socket;
    let failure: Error | undefined;
    socket.onopen = () => listener.onOpen();
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (typeof data === "string") listener.onMessage(data);
      else if (data instanceof ArrayBuffer) listener.onMessage(Buffer.from(data));
    };
    socket.onerror = (event) => {
      failure = new Error("message" in event ? String(event.message) : "WebSocket failed");
    };
    socket.onclose = () => listener.onClose(failure);
  }

  send(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  close(code: number): void {
    try {
      this.#socket.close(code);
    } catch {
      this.#socket.close(); // the interface is that of clients, which may not say most codes
    }
  }

  terminate(): void {
    this.#socket.close();
  }
}
