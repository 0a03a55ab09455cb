/** Why an Engine.IO session ended, as the v4 API words it (engine-protocol §9). */
export type CloseReason = "transport error" | "transport close" | "forced close" | "ping timeout" | "parse error";
