/** Revision of the Socket.IO protocol; that of Engine.IO is 4. */
export const protocol = 5;

// PacketType as constants, at the top of the file: from here bundlers put in the numbers
/** A client joins a namespace, or the answer: it has joined. */
export const CONNECT: typeof PacketType.CONNECT = 0;
/** One side leaves a namespace. */
export const DISCONNECT: typeof PacketType.DISCONNECT = 1;
/** An event. */
export const EVENT: typeof PacketType.EVENT = 2;
/** The answer to an event. */
export const ACK: typeof PacketType.ACK = 3;
/** A client was not let into a namespace. */
export const CONNECT_ERROR: typeof PacketType.CONNECT_ERROR = 4;

/** Socket.IO v5 packet types (socket-protocol §1). Types 5 and 6 exist on the wire only: readers give 2 and 3. */
export const PacketType = {
  CONNECT: 0,
  DISCONNECT: 1,
  EVENT: 2,
  ACK: 3,
  CONNECT_ERROR: 4,
  BINARY_EVENT: 5,
  BINARY_ACK: 6,
} as const;

export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/** One Socket.IO packet, as applications mean it: binary values stand where they belong. */
export interface Packet {
  /** One of {@link PacketType}. */
  readonly type: PacketType;
  /** Namespace, with its leading slash. */
  readonly nsp: string;
  /** CONNECT: object or undefined; EVENT and ACK: array; CONNECT_ERROR: object; DISCONNECT: undefined. */
  readonly data?: unknown;
  /** Acknowledgement id: asked for in an EVENT, answered in an ACK. Text only where leading zeros must be repeated. */
  readonly id?: number | string | undefined;
}

/** The data of one Engine.IO message: text, or binary. */
export type Frame = string | Uint8Array;

/** Event names that belong to the library: refused on `emit` and on receipt, on both sides (socket-protocol §1). */
export const RESERVED_EVENTS: ReadonlySet<unknown> = new Set([
  "connect",
  "connect_error",
  "disconnect",
  "disconnecting",
  "newListener",
  "removeListener",
]);
