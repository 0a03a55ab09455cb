import type { RedisPortListener } from "./redis-port.ts";

/** What connections of both packages tell when they end. */
const ENDS = ["end", "close", "reconnecting"];
/** What they tell when a node has given away slots, and with them what was subscribed to there. */
const MOVES = ["moved", "sharded-channel-moved"];
/** What ioredis 5 says instead: Redis has ended a subscription, and nobody has asked for that. */
const UNASKED = "Command queue state error";
/** How often is looked whether a broken client is whole again. In ms. */
const LOOK_INTERVAL = 50;
/** After so many looks, a receiver that is still broken is replaced where it can be. */
const REPLACED_AFTER = 20;

/** One of the connections on which a cluster's client receives. */
export interface Receiver {
  readonly isReady: boolean;
  /** Whether somebody needs it: a client ends those that nobody does. */
  readonly isNeeded: boolean;
  /** What tells its events; undefined while the client is making it. */
  readonly source: EventSource | undefined;
  /** Lets go of it, if the client may never get it right again: asking once more makes a new one. */
  replace?(): void;
}

/** The half of Node's EventEmitter that is needed here. */
export interface EventSource {
  on(event: string, listener: (error: unknown) => void): unknown;
  off(event: string, listener: (error: unknown) => void): unknown;
}

/**
 * The connections on which a cluster's client receives. It has others than those for commands, and replaces or loses them,
 * with what was subscribed to on them, while it says that it is ready.
 */
export class RedisReceivers {
  readonly #find: () => Iterable<Receiver>;
  /** Who is told, from `listen` to `close`. */
  #listener: RedisPortListener | undefined;
  readonly #watched = new Map<EventSource, { readonly receiver: Receiver; stop(): void }>();
  #looking: NodeJS.Timeout | undefined;
  #isRenewing = false;

  /** @param find gives those that there are */
  constructor(find: () => Iterable<Receiver>) {
    this.#find = find;
  }

  /** What is subscribed to may not arrive any more: a change. All are connected again: it is to be asked for again. */
  listen(listener: RedisPortListener): void {
    this.#listener = listener;
  }

  /** While what was subscribed to is asked for again: the client may not know yet who has which slot. */
  get isRenewing(): boolean {
    return this.#isRenewing;
  }

  /** Whether none is broken, as far as they have told. */
  get areWhole(): boolean {
    return this.#looking === undefined;
  }

  /** There may be others than before. */
  look(): void {
    const found = new Set<EventSource>();
    for (const receiver of this.#find()) {
      const { source } = receiver;
      if (source === undefined) continue;
      found.add(source);
      if (!this.#watched.has(source)) this.#watch(source, receiver);
    }
    for (const [source, { receiver, stop }] of this.#watched) {
      if (found.has(source)) continue;
      stop();
      if (receiver.isNeeded) this.break();
    }
  }

  /** One of them is broken. */
  break(): void {
    if (this.#looking !== undefined) return;
    let looks = 0;
    this.#looking = setInterval(() => {
      this.look();
      const broken = [...this.#find()].filter(({ isReady }) => !isReady);
      if (++looks % REPLACED_AFTER === 0) for (const each of broken) each.replace?.();
      if (broken.length > 0) return;
      this.#stopLooking();
      this.#isRenewing = true;
      this.#listener?.onReady();
      this.#isRenewing = false;
    }, LOOK_INTERVAL);
    this.#listener?.onChange();
  }

  close(): void {
    this.#listener = undefined;
    this.#stopLooking();
    for (const { stop } of this.#watched.values()) stop();
  }

  #watch(source: EventSource, receiver: Receiver): void {
    const onEnd = (): void => {
      if (receiver.isNeeded) this.break();
    };
    const onMove = (): void => this.break();
    const onError = (error: unknown): void => {
      if (error instanceof Error && error.message.startsWith(UNASKED)) this.break();
    };
    const added = [
      ...ENDS.map((event) => [event, onEnd] as const),
      ...MOVES.map((event) => [event, onMove] as const),
      ["error", onError] as const,
    ];
    for (const [event, listener] of added) source.on(event, listener);
    const stop = (): void => {
      for (const [event, listener] of added) source.off(event, listener);
      this.#watched.delete(source);
    };
    this.#watched.set(source, { receiver, stop });
  }

  #stopLooking(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }
}
