import { Buffer } from "node:buffer";
import type { Bus, BusObserver, BusStatus, Company, Deliver, LostMessages } from "bowline/cluster";
import { carried, carry, type FromHub, type Pipe, type ToHub } from "./hub-messages.ts";
import { observe } from "./observers.ts";
import { joinPublications, type Queued, readPublications, sizeOf } from "./publications.ts";
import { Subscriptions } from "./subscriptions.ts";
import { Window } from "./window.ts";

/** How long a hub may take to answer, in ms. */
const ANSWER_TIMEOUT = 5_000;
/** Questions that wait for their answer: as many as requests may wait for theirs, by default. */
const MAX_QUESTIONS = 10_000;

/** A node that has published within so many ms goes on, most likely. */
const BUSY = 5;
/** What comes waits so long at most for a turn in which its node publishes, in ms. */
const MAX_HOLD = 2;

interface Question {
  readonly channel: string;
  resolve(count: number): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

/**
 * A bus at a hub that is reached over a pipe: what is published in one turn of the event loop leaves as one message.
 * Subscribers on the same bus get theirs without the hub.
 */
export class HubBus implements Bus, Company {
  /** @internal */
  readonly patience: number = MAX_HOLD;
  readonly #window: Window;
  readonly #subscriptions = new Subscriptions();
  readonly #observers = new Set<BusObserver>();
  readonly #questions = new Map<number, Question>();
  /** By channel, what was asked in this turn and has no answer: asking again is the same question. */
  readonly #asked = new Map<string, Promise<number>>();
  #pipe: Pipe<ToHub> | undefined;
  #status: BusStatus = "connecting";
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #queuedSince = 0;
  #isFlushing = false;
  #lastQuestion = 0;
  #held: Uint8Array[] = [];
  #holdTimer: NodeJS.Timeout | undefined;
  #publishedAt = -Infinity;
  #arrivedAt = -Infinity;
  /** What this node has published last has not met what others say. */
  #isAlone = false;
  #isDelivering = false;
  readonly #arrivals = new Set<() => void>();

  /** @param maxQueuedBytes bytes that wait for the hub; beyond it publications are lost */
  constructor(maxQueuedBytes: number) {
    this.#window = new Window(maxQueuedBytes);
  }

  /** @see {@link Bus.status} */
  get status(): BusStatus {
    return this.#status;
  }

