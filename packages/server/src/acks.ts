import type { Clock, Timed } from "./clock.ts";
import type { Listener } from "@bowline/protocol";

/** Someone who waits for a client's answer to one emit. */
export interface PendingAck {
  /** The client `socketId` has answered. */
  onAnswer(socketId: string, args: unknown[]): void;
  /** The client has gone without an answer. */
  onGone(socketId: string): void;
}

/** How an acknowledgement ends without an answer (api.md K4). */
export const ACK_TIMEOUT = "operation has timed out";
const ACK_GONE = "socket has been disconnected";

/** The answer of one client. With a timeout, or for a promise, the callback takes an error first. */
export class SingleAck implements PendingAck, Timed {
  place = -1;
  due = 0;
  readonly #callback: Listener;
  readonly #takesError: boolean;
  readonly #clock: Clock;
  readonly #forget: () => void;

  constructor(callback: Listener, takesError: boolean, timeout: number, clock: Clock, forget: () => void) {
    this.#callback = callback;
    this.#takesError = takesError;
    this.#clock = clock;
    this.#forget = forget;
    if (timeout > 0) clock.set(this, clock.now() + timeout);
  }

  onAnswer(_socketId: string, args: unknown[]): void {
    this.#clock.clear(this);
    if (this.#takesError) this.#callback(null, ...args);
    else this.#callback(...args);
  }

  onGone(): void {
    this.#clock.clear(this);
    // v4's plain callback has no room for an error: it is let go in silence
    if (this.#takesError) this.#callback(new Error(ACK_GONE));
  }

  advance(): void {
    this.#forget();
    if (this.#takesError) this.#callback(new Error(ACK_TIMEOUT));
  }
}

/** Who gets the answers of a broadcast. */
export interface Collector extends PendingAck, Timed {
  /** The client `socketId` has been asked. */
  expect(socketId: string): void;
}

/** Ends the wait for the answers of these clients. */
type Forget = (socketIds: Iterable<string>) => void;

/** Each answer as it comes, with all its values; what has not come when the timeout is over is not waited for. */
export class EachAnswer implements Collector, Timed {
  place = -1;
  due = 0;
  readonly #onAnswer: Listener;
  readonly #timeout: number;
  readonly #clock: Clock;
  readonly #forget: Forget;
  readonly #waiting = new Set<string>();

  constructor(onAnswer: Listener, timeout: number, clock: Clock, forget: Forget) {
    this.#onAnswer = onAnswer;
    this.#timeout = timeout;
    this.#clock = clock;
    this.#forget = forget;
  }

  /** How many clients have not answered. */
  get size(): number {
    return this.#waiting.size;
  }

  expect(socketId: string): void {
    if (this.#waiting.size === 0 && this.#timeout > 0) this.#clock.set(this, this.#clock.now() + this.#timeout);
    this.#waiting.add(socketId);
  }

  onAnswer(socketId: string, args: unknown[]): void {
    this.#waiting.delete(socketId);
    if (this.#waiting.size === 0) this.#clock.clear(this);
    this.#onAnswer(...args);
  }

  onGone(): void {}

  advance(): void {
    this.#forget(this.#waiting);
  }
}

/** The other nodes of a cluster, where an emit went to as well: each tells how many clients it has asked. */
export interface AskedNodes {
  /**
   * Nobody waits for them any more.
   * @returns the ids of those that have not answered, as far as they are known
   */
  end(): readonly string[];
}

/** An acknowledgement that has not come from everywhere in time. */
export interface PartialError extends Error {
  /** What has come. */
  responses?: readonly unknown[];
  /** The ids of the nodes that have not answered, as far as they are known; nobody, if only clients have not. */
  missing?: readonly string[];
}

/** Who gets what the clients of other nodes answer. */
export interface NodesAck {
  /** The other nodes have been asked: {@link seal} follows when all have told how many clients they wait for. */
  askNodes(nodes: AskedNodes): void;
  /** Another node has asked so many clients. */
  expectRemote(clients: number): void;
  /** A client of another node has answered. */
  onRemoteAnswer(value: unknown): void;
  /** All nodes have counted. */
  seal(): void;
}

/** How many clients each of the other nodes has asked, and each of their answers as it comes. */
export class EachRemoteAnswer implements NodesAck, Timed {
  place = -1;
  due = 0;
  readonly #onCount: (clients: number) => void;
  readonly #onAnswer: Listener;
  readonly #timeout: number;
  readonly #clock: Clock;
  #nodes: AskedNodes | undefined;
  #waiting = 0;
  #isSealed = false;

  constructor(onCount: (clients: number) => void, onAnswer: Listener, timeout: number, clock: Clock) {
    this.#onCount = onCount;
    this.#onAnswer = onAnswer;
    this.#timeout = timeout;
    this.#clock = clock;
  }

  askNodes(nodes: AskedNodes): void {
    this.#nodes = nodes;
    if (this.#timeout > 0) this.#clock.set(this, this.#clock.now() + this.#timeout);
  }

  expectRemote(clients: number): void {
    this.#waiting += clients;
    this.#onCount(clients);
  }

  onRemoteAnswer(value: unknown): void {
    this.#waiting--;
    this.#onAnswer(value);
    this.#endIfDone();
  }

  seal(): void {
    this.#isSealed = true;
    this.#endIfDone();
  }

  advance(): void {
    this.#nodes?.end();
  }

  #endIfDone(): void {
    if (!this.#isSealed || this.#waiting > 0) return;
    this.#clock.clear(this);
    this.#nodes?.end();
  }
}

/** The answers of all clients that a broadcast has reached: the first value of each. */
export class BroadcastAck implements Collector, NodesAck, Timed {
  place = -1;
  due = 0;
  readonly #nodes: AskedNodes[] = [];
  /** Who may still add somebody to wait for: the emit itself, then the other nodes. */
  #open = 1;
  /** Clients of other nodes that have not answered. */
  #remote = 0;
  readonly #callback: (error: Error | null, answers: unknown[]) => void;
  readonly #clock: Clock;
  readonly #forget: Forget;
  readonly #waiting = new Set<string>();
  readonly #answers: unknown[] = [];

  constructor(
    callback: (error: Error | null, answers: unknown[]) => void,
    timeout: number,
    clock: Clock,
    forget: Forget,
  ) {
    this.#callback = callback;
    this.#clock = clock;
    this.#forget = forget;
    if (timeout > 0) clock.set(this, clock.now() + timeout);
  }

  expect(socketId: string): void {
    this.#waiting.add(socketId);
  }

  /** @see {@link NodesAck.askNodes} */
  askNodes(nodes: AskedNodes): void {
    this.#nodes.push(nodes);
    this.#open++;
  }

  /** Nobody has been asked after all: the emit has thrown. */
  abandon(): void {
    this.#clock.clear(this);
    for (const nodes of this.#nodes) nodes.end();
  }

  expectRemote(clients: number): void {
    this.#remote += clients;
  }

  onRemoteAnswer(value: unknown): void {
    if (this.#remote === 0) return;
    this.#remote--;
    this.#answers.push(value);
    this.#finishIfDone();
  }

  /** The emit is over, or all nodes have counted: there may be nobody to wait for. */
  seal(): void {
    this.#open--;
    this.#finishIfDone();
  }

  onAnswer(socketId: string, args: unknown[]): void {
    if (!this.#waiting.delete(socketId)) return;
    this.#answers.push(args[0]);
    this.#finishIfDone();
  }

  // who has gone will not answer: the deadline says so, as in v4
  onGone(): void {}

  advance(): void {
    this.#forget(this.#waiting);
    const error: PartialError = new Error(ACK_TIMEOUT);
    if (this.#nodes.length > 0) error.missing = this.#nodes.flatMap((nodes) => nodes.end());
    this.#callback(error, this.#answers);
  }

  #finishIfDone(): void {
    if (this.#open > 0 || this.#waiting.size > 0 || this.#remote > 0) return;
    this.#clock.clear(this);
    for (const nodes of this.#nodes) nodes.end();
    this.#callback(null, this.#answers);
  }
}

/** The answers that one socket owes, by id: bounded (abuse matrix 94). */
export class AckTable {
  readonly #pending = new Map<number, PendingAck>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether the client owes too many answers already. */
  get isFull(): boolean {
    return this.#limit !== 0 && this.#pending.size >= this.#limit;
  }

  add(id: number, ack: PendingAck): void {
    this.#pending.set(id, ack);
  }

  take(id: number): PendingAck | undefined {
    const ack = this.#pending.get(id);
    this.#pending.delete(id);
    return ack;
  }

  delete(id: number): void {
    this.#pending.delete(id);
  }

  /** The socket is gone. */
  endAll(socketId: string): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const ack of pending) ack.onGone(socketId);
  }
}
