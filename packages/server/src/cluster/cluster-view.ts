import { ProtocolError } from "@bowline/protocol";
import type { Clock, Timed } from "../clock.ts";
import { callListeners, type ErrorReport, ServerEmitter } from "../server-emitter.ts";
import type { BusError, BusObserver, BusStatus, LostMessages } from "./bus.ts";
import type { Cluster, ClusterLog } from "./cluster.ts";
import type { ClusterSetup } from "./cluster-setup.ts";

/**
 * A hole in what this node and the others have told each other. What the others have published while `reason` was `down`
 * has not come here either: how much that was nobody knows.
 */
export interface ClusterGap {
  /** When it began, Unix time in ms. */
  readonly from: number;
  /** When it ended, Unix time in ms. */
  readonly to: number;
  /** Why: the first reason, if there are several. */
  readonly reason: LostMessages["reason"];
  /** Messages of this node that have not reached the others, or may not have. */
  readonly lost: number;
  /** Their bytes. */
  readonly lostBytes: number;
}

/** Events of `io.cluster`. */
export interface ClusterEvents {
  /** The connection to the other nodes has come or gone. */
  status: (status: ClusterStatus) => void;
  /** Something was lost: told when it is over, or once per second while it goes on. */
  gap: (gap: ClusterGap) => void;
  /** Messages came that are malformed or foreign: told at most once per second. */
  ignored: (details: { readonly channel: string; readonly error: unknown; readonly count: number }) => void;
  /** A node has been heard for the first time. */
  join: (node: string, namespace: string) => void;
  /** A node has said that it goes, or has not been heard for long. */
  leave: (node: string, namespace: string) => void;
}

/** `alone` = this server is in no cluster; the others are those of its bus. */
export type ClusterStatus = BusStatus | "alone";

/** What has been counted since the start. */
export interface ClusterCounts {
  /** Messages published. */
  readonly published: number;
  /** Their bytes. */
  readonly publishedBytes: number;
  /** Messages that came, those of this node itself among them where the bus gives them back. */
  readonly received: number;
  /** Their bytes. */
  readonly receivedBytes: number;
  /** Messages that were malformed or foreign. */
  readonly ignored: number;
  /** Messages of this node that have not reached the others, or may not have. */
  readonly lost: number;
}

/** How often what goes on is told, in ms. */
const PAUSE = 1_000;
/** How often one and the same error of a bus is told, in ms: while an engine is away, each attempt to reach it fails. */
const ERROR_PAUSE = 60_000;
/** Errors of the bus that are remembered. */
const MAX_ERRORS = 32;

interface ViewHost {
  readonly clock: Clock;
  /** For what listeners throw. */
  readonly report: ErrorReport;
  /** For what is the fault of others: it is no error of this server. */
  warn(error: unknown, event: string): void;
  /** The cluster of a namespace. */
  clusterOf(namespace: string): Pick<Cluster, "id" | "nodes"> | undefined;
}

/** The cluster that a server is in, as applications see it: `io.cluster`. */
export class ClusterView extends ServerEmitter<ClusterEvents> implements ClusterLog, BusObserver, Timed {
  /** @internal */
  place = -1;
  /** @internal */
  due = 0;
  readonly #host: ViewHost;
  #setup: ClusterSetup | undefined;
  #stop: (() => void) | undefined;
  readonly #counts = { published: 0, publishedBytes: 0, received: 0, receivedBytes: 0, ignored: 0, lost: 0 };
  #gap: { from: number; reason: LostMessages["reason"]; lost: number; lostBytes: number } | undefined;
  #ignored: { channel: string; error: unknown; count: number } | undefined;
  #quietUntil = 0;
  /** When errors of the bus were last told, by what they say. */
  readonly #told = new Map<string, number>();

  /** @internal */
  constructor(host: ViewHost) {
    super();
    this.#host = host;
  }

  /** Whether this node and the others reach each other. */
  get status(): ClusterStatus {
    return this.#setup?.bus.status ?? "alone";
  }