  /** @see {@link Bus.publish} */
  publish(channel: string, bytes: Uint8Array): void {
    const publication = { channel, channelBytes: Buffer.byteLength(channel), bytes };
    const size = sizeOf(publication);
    if (this.#status === "closed") return this.#loseOne("down", bytes);
    if (!this.#window.fits(size)) return this.#loseOne("full", bytes);
    this.#window.reserve(size);
    if (this.#queue.length === 0) this.#queuedSince = Date.now();
    this.#queue.push(publication);
    this.#queuedBytes += size;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#publishedAt = performance.now();
    this.#isAlone = this.#held.length === 0;
    // behind what publishes, and before clients are written to
    if (this.#held.length > 0) queueMicrotask(() => this.#release());
    setImmediate(() => this.#flush());
  }

  /** @see {@link Bus.subscribe} */
  subscribe(channel: string, deliver: Deliver): () => void {
    return this.#subscribe(channel, deliver, false);
  }

  /** @see {@link Bus.subscribePrefix} */
  subscribePrefix(prefix: string, deliver: Deliver): () => void {
    return this.#subscribe(prefix, deliver, true);
  }

  /** @see {@link Bus.size} */
  async size(channel: string): Promise<number> {
    if (this.#status !== "up") throw new Error(`the bus is ${this.#status}`);
    return this.#asked.get(channel) ?? this.#ask(channel);
  }

  #ask(channel: string): Promise<number> {
    if (this.#questions.size >= MAX_QUESTIONS) throw new Error("too many questions wait for an answer");
    const request = ++this.#lastQuestion;
    const answer = new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(request)?.reject(new Error("no answer in time")), ANSWER_TIMEOUT);
      this.#questions.set(request, { channel, resolve, reject, timer: timer.unref() });
    });
    if (this.#asked.size === 0) setImmediate(() => this.#asked.clear());
    this.#asked.set(channel, answer);
    this.#pipe?.send({ type: "count", request, channel });
    return answer;
  }

  /** @see {@link Bus.observe} */
  observe(observer: BusObserver): () => void {
    return observe(this.#observers, observer);
  }

  /** @see {@link Bus.close} */
  async close(): Promise<void> {
    if (this.#status === "closed") return;
    if (this.#status === "up") {
      this.#flush();
      this.#pipe?.send({ type: "bye" });
    }
    this.#end("the bus is closed");
  }

  /** @internal The way to its hub: it is up when the hub has answered. */
  connect(pipe: Pipe<ToHub>): void {
    this.#pipe = pipe;
    pipe.send({ type: "hello" });
  }

  /** @internal What came from the hub. */
  onMessage(message: FromHub): void {
    if (this.#status === "closed") return;
    switch (message.type) {
      case "batch": {
        const batch = carried(message.bytes);
        const taken = this.#window.take(batch.byteLength, message.asks);
        if (taken !== undefined) this.#pipe?.send({ type: "taken", bytes: taken });
        return this.#receive(batch);
      }
      case "taken":
        return this.#window.onTaken(message.bytes);
      case "welcome":
        return this.#onWelcome();
      case "counted":
        return this.#settle(message.request)?.resolve(message.count);
      case "lost":
        return this.#lose({ count: message.count, bytes: message.bytes, reason: "full", since: message.since });
    }
  }

  /** @internal The pipe has ended, for good. */
  onEnd(): void {
    if (this.#status === "closed") return;
    const count = this.#queue.length;
    const bytes = this.#queue.reduce((sum, each) => sum + each.bytes.byteLength, 0);
    this.#setStatus("down");
    if (count > 0) this.#lose({ count, bytes, reason: "down", since: this.#queuedSince });
    this.#end("the bus is down");
  }

  /** @internal Something went wrong. */
  onError(stage: "connect" | "receive", cause: unknown): void {
    for (const observer of this.#observers) observer.onError({ stage, cause });
  }

  // a hub that came after the bus asks for its hello again: it knows nothing of it
  #onWelcome(): void {
    const { channels, prefixes } = this.#subscriptions;
    this.#pipe?.send({ type: "subscribe", channels, prefixes });
    this.#setStatus("up");
    this.#flush();
  }

  #subscribe(channel: string, deliver: Deliver, isPrefix: boolean): () => void {
    // each subscription is one of its own, also of the same function
    const own: Deliver = (bytes, name) => deliver(bytes, name);
    if (this.#status === "closed") return () => {};
    if (this.#subscriptions.add(channel, own, isPrefix)) this.#tell("subscribe", channel, isPrefix);
    return () => {
      if (this.#subscriptions.delete(channel, own, isPrefix)) this.#tell("unsubscribe", channel, isPrefix);
    };
  }

  #tell(type: "subscribe" | "unsubscribe", channel: string, isPrefix: boolean): void {
    if (this.#status !== "up") return;
    this.#pipe?.send(
      isPrefix ? { type, channels: [], prefixes: [channel] } : { type, channels: [channel], prefixes: [] },
    );
  }

  /** Hot path */
  #flush(): void {
    this.#isFlushing = false;
    if (this.#status !== "up" || this.#queue.length === 0) return;
    const size = this.#queuedBytes;
    const batch = joinPublications(this.#queue, size);
    const isWanted = this.#queue.some(({ channel }) => this.#subscriptions.wants(channel));
    this.#queue = [];
    this.#queuedBytes = 0;
    if (this.#pipe !== undefined) {
      this.#pipe.send({ type: "batch", bytes: carry(batch, this.#pipe), asks: this.#window.send(size) });
    }
    // a pipe may hold on to the batch
    if (isWanted) this.#deliver(this.#pipe?.isBinary === true ? Buffer.from(batch) : batch);
  }

  /**
   * Hot path: while this node publishes, too, what comes from others waits for its next turn, a little: then both are one
   * write per client.
   */
  #receive(batch: Uint8Array): void {
    this.#arrivedAt = performance.now();
    this.#held.push(batch);
    if (this.#isAlone || this.#arrivedAt - this.#publishedAt > BUSY) return this.#release();
    if (this.#held.length === 1) {
      this.#holdTimer = setTimeout(() => this.#release(), MAX_HOLD);
    }
  }

  #release(): void {
    clearTimeout(this.#holdTimer);
    const held = this.#held;
    this.#held = [];
    this.#isAlone = false;
    if (this.#status === "closed") return;
    this.#isDelivering = true;
    for (const batch of held) this.#deliver(batch);
    this.#isDelivering = false;
    for (const callback of this.#arrivals) callback();
  }

  /** @see {@link Company.isExpected} */
  get isExpected(): boolean {
    return !this.#isDelivering && performance.now() - this.#arrivedAt < BUSY;
  }

  /** @see {@link Company.onArrival} */
  onArrival(callback: () => void): () => void {
    this.#arrivals.add(callback);
    return () => void this.#arrivals.delete(callback);
  }

  /** Hot path */
  #deliver(batch: Uint8Array): void {
    const isWhole = readPublications(batch, (channel, bytes) => this.#subscriptions.deliver(channel, bytes));
    if (!isWhole) this.onError("receive", new Error("a batch ends in the middle"));
  }

  #settle(request: number): Question | undefined {
    const question = this.#questions.get(request);
    this.#questions.delete(request);
    if (question !== undefined) this.#asked.delete(question.channel);
    clearTimeout(question?.timer);
    return question;
  }

  #end(reason: string): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const request of [...this.#questions.keys()]) this.#settle(request)?.reject(new Error(reason));
    this.#subscriptions.clear();
    this.#setStatus("closed");
  }

  #loseOne(reason: LostMessages["reason"], { byteLength: bytes }: Uint8Array): void {
    this.#lose({ count: 1, bytes, reason, since: Date.now() });
  }

  #lose(lost: LostMessages): void {
    for (const observer of this.#observers) observer.onLost(lost);
  }

  #setStatus(status: BusStatus): void {
    if (this.#status === status) return;
    this.#status = status;
    for (const observer of this.#observers) observer.onStatus(status);
  }
}
