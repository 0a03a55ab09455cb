import type { Bus, BusObserver, BusStatus, Deliver } from "./bus.ts";

/** Runs something later, in order. */
type Defer = (run: () => void) => void;

/**
 * The network of the buses of one process: for tests, and for several servers in one process. Each node takes its own bus
 * from `connect`.
 */
export class MemoryNetwork {
  readonly #buses = new Set<MemoryBus>();
  readonly #defer: Defer;

  /** @param defer when messages arrive. @default as microtasks */
  constructor(defer: Defer = queueMicrotask) {
    this.#defer = defer;
  }

  /** A bus for one more node. */
  connect(): MemoryBus {
    const bus = new MemoryBus({
      carry: (channel, bytes) => {
        const sent = new Uint8Array(bytes);
        for (const each of this.#buses) if (each.wants(channel)) this.#defer(() => each.take(channel, sent));
      },
      count: (channel) => [...this.#buses].filter((each) => each.hasChannel(channel)).length,
      leave: () => this.#buses.delete(bus),
    });
    this.#buses.add(bus);
    return bus;
  }
}

interface Network {
  carry(channel: string, bytes: Uint8Array): void;
  count(channel: string): number;
  leave(): void;
}

/** A bus within one process. Made by {@link MemoryNetwork.connect}. */
export class MemoryBus implements Bus {
  readonly #network: Network;
  readonly #channels = new Map<string, Set<Deliver>>();
  readonly #prefixes = new Map<string, Set<Deliver>>();
  readonly #observers = new Set<BusObserver>();
  #status: BusStatus = "up";

  /** @internal */
  constructor(network: Network) {
    this.#network = network;
  }

  get status(): BusStatus {
    return this.#status;
  }

  publish(channel: string, bytes: Uint8Array): void {
    if (this.#status === "up") return this.#network.carry(channel, bytes);
    for (const each of this.#observers)
      each.onLost({ count: 1, bytes: bytes.byteLength, reason: "down", since: Date.now() });
  }

  subscribe(channel: string, deliver: Deliver): () => void {
    return addTo(this.#channels, channel, deliver);
  }

  subscribePrefix(prefix: string, deliver: Deliver): () => void {
    return addTo(this.#prefixes, prefix, deliver);
  }

  async size(channel: string): Promise<number> {
    if (this.#status !== "up") throw new Error("the bus is down");
    return this.#network.count(channel);
  }

  observe(observer: BusObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  async close(): Promise<void> {
    this.#channels.clear();
    this.#prefixes.clear();
    this.#network.leave();
    this.#setStatus("closed");
  }

  /** Cuts the bus off from the network, and connects it again: for tests. */
  cut(isCut: boolean): void {
    if (this.#status !== "closed") this.#setStatus(isCut ? "down" : "up");
  }

  /** @internal The channels and prefixes that somebody has subscribed to. */
  get channels(): string[] {
    return [...this.#channels.keys(), ...this.#prefixes.keys()];
  }

  /** @internal How many look after it. */
  get observers(): number {
    return this.#observers.size;
  }

  /** @internal */
  hasChannel(channel: string): boolean {
    return this.#status === "up" && this.#channels.has(channel);
  }

  /** @internal */
  wants(channel: string): boolean {
    return this.hasChannel(channel) || [...this.#prefixes.keys()].some((prefix) => channel.startsWith(prefix));
  }

  /** @internal */
  take(channel: string, bytes: Uint8Array): void {
    if (this.#status !== "up") return;
    const receivers = [...(this.#channels.get(channel) ?? [])];
    for (const [prefix, delivers] of this.#prefixes) if (channel.startsWith(prefix)) receivers.push(...delivers);
    // nobody may see what somebody else does with the bytes
    for (const deliver of receivers) deliver(new Uint8Array(bytes), channel);
  }

  #setStatus(status: BusStatus): void {
    if (this.#status === status) return;
    this.#status = status;
    for (const each of this.#observers) each.onStatus(status);
  }
}

function addTo(map: Map<string, Set<Deliver>>, key: string, deliver: Deliver): () => void {
  const delivers = map.get(key) ?? new Set();
  map.set(key, delivers.add(deliver));
  return () => {
    if (delivers.delete(deliver) && delivers.size === 0 && map.get(key) === delivers) map.delete(key);
  };
}
