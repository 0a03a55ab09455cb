import type { Deliver } from "bowline/cluster";

/** Who gets what is published: by channel, and by the beginning of channels. */
export class Subscriptions {
  readonly #channels = new Map<string, Set<Deliver>>();
  readonly #prefixes = new Map<string, Set<Deliver>>();

  /** The channels that somebody has subscribed to. */
  get channels(): string[] {
    return [...this.#channels.keys()];
  }

  /** The same, of beginnings. */
  get prefixes(): string[] {
    return [...this.#prefixes.keys()];
  }

  /** Returns true for the first one of its channel. */
  add(channel: string, deliver: Deliver, isPrefix = false): boolean {
    return addTo(isPrefix ? this.#prefixes : this.#channels, channel, deliver);
  }

  /** Returns true for the last one of its channel. */
  delete(channel: string, deliver: Deliver, isPrefix = false): boolean {
    return deleteFrom(isPrefix ? this.#prefixes : this.#channels, channel, deliver);
  }

  clear(): void {
    this.#channels.clear();
    this.#prefixes.clear();
  }

  /** Hot path: calls everybody who has subscribed to a channel. Each gets bytes of its own where there are several. */
  deliver(channel: string, bytes: Uint8Array): void {
    const delivers = this.#channels.get(channel);
    if (delivers?.size === 1 && this.#prefixes.size === 0) {
      for (const deliver of delivers) return deliver(bytes, channel);
    }
    const all = delivers === undefined ? [] : [...delivers];
    for (const [prefix, more] of this.#prefixes) if (channel.startsWith(prefix)) all.push(...more);
    all.forEach((deliver, index) => deliver(index === 0 ? bytes : new Uint8Array(bytes), channel));
  }

  /** Whether anybody has subscribed to a channel. */
  wants(channel: string): boolean {
    if (this.#channels.has(channel)) return true;
    for (const prefix of this.#prefixes.keys()) if (channel.startsWith(prefix)) return true;
    return false;
  }
}

/** Adds to the set of a key; true if it is the first there. */
export function addTo<Value>(map: Map<string, Set<Value>>, key: string, value: Value): boolean {
  const values = map.get(key);
  if (values === undefined) map.set(key, new Set([value]));
  else values.add(value);
  return values === undefined;
}

/** Deletes from the set of a key; true if it was the last there. */
export function deleteFrom<Value>(map: Map<string, Set<Value>>, key: string, value: Value): boolean {
  const values = map.get(key);
  if (values?.delete(value) !== true || values.size > 0) return false;
  map.delete(key);
  return true;
}
