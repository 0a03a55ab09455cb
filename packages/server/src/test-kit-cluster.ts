import { bowlineCodec } from "./cluster/bowline-codec.ts";
import type { Bus } from "./cluster/bus.ts";
import type { ClusterCodec } from "./cluster/cluster-codec.ts";
import type { ClusterMessage } from "./cluster/cluster-message.ts";
import { type ClusterOptions, type ClusterSetup, clusterSetup } from "./cluster/cluster-setup.ts";
import { type MemoryBus, MemoryNetwork } from "./cluster/memory-bus.ts";
import type { ServerOptions } from "./options.ts";
import { type Peer, setTheStage, type Stage, VirtualTime } from "./test-kit.ts";

/** How a node of a test joins the cluster. */
export interface NodeOptions {
  readonly codec?: ClusterCodec;
  readonly cluster?: Partial<ClusterOptions>;
  readonly server?: Partial<ServerOptions>;
  /** False: its bus cannot count nodes. @default true */
  readonly counts?: boolean;
}

/** A server of a cluster. */
export interface Node extends Stage {
  readonly bus: MemoryBus;
  readonly setup: ClusterSetup;
  /** The id of the node in `/`. */
  readonly id: string;
  /** What has been written to a client since the last call. */
  take(peer: Peer): unknown[];
}

/** Who says something, where, and to whom if not to all. */
interface Saying {
  readonly id?: string;
  readonly namespace?: string;
  readonly to?: string;
}

/** What travelled. */
export interface Travelled {
  readonly channel: string;
  readonly bytes: Uint8Array;
}

/** A bus that cannot count. */
export function countless(bus: MemoryBus): Bus {
  return {
    get status() {
      return bus.status;
    },
    publish: (channel, bytes) => bus.publish(channel, bytes),
    subscribe: (channel, deliver) => bus.subscribe(channel, deliver),
    subscribePrefix: (prefix, deliver) => bus.subscribePrefix(prefix, deliver),
    observe: (observer) => bus.observe(observer),
    close: () => bus.close(),
  };
}

/** Servers on one virtual time, and a network whose messages arrive when the test says so. */
export class ClusterStage {
  readonly time: VirtualTime = new VirtualTime();
  readonly #queue: (() => void)[] = [];
  readonly network: MemoryNetwork = new MemoryNetwork((run) => this.#queue.push(run));
  /** Somebody else on the network, who hears everything and may say anything. */
  readonly stranger: MemoryBus = this.network.connect();
  readonly travelled: Travelled[] = [];

  constructor() {
    this.stranger.subscribePrefix("", (bytes, channel) => void this.travelled.push({ channel, bytes }));
  }

  node({ codec = bowlineCodec(), cluster = {}, server = {}, counts = true }: NodeOptions = {}): Node {
    const bus = this.network.connect();
    const setup = clusterSetup(counts ? bus : countless(bus), codec, cluster);
    const stage = setTheStage({ ...server, adapter: setup }, this.time);
    const id = stage.server.cluster.nodeId() ?? "";
    const take = (peer: Peer): unknown[] => {
      this.time.settle();
      return peer.transport.take();
    };
    return { ...stage, bus, setup, id, take };
  }

  /** Says something as a node that is not there. */
  say(codec: ClusterCodec, message: ClusterMessage, { id = "ghost", namespace = "/", to = "" }: Saying = {}): void {
    for (const { channel, bytes } of codec.encode({ id, namespace }, message, to === "" ? undefined : to)) {
      this.stranger.publish(channel, bytes);
    }
  }

  /** Lets arrive what is on its way, and what it sets off. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 5; quiet++) {
      for (let run = this.#queue.shift(); run !== undefined; run = this.#queue.shift()) {
        run();
        quiet = 0;
      }
      this.time.settle();
      await Promise.resolve();
    }
  }

  /** Lets time pass, in steps that signs of life arrive between. */
  async advance(ms: number, step: number = 500): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.time.advance(Math.min(step, left));
      await this.settle();
    }
  }
}
