/** Options of a hub and of a bus over `MessagePort`. */
export interface MessagePortOptions {
  /** Bytes that wait for one thread, or of one thread for the hub; beyond it publications are lost. @default 16777216 */
  maxQueuedBytes: number;
}

/** @internal A test compares these with the `@default` notes above. */
export const messagePortDefaults: Readonly<MessagePortOptions> = { maxQueuedBytes: 16_777_216 };
