import type { Packet } from "@bowline/protocol";
import type { DisconnectReason } from "./disconnect-reason.ts";

/** One namespace of a connection, connected or on its way. */
export interface NamespaceSocket {
  readonly connected: boolean;
  /** Hot path. An EVENT or ACK. */
  dispatch(packet: Packet): void;
  /** Leaves this namespace by the server's will. */
  leaveNamespace(): void;
  /** The client has left this namespace. */
  onClientLeave(): void;
  /** The connection is over. */
  onConnectionEnd(reason: DisconnectReason, description?: unknown): void;
  /** The peer has sent what is no packet. */
  onProtocolError(error: Error): void;
}

/** Packets of a namespace that we left a moment ago may still be on their way (socket-protocol §5), in ms. */
const CROSSING_TIME = 10_000;
/** How many of those are remembered. */
const MAX_LEFT = 64;

/** The namespaces of one connection. A slot is taken before anything asynchronous happens for it. */
export class NamespaceSlots {
  readonly #sockets = new Map<string, NamespaceSocket>();
  /** Namespaces that the server left, and until when packets for them are dropped. */
  #left: Map<string, number> | undefined;

  get size(): number {
    return this.#sockets.size;
  }

  /** Hot path */
  get(nsp: string): NamespaceSocket | undefined {
    return this.#sockets.get(nsp);
  }

  has(nsp: string): boolean {
    return this.#sockets.has(nsp);
  }

  /** Takes a slot for a client that has asked for a namespace. */
  reserve(nsp: string): void {
    this.#left?.delete(nsp);
    this.#sockets.set(nsp, RESERVED);
  }

  attach(nsp: string, socket: NamespaceSocket): void {
    this.#sockets.set(nsp, socket);
  }

  release(nsp: string): void {
    this.#sockets.delete(nsp);
  }

  /** Frees a slot by the server's will: packets that cross its DISCONNECT are no fault of the client. */
  leave(nsp: string, now: number): void {
    this.#sockets.delete(nsp);
    const left = (this.#left ??= new Map<string, number>());
    left.set(nsp, now + CROSSING_TIME);
    if (left.size > MAX_LEFT) for (const [oldest] of left) return void left.delete(oldest);
  }

  /** Whether the server left this namespace a moment ago. */
  leftJustNow(nsp: string, now: number): boolean {
    return !this.#sockets.has(nsp) && now < (this.#left?.get(nsp) ?? 0);
  }

  /** All sockets, connected or not, as of now: they may leave while they are walked. */
  all(): NamespaceSocket[] {
    return [...this.#sockets.values()];
  }

  /** Empties all slots; gives who was in them. */
  clear(): NamespaceSocket[] {
    const sockets = this.all();
    this.#sockets.clear();
    return sockets;
  }
}

/** Stands in a namespace's slot until its socket is made. */
const RESERVED: NamespaceSocket = {
  connected: false,
  dispatch() {},
  leaveNamespace() {},
  onClientLeave() {},
  onConnectionEnd() {},
  onProtocolError() {},
};
