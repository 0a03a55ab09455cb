import type { MessagePort } from "node:worker_threads";
import { bowlineCodec, type ClusterOptions, clusterSetup, type ClusterSetup } from "bowline/cluster";
import { Hub } from "./hub.ts";
import { HubBus } from "./hub-bus.ts";
import { asFromHub, asToHub, type FromHub, type ToHub } from "./hub-messages.ts";
import { checkLimit } from "./limits.ts";
import { messagePortDefaults, type MessagePortOptions } from "./message-port-options.ts";

export type { MessagePortOptions } from "./message-port-options.ts";
export type { ClusterOptions, ClusterSetup } from "bowline/cluster";

/** What the servers of several threads meet at. Made by {@link createHub}. */
export interface MessagePortHub {
  /**
   * Takes a thread in. Its end is noticed when the other side of the port is closed, as it is when the thread ends.
   * @param port one side of a `MessageChannel`; the other one is the thread's, for `createAdapter`
   * @returns its end; calling it again does nothing
   */
  connect(port: MessagePort): () => void;
}

/**
 * Makes the hub that the servers of several `worker_threads` meet at; in any thread, mostly the main one.
 * @throws UsageError for options of the wrong kind
 * @example const { port1, port2 } = new MessageChannel(); hub.connect(port1); new Worker(file, { workerData: port2, transferList: [port2] });
 */
export function createHub(options: Partial<MessagePortOptions> = {}): MessagePortHub {
  const { maxQueuedBytes = messagePortDefaults.maxQueuedBytes } = options;
  checkLimit("maxQueuedBytes", maxQueuedBytes);
  const hub = new Hub(maxQueuedBytes);
  return {
    connect(port) {
      const member = hub.connect({ isBinary: true, send: (message: FromHub) => post(port, message) });
      const end = (): void => {
        member.onEnd();
        port.off("message", onMessage).off("close", end);
        port.close();
      };
      const onMessage = (value: unknown): void => {
        const message = asToHub(value);
        if (message === undefined) return;
        member.onMessage(message);
        if (message.type === "bye") end();
      };
      port.on("message", onMessage).on("close", end);
      // servers keep a process alive, a hub does not
      port.unref();
      return end;
    },
  };
}

/**
 * A bus over `MessagePort`, to a {@link createHub | hub}. It closes its port.
 */
export class MessagePortBus extends HubBus {
  readonly #port: MessagePort;

  /**
   * @param port the other side of the port that the hub has
   * @throws UsageError for options of the wrong kind
   */
  constructor(port: MessagePort, options: Partial<MessagePortOptions> = {}) {
    const { maxQueuedBytes = messagePortDefaults.maxQueuedBytes } = options;
    checkLimit("maxQueuedBytes", maxQueuedBytes);
    super(maxQueuedBytes);
    this.#port = port;
    port.on("message", (value: unknown) => {
      const message = asFromHub(value);
      if (message !== undefined) this.onMessage(message);
    });
    port.on("close", () => this.onEnd());
    port.unref();
    this.connect({ isBinary: true, send: (message: ToHub) => post(port, message) });
  }

  /** @see {@link HubBus.close} */
  override async close(): Promise<void> {
    await super.close();
    this.#port.close();
  }
}

/** Hot path: a view would take all along that it is a view of. */
function post(port: MessagePort, message: FromHub | ToHub): void {
  if (message.type !== "batch" || typeof message.bytes === "string") return port.postMessage(message);
  const bytes = new Uint8Array(message.bytes);
  port.postMessage({ ...message, bytes }, [bytes.buffer]);
}

/** Options of {@link createAdapter}. */
export interface MessagePortAdapterOptions extends ClusterOptions, MessagePortOptions {}

/**
 * Joins a server in a thread with those of the other threads. Each listens on a port of its own, or has its own way to its
 * clients: threads cannot share one.
 * @param port one side of a `MessageChannel` whose other one was given to a {@link createHub | hub}
 * @throws UsageError for options of the wrong kind
 * @example const io = new Server(httpServer, { adapter: createAdapter(workerData) });
 */
export function createAdapter(port: MessagePort, options: Partial<MessagePortAdapterOptions> = {}): ClusterSetup {
  const bus = new MessagePortBus(port, options);
  return { ...clusterSetup(bus, bowlineCodec(), options), company: bus };
}
