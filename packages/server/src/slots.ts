import { Buffer } from "node:buffer";
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
  // most connections have one namespace, the main one: it costs no Map
  #main: NamespaceSocket | undefined;
  #others: Map<string, NamespaceSocket> | undefined;
  /** Namespaces that the server left, and until when packets for them are dropped. */
  #left: Map<string, number> | undefined;

  get size(): number {
    return (this.#main === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  /** Hot path */
  get(nsp: string): NamespaceSocket | undefined {
    return nsp === "/" ? this.#main : this.#others?.get(nsp);
  }

  has(nsp: string): boolean {
    return this.get(nsp) !== undefined;
  }

  /** Takes a slot for a client that has asked for a namespace. */
  reserve(nsp: string): void {
    this.#left?.delete(nsp);
    this.attach(nsp === "/" ? nsp : flat(nsp), RESERVED);
  }

  attach(nsp: string, socket: NamespaceSocket): void {
    if (nsp === "/") this.#main = socket;
    else (this.#others ??= new Map<string, NamespaceSocket>()).set(nsp, socket);
  }

  release(nsp: string): void {
    if (nsp === "/") this.#main = undefined;
    else this.#others?.delete(nsp);
  }

  /** Frees a slot by the server's will: packets that cross its DISCONNECT are no fault of the client. */
  leave(nsp: string, now: number): void {
    this.release(nsp);
    const left = (this.#left ??= new Map<string, number>());
    left.set(nsp, now + CROSSING_TIME);
    if (left.size > MAX_LEFT) for (const [oldest] of left) return void left.delete(oldest);
  }

  /** Whether the server left this namespace a moment ago. */
  leftJustNow(nsp: string, now: number): boolean {
    return !this.has(nsp) && now < (this.#left?.get(nsp) ?? 0);
  }

  /** All sockets, connected or not, as of now: they may leave while they are walked. */
  all(): NamespaceSocket[] {
    const others = this.#others === undefined ? [] : [...this.#others.values()];
    return this.#main === undefined ? others : [this.#main, ...others];
  }

  /** Empties all slots; gives who was in them. */
  clear(): NamespaceSocket[] {
    const sockets = this.all();
    this.#main = this.#others = undefined;
    return sockets;
  }
}

/** A name that was cut out of a packet would keep the whole packet in memory. */
export function flat(text: string): string {
  return Buffer.from(text).toString();
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
