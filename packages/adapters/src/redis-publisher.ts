import type { Buffer } from "node:buffer";
import type { LostMessages } from "bowline/cluster";
import type { RedisClient } from "./redis-client.ts";
import type { Flight, RedisPort } from "./redis-port.ts";
import { portOf } from "./redis-ports.ts";

/** So many publications may be in flight: what clients keep of each takes 2 KiB, however small it is. */
const MAX_IN_FLIGHT = 100_000;

/** What a publisher is told, and whom it tells. */
export interface RedisPublisherOptions {
  readonly kind: "channel" | "shard";
  readonly maxQueuedBytes: number;
  readonly waitsForConnection: boolean;
  /** `isReady` has changed, or may have. */
  onChange(): void;
  onLost(lost: LostMessages): void;
  onError(stage: "connect" | "publish", cause: unknown): void;
}

/**
 * Publishes on a client: now, on the connection that there is, or never. It knows what has no answer yet, gives that up
 * with the connection, and bounds it.
 */
export class RedisPublisher {
  readonly #port: RedisPort;
  readonly #options: RedisPublisherOptions;
  /** What Redis has not acknowledged, the oldest first. */
  readonly #inFlight = new Map<Flight, { readonly size: number; readonly since: number }>();
  #queuedBytes = 0;
  /** What waits for the first connection. */
  #early: { readonly channel: string; readonly bytes: Buffer }[] | undefined;
  #isStarted = false;
  #onceEmpty: (() => void) | undefined;

  constructor(client: RedisClient, options: RedisPublisherOptions) {
    this.#port = portOf(client);
    this.#options = options;
    if (options.waitsForConnection) this.#early = [];
  }

  /** Whether a publication would be written now. */
  get isReady(): boolean {
    return this.#isStarted && this.#port.isReady;
  }

  /** Listens to the client; gives the undo. */
  start(): () => void {
    this.#isStarted = true;
    const stop = this.#port.listen({
      onReady: () => {
        this.#sendEarly();
        this.#options.onChange();
      },
      onChange: () => {
        if (!this.#port.isReady) this.#abandon();
        this.#options.onChange();
      },
      onError: (error) => this.#options.onError("connect", error),
      onMessage: () => {},
    });
    if (this.#port.isReady) this.#early = undefined;
    return () => {
      this.#isStarted = false;
      stop();
    };
  }

  /** Hot path. Never throws. */
  publish(channel: string, bytes: Buffer): void {
    const size = bytes.byteLength;
    const { onLost, maxQueuedBytes } = this.#options;
    const isReady = this.#port.isReady;
    const since = Date.now();
    if (!isReady && this.#early === undefined) return onLost({ count: 1, bytes: size, reason: "down", since });
    const waiting = this.#inFlight.size + (this.#early?.length ?? 0);
    if (this.#queuedBytes + size > maxQueuedBytes || waiting >= MAX_IN_FLIGHT)
      return onLost({ count: 1, bytes: size, reason: "full", since });
    if (isReady) return this.#send(channel, bytes);
    this.#queuedBytes += size;
    this.#early?.push({ channel, bytes });
  }

  /** How many connections have subscribed to a channel. Rejects without a connection. */
  async count(channel: string): Promise<number> {
    if (!this.#port.isReady) throw new Error("there is no connection to Redis");
    return this.#port.count(this.#options.kind, channel);
  }

  /** Settled when nothing is in flight. */
  async settled(): Promise<void> {
    if (this.#inFlight.size > 0) await new Promise<void>((resolve) => (this.#onceEmpty = resolve));
  }

  #send(channel: string, bytes: Buffer): void {
    const size = bytes.byteLength;
    const since = Date.now();
    let flight: Flight;
    try {
      flight = this.#port.publish(this.#options.kind, channel, bytes);
    } catch (error) {
      // clients reject; one that throws is no reason to throw at who emits
      this.#options.onError("publish", error);
      return this.#options.onLost({ count: 1, bytes: size, reason: "failed", since });
    }
    this.#inFlight.set(flight, { size, since });
    this.#queuedBytes += size;
    flight.done.then(
      () => this.#land(flight),
      (error: unknown) => {
        if (!this.#land(flight)) return;
        this.#options.onError("publish", error);
        this.#options.onLost({ count: 1, bytes: size, reason: "failed", since });
      },
    );
  }

  #land(flight: Flight): boolean {
    const known = this.#inFlight.get(flight);
    if (known === undefined) return false;
    this.#inFlight.delete(flight);
    this.#queuedBytes -= known.size;
    if (this.#inFlight.size === 0) this.#onceEmpty?.();
    return true;
  }

  /** The connection has ended: what had no answer on it has none any more, and may not go out on the next one. */
  #abandon(): void {
    if (this.#inFlight.size === 0) return;
    const flights = [...this.#inFlight];
    this.#inFlight.clear();
    let bytes = 0;
    const since = flights[0]?.[1].since ?? Date.now();
    for (const [flight, { size }] of flights) {
      flight.cancel();
      bytes += size;
    }
    this.#queuedBytes -= bytes;
    this.#onceEmpty?.();
    this.#options.onLost({ count: flights.length, bytes, reason: "failed", since });
  }

  #sendEarly(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const { channel, bytes } of early) {
      this.#queuedBytes -= bytes.byteLength;
      this.#send(channel, bytes);
    }
  }
}
