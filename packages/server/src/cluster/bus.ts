/** Gets what comes on a channel. `channel` is the one that was published to. The bytes are the receiver's to keep. */
export type Deliver = (bytes: Uint8Array, channel: string) => void;

/**
 * Whether a bus carries messages: `connecting` until it has done so for the first time, `down` while it does not any
 * more, `closed` for good.
 */
export type BusStatus = "connecting" | "up" | "down" | "closed";

/** What went wrong at a bus. */
export interface BusError {
  /** What it was doing. */
  readonly stage: "connect" | "publish" | "subscribe" | "size" | "receive";
  /** What the library below said. */
  readonly cause: unknown;
}

/** Messages that a bus was given and has not carried, or may not have carried. */
export interface LostMessages {
  /** How many. */
  readonly count: number;
  /** Their bytes. */
  readonly bytes: number;
  /** `down` = there was no connection; `full` = too many bytes were waiting; `failed` = the bus refused them or cannot tell */
  readonly reason: "down" | "full" | "failed";
  /** When the first of them was published, Unix time in ms. */
  readonly since: number;
}

/** Who looks after a bus. */
export interface BusObserver {
  /** The status has changed. `up` means that all subscriptions are in place, too. */
  onStatus(status: BusStatus): void;
  /** These messages are lost. */
  onLost(lost: LostMessages): void;
  /** Something went wrong. It does not end the bus. */
  onError(error: BusError): void;
}

/**
 * How bytes travel between the nodes of a cluster: publish and subscribe, at most once, in order between one publisher and
 * one subscriber of the same channel. A bus does not deliver twice, not after a reconnection either. What it cannot
 * carry it tells its observers.
 */
export interface Bus {
  /** @see {@link BusStatus} */
  readonly status: BusStatus;
  /**
   * Sends bytes to all who have subscribed to a channel, this node included. Never throws and never waits: what fails is
   * told to the observers. Not more than a limited number of bytes waits for the network.
   */
  publish(channel: string, bytes: Uint8Array): void;
  /**
   * Asks for what is published to a channel.
   * @returns the end of it; calling it again does nothing
   */
  subscribe(channel: string, deliver: Deliver): () => void;
  /**
   * Asks for what is published to all channels that begin so. Missing where the engine below cannot do it.
   * @returns the end of it; calling it again does nothing
   */
  subscribePrefix?(prefix: string, deliver: Deliver): () => void;
  /**
   * Settles when what is published from now on to a channel that was subscribed to comes here, or when the bus cannot say;
   * undefined if that is now. Never rejects. Missing where subscriptions stand at once.
   */
  stands?(channel: string): Promise<void> | undefined;
  /** How many nodes have subscribed to a channel. Missing where the engine below cannot tell. Rejects if it fails to. */
  size?(channel: string): Promise<number>;
  /** Tells of everything that happens to the bus; gives the undo. */
  observe(observer: BusObserver): () => void;
  /** Ends all subscriptions. Connections that were given to the bus are not closed: they are their owner's. */
  close(): Promise<void>;
}
