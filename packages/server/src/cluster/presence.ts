import type { Clock, Timed } from "../clock.ts";

/** Nodes of a language without signs of life are remembered for so long after their last message, in ms. */
const REMEMBERED = 300_000;

interface PresenceOptions {
  readonly heartbeatInterval: number;
  readonly heartbeatTimeout: number;
  readonly maxNodes: number;
}

interface PresenceEvents {
  /** Time for a sign of life. */
  onBeat(): void;
  onJoin(id: string): void;
  onLeave(id: string): void;
}

/** The other nodes of a namespace, as far as they have been heard. */
export class Presence implements Timed {
  place = -1;
  due = 0;
  /** When each was last heard, the longest silent first. */
  readonly #heard = new Map<string, number>();
  readonly #clock: Clock;
  readonly #options: PresenceOptions;
  readonly #events: PresenceEvents;
  /** A node that has been silent for so long is gone, in ms. */
  readonly #lifetime: number;
  #nextBeat = Infinity;
  #isClosed = false;

  /** @param beats whether nodes tell regularly that they are there */
  constructor(clock: Clock, options: PresenceOptions, beats: boolean, events: PresenceEvents) {
    this.#clock = clock;
    this.#options = options;
    this.#events = events;
    this.#lifetime = beats ? options.heartbeatTimeout || Infinity : REMEMBERED;
    if (beats && options.heartbeatInterval > 0) this.#nextBeat = clock.now() + options.heartbeatInterval;
    clock.set(this, this.#nextTime());
  }

  /** The ids of the nodes that are there. */
  get ids(): readonly string[] {
    return [...this.#heard.keys()];
  }

  get size(): number {
    return this.#heard.size;
  }

  /** Hot path. A node has said something. */
  hear(id: string): void {
    const isNew = !this.#heard.delete(id);
    this.#heard.set(id, this.#clock.now());
    if (!isNew) return;
    const { maxNodes } = this.#options;
    if (maxNodes !== 0 && this.#heard.size > maxNodes) this.#forgetOldest();
    this.#clock.set(this, this.#nextTime());
    this.#events.onJoin(id);
  }

  /** A node has said that it goes. */
  forget(id: string): void {
    if (this.#heard.delete(id)) this.#events.onLeave(id);
  }

  advance(now: number): void {
    if (now >= this.#nextBeat) {
      this.#nextBeat = now + this.#options.heartbeatInterval;
      this.#events.onBeat();
    }
    for (const [id, heard] of this.#heard) {
      if (heard + this.#lifetime > now) break;
      this.forget(id);
    }
    // who is told that a node has gone may have closed this
    if (!this.#isClosed) this.#clock.set(this, this.#nextTime());
  }

  close(): void {
    this.#isClosed = true;
    this.#clock.clear(this);
    this.#heard.clear();
  }

  #nextTime(): number {
    const oldest = this.#heard.values().next().value;
    return Math.min(this.#nextBeat, oldest === undefined ? Infinity : oldest + this.#lifetime);
  }

  #forgetOldest(): void {
    const oldest = this.#heard.keys().next().value;
    if (oldest !== undefined) this.forget(oldest);
  }
}
