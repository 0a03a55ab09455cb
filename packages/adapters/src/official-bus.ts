import {
  type Bus,
  type BusError,
  type BusObserver,
  type BusStatus,
  type Deliver,
  readMsgpack,
  writeMsgpack,
} from "bowline/cluster";
import { answersOf, channelOf, nodeOf } from "./official-codec.ts";
import { isOfficial, SOURCE } from "./official-messages.ts";
import { observe } from "./observers.ts";
import { Subscriptions } from "./subscriptions.ts";

/**
 * A bus among official workers of node:cluster, whichever `setupPrimary` their primary has called: it carries what
 * `OfficialCodec` writes, as the objects that they understand.
 */
export class OfficialBus implements Bus {
  readonly #maxQueuedBytes: number;
  readonly #subscriptions = new Subscriptions();
  readonly #observers = new Set<BusObserver>();
  #status: BusStatus;
  #waitingBytes = 0;

  /** @param maxQueuedBytes bytes that wait for the primary; beyond it publications are lost */
  constructor(maxQueuedBytes: number) {
    this.#maxQueuedBytes = maxQueuedBytes;
    this.#status = process.connected ? "up" : "down";
    process.on("message", this.#onMessage);
    process.on("disconnect", this.#onEnd);
  }

  /** @see {@link Bus.status} */
  get status(): BusStatus {
    return this.#status;
  }

  /** @see {@link Bus.publish} */
  publish(channel: string, bytes: Uint8Array): void {
    const size = bytes.byteLength;
    const reason =
      this.#status !== "up" ? "down" : this.#waitingBytes + size > this.#maxQueuedBytes ? "full" : undefined;
    if (reason !== undefined) return this.#lose(reason, size);
    if (this.#subscriptions.wants(channel)) {
      const own = new Uint8Array(bytes);
      setImmediate(() => this.#subscriptions.deliver(channel, own));
    }
    const to = nodeOf(channel);
    const message = { ...Object(readMsgpack(bytes)), source: SOURCE, ...(to !== undefined && { requesterUid: to }) };
    this.#waitingBytes += size;
    process.send?.(message, undefined, undefined, (error) => {
      this.#waitingBytes -= size;
      if (error !== null) this.#lose("failed", size);
    });
  }

  /** @see {@link Bus.subscribe} */
  subscribe(channel: string, deliver: Deliver): () => void {
    // each subscription is one of its own, also of the same function
    const own: Deliver = (bytes, name) => deliver(bytes, name);
    this.#subscriptions.add(channel, own);
    return () => void this.#subscriptions.delete(channel, own);
  }

  /** @see {@link Bus.observe} */
  observe(observer: BusObserver): () => void {
    return observe(this.#observers, observer);
  }

  /** @see {@link Bus.close} */
  async close(): Promise<void> {
    process.off("message", this.#onMessage);
    process.off("disconnect", this.#onEnd);
    this.#subscriptions.clear();
    this.#setStatus("closed");
  }

  readonly #onMessage = (message: unknown): void => {
    if (!isOfficial(message)) return;
    const { source: _source, requesterUid, ...content } = message;
    const channel = requesterUid === undefined ? channelOf(message.nsp) : answersOf(requesterUid, message.nsp);
    if (!this.#subscriptions.wants(channel)) return;
    try {
      this.#subscriptions.deliver(channel, writeMsgpack(content));
    } catch (cause) {
      // what the channel carries and MessagePack does not
      this.#fail({ stage: "receive", cause });
    }
  };

  readonly #onEnd = (): void => this.#setStatus("down");

  #lose(reason: "down" | "full" | "failed", bytes: number): void {
    for (const observer of this.#observers) observer.onLost({ count: 1, bytes, reason, since: Date.now() });
  }

  #fail(error: BusError): void {
    for (const observer of this.#observers) observer.onError(error);
  }

  #setStatus(status: BusStatus): void {
    if (this.#status === status || this.#status === "closed") return;
    this.#status = status;
    for (const observer of this.#observers) observer.onStatus(status);
  }
}
