/** How a packet is sent. */
export interface EmitFlags {
  /** It may be lost. */
  readonly volatile?: boolean;
  /** Whether it may be compressed. @default true */
  readonly compress?: boolean;
  /** Only to clients of this node. */
  readonly local?: boolean;
  /** For acknowledgements, in ms. */
  readonly timeout?: number;
}
