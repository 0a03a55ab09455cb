import type { Frame } from "@bowline/protocol";
import type { EmitFlags } from "../emit-flags.ts";
import type { Handshake } from "../handshake.ts";
import type { Room } from "../room.ts";
import type { Target } from "../room-index.ts";

/** A socket of another node. */
export interface SocketDescription {
  /** The id of the socket. */
  readonly id: string;
  /** How its client came there. */
  readonly handshake: Handshake;
  /** The rooms that it is in, that of its id among them. */
  readonly rooms: readonly Room[];
  /** What the application keeps with it. */
  readonly data: unknown;
}

/** What an event carries: its values, its name first; or the Engine.IO packets that its sender has written. */
export type EventContent =
  | { readonly data: unknown[]; readonly packets?: undefined }
  | { readonly data?: undefined; readonly packets: readonly Frame[] };

/** Sends an event to clients. With a request id, each node answers with a `count`, then an `answer` per client. */
export interface BroadcastMessage {
  /** Which message it is. */
  readonly type: "broadcast";
  /** Whom it reaches. */
  readonly target: Target;
  /** How it travels; of these `volatile`, `compress` and `timeout`. */
  readonly flags: EmitFlags;
  /** What is sent. */
  readonly content: EventContent;
  /** Answers have it; undefined if none are wanted. */
  readonly requestId?: string | undefined;
}

/** Nodes before v4 want to be told with `done`. Only they do, as only they ask for `ids`. */
interface MayBeConfirmed {
  readonly requestId?: string | undefined;
}

/** What nodes ask each other for. */
export type ClusterRequest =
  | BroadcastMessage
  | ({ readonly type: "join" | "leave"; readonly target: Target; readonly rooms: readonly Room[] } & MayBeConfirmed)
  | ({ readonly type: "disconnect"; readonly target: Target; readonly close: boolean } & MayBeConfirmed)
  | { readonly type: "fetch"; readonly target: Target; readonly requestId: string }
  | { readonly type: "ids"; readonly target: Target; readonly requestId: string }
  | { readonly type: "rooms"; readonly requestId: string }
  | { readonly type: "server-side-emit"; readonly data: unknown[]; readonly requestId?: string | undefined };

/** What nodes answer. */
export type ClusterResponse = { readonly requestId: string } & (
  | { readonly type: "count"; readonly clientCount: number }
  | { readonly type: "answer"; readonly value: unknown }
  | { readonly type: "fetched"; readonly sockets: readonly SocketDescription[] }
  | { readonly type: "id-list"; readonly ids: readonly string[] }
  | { readonly type: "done" }
  | { readonly type: "room-list"; readonly rooms: readonly Room[] }
  | { readonly type: "server-side-answer"; readonly value: unknown }
);

/** Who is there: a node says that it has come, that it is still there, and that it goes. */
export interface PresenceMessage {
  /** Which message it is. */
  readonly type: "hello" | "alive" | "bye";
}

/** All that nodes of one namespace tell each other, whatever the language. */
export type ClusterMessage = ClusterRequest | ClusterResponse | PresenceMessage;

/** A message that came. */
export interface ReceivedMessage {
  /** The sender's id, if the language tells it. */
  readonly from: string | undefined;
  /** What it says. */
  readonly message: ClusterMessage;
  /** The sender's number of a message that may come on several channels: it counts once. */
  readonly once?: number | undefined;
}
