import type { IncomingMessage } from "node:http";

/** Tells whose request this is, for limits per address. */
export type ClientAddress = (request: IncomingMessage) => string;

/** Loopback and private addresses may be a proxy, behind which everyone is. */
const LOCAL = /^(::ffff:)?(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)|^(::1$|f[cd]|fe80:)/;
const PROXY_HEADERS = ["forwarded", "x-forwarded-for", "cf-connecting-ip"];
let warned = false;

/** The address that limits count for a request; undefined where it would be that of a proxy (abuse matrix, limits). */
export function limitedAddress(request: IncomingMessage, option: ClientAddress | undefined): string | undefined {
  if (option !== undefined) return option(request);
  const address = request.socket.remoteAddress ?? "";
  if (PROXY_HEADERS.some((name) => name in request.headers)) {
    if (!warned) {
      warned = true;
      process.emitWarning(
        "requests come through a proxy: set the option clientAddress, or limits per address are off",
        {
          code: "BOWLINE",
        },
      );
    }
    return undefined;
  }
  // who has none, as behind a Unix socket, is not one client
  return address === "" || LOCAL.test(address) ? undefined : address;
}

/** Counts events per address and minute. Holds a bounded number of addresses; beyond it nobody new is counted. */
export class RatePerAddress {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();
  #windowEnd = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether there were more than the limit within this minute; counts none. */
  isExceeded(address: string | undefined, now: number): boolean {
    if (address === undefined || this.#limit === 0 || now >= this.#windowEnd) return false;
    return (this.#counts.get(address) ?? 0) > this.#limit;
  }

  /** Counts one; true = more than the limit within this minute. */
  exceeds(address: string | undefined, now: number): boolean {
    if (address === undefined || this.#limit === 0) return false;
    if (now >= this.#windowEnd) {
      this.#counts.clear();
      this.#windowEnd = now + WINDOW;
    }
    const count = (this.#counts.get(address) ?? 0) + 1;
    if (count > 1 || this.#counts.size < MAX_ADDRESSES) this.#counts.set(address, count);
    return count > this.#limit;
  }
}

const WINDOW = 60_000;
const MAX_ADDRESSES = 10_000;
