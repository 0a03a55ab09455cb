import cluster, { type Worker } from "node:cluster";
import { isOfficial, roughSize } from "./official-messages.ts";

/** Nodes whose worker is remembered. */
const MAX_NODES = 10_000;

/** Carries the messages of official workers, and of ours that speak their language, as the official primary does. */
export class OfficialRelay {
  readonly #maxQueuedBytes: number;
  /** Workers by the ids of their nodes. */
  readonly #nodes = new Map<string, Worker>();
  readonly #waiting = new Map<Worker, number>();

  constructor(maxQueuedBytes: number) {
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  /** Something came from a worker. */
  onMessage(from: Worker, message: unknown): void {
    if (!isOfficial(message)) return;
    if (this.#nodes.size < MAX_NODES) this.#nodes.set(message.uid, from);
    const requester = message.requesterUid === undefined ? undefined : this.#nodes.get(message.requesterUid);
    if (requester !== undefined) return this.#send(requester, message);
    for (const worker of Object.values(cluster.workers ?? {})) {
      if (worker !== undefined && worker !== from) this.#send(worker, message);
    }
  }

  /** A worker has ended. */
  onEnd(worker: Worker): void {
    this.#waiting.delete(worker);
    for (const [uid, each] of this.#nodes) if (each === worker) this.#nodes.delete(uid);
  }

  #send(worker: Worker, message: object): void {
    if (!worker.isConnected()) return;
    const size = roughSize(message);
    const waiting = this.#waiting.get(worker) ?? 0;
    // their protocol knows no way to tell the sender
    if (waiting + size > this.#maxQueuedBytes) return;
    this.#waiting.set(worker, waiting + size);
    worker.send(message, undefined, undefined, () => {
      const left = this.#waiting.get(worker);
      if (left !== undefined) this.#waiting.set(worker, left - size);
    });
  }
}