  /** What has been counted since the start. */
  get counts(): ClusterCounts {
    return { ...this.#counts };
  }

  /**
   * The id of this node in a namespace; undefined if it is in no cluster.
   * @param namespace its name. @default "/"
   */
  nodeId(namespace: string = "/"): string | undefined {
    return this.#host.clusterOf(namespace)?.id;
  }

  /**
   * The ids of the other nodes that have been heard in a namespace.
   * @param namespace its name. @default "/"
   */
  nodes(namespace: string = "/"): readonly string[] {
    return this.#host.clusterOf(namespace)?.nodes ?? [];
  }

  /** @internal The server joins a cluster, leaves one, or both. */
  use(setup: ClusterSetup | undefined): void {
    this.#stop?.();
    this.#flush();
    this.#host.clock.clear(this);
    this.#told.clear();
    this.#setup = setup;
    this.#stop = setup?.bus.observe(this);
    if (setup?.bus.status === "down") this.onStatus("down");
  }

  /** @internal */
  onPublished(bytes: number): void {
    this.#counts.published++;
    this.#counts.publishedBytes += bytes;
  }

  /** @internal */
  onReceived(bytes: number): void {
    this.#counts.received++;
    this.#counts.receivedBytes += bytes;
  }

  /** @internal */
  onIgnored(channel: string, error: unknown): void {
    this.#counts.ignored++;
    const count = (this.#ignored?.count ?? 0) + 1;
    this.#ignored = { channel, error, count };
    this.#tellSoon();
  }

  /** @internal */
  onJoin(namespace: string, node: string): void {
    this.#fire("join", [node, namespace]);
  }

  /** @internal */
  onLeave(namespace: string, node: string): void {
    this.#fire("leave", [node, namespace]);
  }

  /** @internal */
  onStatus(status: BusStatus): void {
    if (status === "down") this.#gap ??= { from: Date.now(), reason: "down", lost: 0, lostBytes: 0 };
    // what comes after an outage is another one's
    if (status === "up") this.#told.clear();
    this.#fire("status", [status]);
    if (status === "up" || status === "closed") this.#tellGap();
  }

  /** @internal */
  onLost({ count, bytes, reason, since }: LostMessages): void {
    this.#counts.lost += count;
    const gap = (this.#gap ??= { from: since, reason, lost: 0, lostBytes: 0 });
    gap.from = Math.min(gap.from, since);
    gap.lost += count;
    gap.lostBytes += bytes;
    // while the bus is down the gap is open
    if (this.status === "up") this.#tellSoon();
  }

  /** @internal */
  onError({ stage, cause }: BusError): void {
    const { code, message = String(cause) } = Object(cause) as { readonly code?: unknown; readonly message?: unknown };
    const text = `${stage} ${String(code)} ${String(message)}`;
    const now = this.#host.clock.now();
    if (now < (this.#told.get(text) ?? -Infinity) + ERROR_PAUSE) return;
    this.#told.delete(text);
    this.#told.set(text, now);
    // a Map remembers in which order it was filled
    const [oldest = text] = this.#told.keys();
    if (this.#told.size > MAX_ERRORS) this.#told.delete(oldest);
    this.#host.warn(cause, `cluster ${stage}`);
  }

  /** @internal */
  advance(): void {
    if (this.status === "up") this.#tellGap();
    this.#tellIgnored();
  }

  /** The first at once, the others together. */
  #tellSoon(): void {
    if (this.place >= 0) return;
    const { clock } = this.#host;
    const now = clock.now();
    clock.set(this, Math.max(now, this.#quietUntil));
    this.#quietUntil = Math.max(now, this.#quietUntil) + PAUSE;
  }

  #flush(): void {
    this.#tellGap();
    this.#tellIgnored();
  }

  #tellGap(): void {
    const gap = this.#gap;
    if (gap === undefined) return;
    this.#gap = undefined;
    this.#fire("gap", [{ ...gap, to: Date.now() }]);
  }

  #tellIgnored(): void {
    const ignored = this.#ignored;
    if (ignored === undefined) return;
    this.#ignored = undefined;
    const { count, channel, error } = ignored;
    this.#fire("ignored", [ignored]);
    const text = `${count} ${count === 1 ? "message" : "messages"} of other nodes ignored, the last on ${channel}`;
    this.#host.warn(new ProtocolError("cluster_message_ignored", text, { cause: error }), "cluster");
  }

  #fire(event: keyof ClusterEvents, args: unknown[]): void {
    callListeners(this.listenersOf(event), this, args, (error) => this.#host.report(error, `cluster ${event}`));
  }
}
