import type { Clock } from "./clock.ts";
import { limitDefaults, type Limits } from "./options.ts";
import { limit as limitTrace } from "./trace.ts";

/** What a peer can run into: the limits, and v4's own one. */
export type LimitName = keyof Limits | "maxHttpBufferSize";

/** Gets told of a limit at most once per second; `more` = how often since it was last told. */
export type LimitListener = (limit: LimitName, more: number) => void;

/** How often the same limit is told of, in ms (abuse matrix, limits). */
const TELLING_TIME = 1_000;

interface Told {
  until: number;
  /** How often it had been violated then. */
  count: number;
}

/** Counts violated limits, and tells of each at most once per second. */
export class Refusals {
  readonly counts: Record<LimitName, number>;
  readonly #clock: Clock;
  readonly #tell: LimitListener;
  readonly #told = new Map<LimitName, Told>();

  constructor(clock: Clock, tell: LimitListener) {
    this.#clock = clock;
    this.#tell = tell;
    const names = ["maxHttpBufferSize", ...Object.keys(limitDefaults)];
    this.counts = Object.fromEntries(names.map((name) => [name, 0])) as Record<LimitName, number>;
  }

  add(limit: LimitName): void {
    const count = ++this.counts[limit];
    if (limitTrace.hasSubscribers) limitTrace.publish({ limit, count });
    const now = this.#clock.now();
    const told = this.#told.get(limit);
    if (told !== undefined && now < told.until) return;
    this.#told.set(limit, { until: now + TELLING_TIME, count });
    this.#tell(limit, count - (told?.count ?? 0));
  }
}

/** The limit that has ended a connection, by the code of its error or by what its transport said. */
export function limitBehind(detail: string, error: Error | undefined): LimitName | undefined {
  const code = error !== undefined && "code" in error ? String(error.code) : "";
  return BY_CODE.get(code) ?? BY_DETAIL.get(detail);
}

const BY_CODE: ReadonlyMap<string, LimitName> = new Map([
  ["attachments_late", "attachmentTimeout"],
  ["auth_too_large", "maxAuthBytes"],
  ["event_name_too_long", "maxEventNameBytes"],
  ["message_late", "messageTimeout"],
  ["namespace_too_long", "maxNamespaceBytes"],
  ["packet_too_large", "maxPacketBytes"],
  ["too_deep", "maxDepth"],
  ["too_many_attachments", "maxAttachments"],
  ["webtransport_strays", "maxStrayStreams"],
  ["webtransport_too_big", "maxHttpBufferSize"],
  ["websocket_too_big", "maxHttpBufferSize"],
  ["websocket_too_many_parts", "maxParts"],
]);

const BY_DETAIL: ReadonlyMap<string, LimitName> = new Map([
  ["control frame flood", "controlFramesPerSecond"],
  ["data request timed out", "bodyTimeout"],
  ["data request too large", "maxHttpBufferSize"],
  ["ping flood", "maxPendingPongs"],
]);
