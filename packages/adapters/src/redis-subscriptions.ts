import { Buffer } from "node:buffer";
import type { Deliver } from "bowline/cluster";
import type { RedisClient } from "./redis-client.ts";
import type { RedisPort, SubscriptionKind } from "./redis-port.ts";
import { portOf } from "./redis-ports.ts";

/** How long until a subscription that Redis has refused is asked for again. In ms. */
const RETRY_DELAY = 1_000;

/** Who uses the subscriptions of a client. */
export interface SubscriptionsUser {
  /** `isInPlace` has changed, or may have. */
  onChange(): void;
  onError(stage: "connect" | "subscribe" | "receive", cause: unknown): void;
}

/** Something that one connection is asked for once, for all who want it. */
interface Subscription {
  readonly kind: SubscriptionKind;
  readonly name: string;
  readonly receivers: Set<{ readonly deliver: Deliver; readonly user: SubscriptionsUser }>;
  /** What Redis has confirmed on the current connection; `unknown` if the client may have kept more of it than `off`. */
  state: "unknown" | "on" | "off";
  isAsked: boolean;
  /** Who waits for the answer. */
  waiting?: (() => void)[] | undefined;
}

/** A name as it comes back from Redis: it has no lone surrogates. */
const sentAs = (name: string): string => Buffer.from(name).toString();

function endWait(subscription: Subscription): void {
  const { waiting = [] } = subscription;
  subscription.waiting = undefined;
  for (const resolve of waiting) resolve();
}

const known = new WeakMap<RedisClient, RedisSubscriptions>();

/**
 * The subscriptions of all buses that share a client. They are asked for on each new connection, since what a client keeps
 * of them depends on its package and options; asking twice changes nothing. Nothing is asked for without a connection.
 */
export class RedisSubscriptions {
  readonly #port: RedisPort;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #users = new Set<SubscriptionsUser>();
  #stopListening: (() => void) | undefined;
  /** Counts connections: what is confirmed on one that has ended does not count. */
  #connection = 0;
  #isConnected = false;
  #hasConnected = false;
  /** Subscriptions that somebody wants and that are not confirmed. */
  #missing = 0;
  /** Those of them that were refused. */
  readonly #refused = new Set<Subscription>();
  #retry: NodeJS.Timeout | undefined;
  #isInPlace = false;
  readonly #waiting: (() => void)[] = [];

  /** Those of a client. */
  static of(client: RedisClient): RedisSubscriptions {
    const subscriptions = known.get(client) ?? new RedisSubscriptions(portOf(client));
    known.set(client, subscriptions);
    return subscriptions;
  }

  private constructor(port: RedisPort) {
    this.#port = port;
  }

  /** Whether everything that is subscribed to arrives. New subscriptions do not make it false, unless they are refused. */
  get isInPlace(): boolean {
    return this.#isInPlace;
  }

  /** Listens to the client while somebody uses it; gives the undo. */
  use(user: SubscriptionsUser): () => void {
    this.#users.add(user);
    if (this.#stopListening === undefined) {
      this.#stopListening = this.#port.listen({
        onReady: () => this.#onReady(),
        onChange: () => this.#onChange(),
        onError: (error) => this.#tell("connect", error),
        onMessage: (kind, name, channel, bytes) => this.#deliver(kind, name, channel, bytes),
      });
      if (this.#port.isReceiving) this.#onReady();
    }
    return () => {
      if (!this.#users.delete(user) || this.#users.size > 0) return;
      this.#stopListening?.();
      this.#stopListening = undefined;
      this.#forget();
      this.#onLost();
    };
  }

  /** How many have subscribed to a name here, on one connection. */
  usersOf(kind: SubscriptionKind, name: string): number {
    const receivers = this.#subscriptions.get(`${kind} ${name}`)?.receivers ?? [];
    return new Set(Array.from(receivers, ({ user }) => user)).size;
  }

