import type { CloseReason } from "@bowline/protocol";

/** Why a socket disconnected (api.md K6). */
export type DisconnectReason =
  | CloseReason
  | "server shutting down"
  | "forced server close"
  | "client namespace disconnect"
  | "server namespace disconnect";
