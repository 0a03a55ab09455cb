import { ErrorCode, type Refusal } from "./admission.ts";
import type { Clock } from "./clock.ts";
import type { Limits } from "./options.ts";

/** A connection that has joined no namespace yet. */
export interface Pending {
  /** Gives it less time. */
  hurry(by: number): void;
}

const BUSY: Refusal = {
  status: 503,
  code: ErrorCode.BAD_REQUEST,
  message: "Server busy",
  context: { name: "TOO_MANY_PENDING" },
  limit: "maxPending",
  headers: { "Retry-After": "1" },
};
const BUSY_ADDRESS: Refusal = {
  ...BUSY,
  status: 429,
  context: { name: "TOO_MANY_PENDING_OF_ADDRESS" },
  limit: "maxPendingPerAddress",
};

/** Connections that have joined no namespace yet: bounded, in all and per address (abuse matrix 26). */
export class PendingConnections {
  readonly #limits: Limits;
  readonly #clock: Clock;
  /** With the address that counts for each, oldest first: those that have all their time, and those that must hurry. */
  readonly #calm = new Map<Pending, string | undefined>();
  readonly #hurried = new Map<Pending, string | undefined>();
  readonly #perAddress = new Map<string, number>();

  constructor(limits: Limits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** How many there are. */
  get size(): number {
    return this.#calm.size + this.#hurried.size;
  }

  /** Whether it has been given less time. */
  isHurried(connection: Pending): boolean {
    return this.#hurried.has(connection);
  }

  /** Why one more from this address is refused, or undefined. */
  check(address: string | undefined): Refusal | undefined {
    const { maxPending, maxPendingPerAddress } = this.#limits;
    if (maxPending !== 0 && this.size >= maxPending) return BUSY;
    if (address === undefined || maxPendingPerAddress === 0) return undefined;
    return (this.#perAddress.get(address) ?? 0) >= maxPendingPerAddress ? BUSY_ADDRESS : undefined;
  }

  add(connection: Pending, address: string | undefined): void {
    const { maxPending, pendingTimeout } = this.#limits;
    this.#calm.set(connection, address);
    if (address !== undefined) this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    if (maxPending === 0 || pendingTimeout === 0) return;
    // under pressure the oldest have to hurry
    for (const [oldest, theirs] of this.#calm) {
      if (this.#calm.size <= maxPending / 2) return;
      this.#calm.delete(oldest);
      this.#hurried.set(oldest, theirs);
      oldest.hurry(this.#clock.now() + pendingTimeout);
    }
  }

  delete(connection: Pending): void {
    const address = this.#calm.get(connection) ?? this.#hurried.get(connection);
    const isKnown = this.#calm.delete(connection) || this.#hurried.delete(connection);
    if (!isKnown || address === undefined) return;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }
}
