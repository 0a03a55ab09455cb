/**
 * Other nodes that talk at the same time: what is sent to many waits a moment for what they say, so that both are one write
 * per client.
 */
export interface Company {
  /** Whether they are about to say something. */
  readonly isExpected: boolean;
  /** How long to wait for it at most, in ms. */
  readonly patience: number;
  /** Calls back when it has been delivered; gives the undo. */
  onArrival(callback: () => void): () => void;
}
