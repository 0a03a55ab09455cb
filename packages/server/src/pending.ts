import { ErrorCode, type Refusal } from "./admission.ts";
import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { Limits } from "./options.ts";

/** Loopback and private addresses may be a proxy, behind which everyone is. */
const LOCAL = /^(::1$|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd]|fe80:|::ffff:(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.))/;

const BUSY: Refusal = {
  status: 503,
  code: ErrorCode.BAD_REQUEST,
  message: "Server busy",
  context: { name: "TOO_MANY_PENDING" },
  headers: { "Retry-After": "1" },
};
const BUSY_ADDRESS: Refusal = { ...BUSY, status: 429, context: { name: "TOO_MANY_PENDING_OF_ADDRESS" } };

/** Connections that have joined no namespace yet: bounded, in all and per address (abuse matrix 26). */
export class PendingConnections {
  readonly #limits: Limits;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #connections = new Set<Connection>();
  readonly #perAddress = new Map<string, number>();

  constructor(limits: Limits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Why one more from this address is refused, or undefined. */
  check(address: string): Refusal | undefined {
    const { maxPending, maxPendingPerAddress } = this.#limits;
    if (maxPending !== 0 && this.#connections.size >= maxPending) return BUSY;
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (maxPendingPerAddress !== 0 && ofAddress >= maxPendingPerAddress && !LOCAL.test(address)) return BUSY_ADDRESS;
    return undefined;
  }

  add(connection: Connection): void {
    const { maxPending, pendingTimeout } = this.#limits;
    this.#connections.add(connection);
    const address = connection.remoteAddress;
    this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
    if (maxPending === 0 || pendingTimeout === 0 || this.#connections.size <= maxPending / 2) return;
    // under pressure the oldest have to hurry
    const [oldest] = this.#connections;
    oldest?.hurry(this.#clock.now() + pendingTimeout);
  }

  delete(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    const address = connection.remoteAddress;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }
}