  /** Subscribes for a user; gives the undo. */
  add(user: SubscriptionsUser, kind: SubscriptionKind, name: string, deliver: Deliver): () => void {
    const subscription = this.#find(kind, name);
    const receiver = { deliver, user };
    if (subscription.receivers.size === 0 && subscription.state !== "on") this.#missing++;
    subscription.receivers.add(receiver);
    this.#settle(subscription);
    this.#check();
    return () => {
      if (!subscription.receivers.delete(receiver) || subscription.receivers.size > 0) return;
      if (subscription.state !== "on") this.#missing--;
      this.#check();
      // who leaves and comes back in one go misses nothing
      queueMicrotask(() => this.#settle(subscription));
    };
  }

  /** Settled when Redis has confirmed a subscription, or will not any more; undefined if that is now. */
  stands(kind: SubscriptionKind, name: string): Promise<void> | undefined {
    const subscription = this.#subscriptions.get(`${kind} ${sentAs(name)}`);
    if (subscription?.isAsked !== true) return undefined;
    return new Promise((resolve) => (subscription.waiting ??= []).push(resolve));
  }

  /** Settled when nothing is on its way to or from Redis: for the end of a bus. */
  async settled(): Promise<void> {
    // what was left in this tick is still to be asked for
    await Promise.resolve();
    while (this.#port.isReceiving && [...this.#subscriptions.values()].some((each) => each.isAsked)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #find(kind: SubscriptionKind, name: string): Subscription {
    const sent = sentAs(name);
    const key = `${kind} ${sent}`;
    const found = this.#subscriptions.get(key);
    if (found !== undefined) return found;
    const made: Subscription = { kind, name: sent, receivers: new Set(), state: "off", isAsked: false };
    this.#subscriptions.set(key, made);
    return made;
  }

  /** Asks for what is wanted and not confirmed, one request at a time, so that the last wish is the one that counts. */
  #settle(subscription: Subscription): void {
    const isWanted = subscription.receivers.size > 0;
    const { kind, name, state } = subscription;
    if (subscription.isAsked || this.#subscriptions.get(`${kind} ${name}`) !== subscription) return;
    if (!isWanted && state === "off") this.#subscriptions.delete(`${kind} ${name}`);
    if (!this.#isConnected || state === (isWanted ? "on" : "off")) return;
    subscription.isAsked = true;
    const connection = this.#connection;
    // old clients lack methods
    const ask = async (): Promise<unknown> =>
      isWanted ? this.#port.subscribe(kind, name) : this.#port.unsubscribe(kind, name);
    ask().then(
      () => this.#onAnswer(subscription, connection, isWanted ? "on" : "off"),
      (error: unknown) => this.#onAnswer(subscription, connection, "unknown", error),
    );
  }

  #onAnswer(subscription: Subscription, connection: number, state: Subscription["state"], error?: unknown): void {
    if (connection !== this.#connection) return;
    subscription.isAsked = false;
    this.#setState(subscription, state);
    if (state === "unknown") {
      // a connection that ends refuses everything, and says so itself
      if (this.#port.isReceiving) this.#onRefusal(subscription, error);
    } else {
      this.#refused.delete(subscription);
      this.#settle(subscription);
    }
    this.#check();
    if (!subscription.isAsked) endWait(subscription);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #onRefusal(subscription: Subscription, error: unknown): void {
    this.#refused.add(subscription);
    if (this.#retry !== undefined) return;
    // where one is refused, many are: the first error of a round tells why
    this.#tell("subscribe", error);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      const refused = [...this.#refused];
      this.#refused.clear();
      for (const each of refused) this.#settle(each);
    }, RETRY_DELAY);
  }

  /** What Redis has not been told yet, the client is told: it subscribes again to all that it knows. */
  #forget(): void {
    for (const { kind, name, state } of this.#subscriptions.values()) {
      if (this.#hasConnected && state !== "off") this.#port.unsubscribe(kind, name).catch(() => {});
    }
    this.#subscriptions.clear();
  }

  #setState(subscription: Subscription, state: Subscription["state"]): void {
    if (subscription.receivers.size > 0) {
      this.#missing += Number(subscription.state === "on") - Number(state === "on");
    }
    subscription.state = state;
  }

  #onReady(): void {
    this.#onLost();
    this.#isConnected = true;
    this.#hasConnected = true;
    for (const each of this.#subscriptions.values()) this.#settle(each);
    this.#check();
  }

  #onChange(): void {
    if (this.#isConnected && !this.#port.isReceiving) this.#onLost();
    this.#check();
  }

  #onLost(): void {
    this.#connection++;
    this.#isConnected = false;
    this.#setInPlace(false);
    this.#refused.clear();
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (const each of this.#subscriptions.values()) {
      // clients may ask again by themselves
      if (each.isAsked || each.state === "on") this.#setState(each, "unknown");
      each.isAsked = false;
      endWait(each);
    }
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #check(): void {
    if (!this.#isConnected || this.#refused.size > 0) return this.#setInPlace(false);
    if (this.#isInPlace || this.#missing > 0) return;
    // whoever begins to use the client subscribes within the same tick
    queueMicrotask(() => {
      if (this.#isConnected && this.#refused.size === 0 && this.#missing === 0) this.#setInPlace(true);
    });
  }

  #setInPlace(isInPlace: boolean): void {
    if (this.#isInPlace === isInPlace) return;
    this.#isInPlace = isInPlace;
    for (const each of this.#users) each.onChange();
  }

  #deliver(kind: SubscriptionKind, name: string, channel: string, bytes: Buffer): void {
    const receivers = this.#subscriptions.get(`${kind} ${name}`)?.receivers;
    if (receivers === undefined) return;
    let own: Buffer | undefined = bytes;
    for (const { deliver, user } of [...receivers]) {
      try {
        // each has bytes that nobody else changes
        deliver(own ?? Buffer.from(bytes), channel);
      } catch (error) {
        user.onError("receive", error);
      }
      own = undefined;
    }
  }

  #tell(stage: "connect" | "subscribe", cause: unknown): void {
    for (const each of this.#users) each.onError(stage, cause);
  }
}
