import type { Frame } from "@bowline/protocol";
import { randomId } from "./random-id.ts";
import type { Room } from "./room.ts";
import type { Target } from "./room-index.ts";

/** An event that clients may have missed. */
export interface LoggedEvent {
  /** Whom it was sent to: a broadcast's target, or the id of one socket. */
  readonly to: Target | Room;
  /** The Engine.IO packets that carry it. */
  readonly packets: readonly Frame[];
  readonly compress: boolean;
  /** What it costs to keep. */
  readonly bytes: number;
  /** When it was sent, in ms. */
  readonly at: number;
}

/** How much is kept. 0 = no limit. */
export interface LogLimits {
  readonly maxBytes: number;
  /** In ms. */
  readonly maxAge: number;
}

/** Slots of events that were let go, before the list is cut. */
const MAX_EMPTY = 1_024;

/**
 * The last events of a namespace, numbered from 1. What clients are given as offset is `<epoch>.<position>`; the epoch is
 * new with each log, so that positions of another one are known as foreign (socket-protocol §7).
 */
export class EventLog {
  readonly #epoch = randomId().slice(0, 8);
  readonly #limits: LogLimits;
  #events: (LoggedEvent | undefined)[] = [];
  /** Index of the oldest event that is still there. */
  #start = 0;
  #bytes = 0;
  #last = 0;
  /** Position of the newest event that was let go because of the bytes. */
  #spilled = 0;

  constructor(limits: LogLimits) {
    this.#limits = limits;
  }

  /** Position of the newest event, 0 if there was none. */
  get last(): number {
    return this.#last;
  }

  get byteLength(): number {
    return this.#bytes;
  }

  /** The time at which the oldest event is to be let go; Infinity if there is none. */
  get deadline(): number {
    const oldest = this.#events[this.#start];
    return oldest === undefined || this.#limits.maxAge === 0 ? Infinity : oldest.at + this.#limits.maxAge;
  }

  /** How a position is written. */
  offsetOf(position: number): string {
    return `${this.#epoch}.${position.toString(36)}`;
  }

  /** What an offset says; undefined if this log has never given it. */
  positionOf(offset: unknown): number | undefined {
    if (typeof offset !== "string" || !offset.startsWith(`${this.#epoch}.`)) return undefined;
    const text = offset.slice(this.#epoch.length + 1);
    const position = text.length > MAX_DIGITS ? NaN : Number.parseInt(text, 36);
    const isOurs = position >= 0 && position <= this.#last && position.toString(36) === text;
    return isOurs ? position : undefined;
  }

  /** Whether everything behind a position is still there. */
  reaches(position: number): boolean {
    return this.#last - position <= this.#events.length - this.#start;
  }

  /** Whether it would still be there, were it not for the bytes. */
  hasSpilled(position: number): boolean {
    return position < this.#spilled;
  }

  /** Notes the next event. */
  append(event: LoggedEvent): void {
    this.#last++;
    this.#events.push(event);
    this.#bytes += event.bytes;
    this.trim(event.at);
  }

  /** Counts an event that nobody will ask for; with it goes all that is older. */
  skip(): void {
    this.#last++;
    this.clear();
  }

  /** Lets go of what is too old or too much. */
  trim(now: number): void {
    const { maxBytes } = this.#limits;
    while (now >= this.deadline) this.#letGo();
    while (maxBytes !== 0 && this.#bytes > maxBytes) {
      this.#letGo();
      this.#spilled = this.#last - (this.#events.length - this.#start);
    }
    if (this.#start < MAX_EMPTY || 2 * this.#start < this.#events.length) return;
    this.#events = this.#events.slice(this.#start);
    this.#start = 0;
  }

  #letGo(): void {
    this.#bytes -= this.#events[this.#start]?.bytes ?? 0;
    this.#events[this.#start++] = undefined;
  }

  clear(): void {
    this.#events = [];
    this.#start = this.#bytes = 0;
  }

  /** The events behind a position, with theirs. Also those that are noted while it is walked. */
  *after(position: number): Generator<readonly [position: number, event: LoggedEvent]> {
    for (let next = position + 1; next <= this.#last; next++) {
      const event = this.#events[this.#events.length - 1 - (this.#last - next)];
      if (event !== undefined) yield [next, event];
    }
  }
}

/** Enough for every safe integer. */
const MAX_DIGITS = 11;
