import { Buffer } from "node:buffer";
import { carried, type Carried, carry, type FromHub, type Pipe, type ToHub } from "./hub-messages.ts";
import { readPublications, viewOf } from "./publications.ts";
import { addTo, deleteFrom } from "./subscriptions.ts";
import { Window } from "./window.ts";

/** How long losses are gathered before their publisher is told, in ms. */
const LOSSES_DELAY = 50;

/** A bus, as its hub sees it. */
export interface Member {
  /** What came from its pipe. */
  onMessage(message: ToHub): void;
  /** Its pipe has ended: it is forgotten. */
  onEnd(): void;
}

/**
 * What buses meet at: carries what one publishes to the others that have subscribed to it, and to nobody else. What came
 * in one turn of the event loop leaves as one message per bus.
 */
export class Hub {
  readonly #maxQueuedBytes: number;
  readonly #channels = new Map<string, Set<HubMember>>();
  readonly #prefixes = new Map<string, Set<HubMember>>();
  #full: HubMember[] = [];

  /** @param maxQueuedBytes bytes that wait for one bus; beyond it publications are lost for it, and their publisher is told */
  constructor(maxQueuedBytes: number) {
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  /** Takes a bus in. */
  connect(pipe: Pipe<FromHub>): Member {
    const member: HubMember = new HubMember(pipe, this.#maxQueuedBytes, {
      subscribe: (channel, isPrefix) => void addTo(isPrefix ? this.#prefixes : this.#channels, channel, member),
      unsubscribe: (channel, isPrefix) => void deleteFrom(isPrefix ? this.#prefixes : this.#channels, channel, member),
      count: (channel) => this.#channels.get(channel)?.size ?? 0,
      carry: (batch) => this.#carry(member, batch),
    });
    return member;
  }

  /** Hot path */
  #carry(from: HubMember, given: Carried): number {
    const batch = viewOf(carried(given));
    readPublications(batch, (channel, _bytes, start, end) => {
      const members = this.#channels.get(channel);
      if (members !== undefined) for (const member of members) this.#give(member, from, batch, start, end);
      for (const [prefix, more] of this.#prefixes) {
        if (!channel.startsWith(prefix)) continue;
        // a bus that gets it already finds its subscribers by itself
        for (const member of more) if (members?.has(member) !== true) this.#give(member, from, batch, start, end);
      }
    });
    return batch.length;
  }

  #give(member: HubMember, from: HubMember, batch: Buffer, start: number, end: number): void {
    if (member === from) return;
    if (!member.fits(end - start)) return from.onLoss(end - start);
    if (!member.add(batch, start, end)) return;
    if (this.#full.push(member) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const full = this.#full;
    this.#full = [];
    for (const member of full) member.flush();
  }
}

interface MemberHub {
  subscribe(channel: string, isPrefix: boolean): void;
  unsubscribe(channel: string, isPrefix: boolean): void;
  count(channel: string): number;
  /** Carries a batch to the others; returns its bytes. */
  carry(batch: Carried): number;
}

/** A part of a batch that came. */
interface Segment {
  readonly batch: Buffer;
  readonly start: number;
  end: number;
}

class HubMember implements Member {
  readonly #pipe: Pipe<FromHub>;
  readonly #hub: MemberHub;
  readonly #window: Window;
  readonly #channels = new Set<string>();
  readonly #prefixes = new Set<string>();
  #segments: Segment[] = [];
  #lost = { count: 0, bytes: 0, since: 0 };
  #ended = false;

  constructor(pipe: Pipe<FromHub>, maxQueuedBytes: number, hub: MemberHub) {
    this.#pipe = pipe;
    this.#hub = hub;
    this.#window = new Window(maxQueuedBytes);
  }

  onMessage(message: ToHub): void {
    switch (message.type) {
      case "batch": {
        const taken = this.#window.take(this.#hub.carry(message.bytes), message.asks);
        return taken === undefined ? undefined : this.#pipe.send({ type: "taken", bytes: taken });
      }
      case "taken":
        return this.#window.onTaken(message.bytes);
      case "hello":
        // it tells what it has subscribed to again
        this.#unsubscribeAll();
        return this.#pipe.send({ type: "welcome" });
      case "subscribe":
        for (const channel of message.channels) this.#subscribe(channel, this.#channels, false);
        for (const prefix of message.prefixes) this.#subscribe(prefix, this.#prefixes, true);
        return;
      case "unsubscribe":
        for (const channel of message.channels) this.#unsubscribe(channel, this.#channels, false);
        for (const prefix of message.prefixes) this.#unsubscribe(prefix, this.#prefixes, true);
        return;
      case "count": {
        const { request, channel } = message;
        return this.#pipe.send({ type: "counted", request, count: this.#hub.count(channel) });
      }
      case "bye":
        return this.onEnd();
    }
  }

  onEnd(): void {
    this.#ended = true;
    this.#unsubscribeAll();
    this.#segments = [];
  }

  fits(bytes: number): boolean {
    return this.#window.fits(bytes);
  }

  /** Hot path: keeps a publication for the end of the turn; true: it is the first. */
  add(batch: Buffer, start: number, end: number): boolean {
    this.#window.reserve(end - start);
    const last = this.#segments.at(-1);
    if (last?.batch === batch && last.end === start) last.end = end;
    else this.#segments.push({ batch, start, end });
    return last === undefined;
  }

  /** Hot path */
  flush(): void {
    const parts = this.#segments.map(({ batch, start, end }) => batch.subarray(start, end));
    this.#segments = [];
    if (this.#ended || parts.length === 0) return;
    const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    const asks = this.#window.send(bytes.length);
    this.#pipe.send({ type: "batch", bytes: carry(bytes, this.#pipe), asks });
  }

  /** A publication of it did not reach somebody. */
  onLoss(bytes: number): void {
    this.#lost.count++;
    this.#lost.bytes += bytes;
    if (this.#lost.count > 1) return;
    this.#lost.since = Date.now();
    setTimeout(() => {
      const lost = this.#lost;
      this.#lost = { count: 0, bytes: 0, since: 0 };
      if (!this.#ended) this.#pipe.send({ type: "lost", ...lost });
    }, LOSSES_DELAY).unref();
  }

  #subscribe(channel: string, all: Set<string>, isPrefix: boolean): void {
    all.add(channel);
    this.#hub.subscribe(channel, isPrefix);
  }

  #unsubscribe(channel: string, all: Set<string>, isPrefix: boolean): void {
    if (all.delete(channel)) this.#hub.unsubscribe(channel, isPrefix);
  }

  #unsubscribeAll(): void {
    for (const channel of this.#channels) this.#hub.unsubscribe(channel, false);
    for (const prefix of this.#prefixes) this.#hub.unsubscribe(prefix, true);
    this.#channels.clear();
    this.#prefixes.clear();
  }
}
