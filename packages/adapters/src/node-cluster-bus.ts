import { Hub } from "./hub.ts";
import { HubBus } from "./hub-bus.ts";
import { workerLink } from "./ipc-worker.ts";
import { checkLimit } from "./limits.ts";

/** Options of {@link NodeClusterBus}. */
export interface NodeClusterBusOptions {
  /** Bytes that wait for the primary; beyond it publications are lost. @default 16777216 */
  maxQueuedBytes: number;
}

/** @internal A test compares these with the `@default` notes above. */
export const busDefaults: Readonly<NodeClusterBusOptions> = { maxQueuedBytes: 16_777_216 };

/**
 * A bus between the workers of node:cluster, over the IPC channel to their primary, which has called `setupPrimary`. What
 * is published in one turn of the event loop travels as one message, and only to workers that have subscribed to it. In
 * a process that is no worker it is alone.
 */
export class NodeClusterBus extends HubBus {
  readonly #leave: (() => void) | undefined;

  /** @throws UsageError for options of the wrong kind */
  constructor(options: Partial<NodeClusterBusOptions> = {}) {
    const { maxQueuedBytes = busDefaults.maxQueuedBytes } = options;
    checkLimit("maxQueuedBytes", maxQueuedBytes);
    super(maxQueuedBytes);
    this.#leave = workerLink()?.addBus(this);
    if (this.#leave === undefined) this.#stayAlone(maxQueuedBytes);
  }

  /** @see {@link HubBus.close} */
  override async close(): Promise<void> {
    await super.close();
    this.#leave?.();
  }

  #stayAlone(maxQueuedBytes: number): void {
    const member = new Hub(maxQueuedBytes).connect({
      isBinary: true,
      send: (message) => queueMicrotask(() => this.onMessage(message)),
    });
    this.connect({ isBinary: true, send: (message) => member.onMessage(message) });
  }
}
