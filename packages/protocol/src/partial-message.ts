import type { Inflated } from "./message-compression.ts";
import { Utf8Validator } from "./utf8-validator.ts";

/** The unfinished data message; exists only while it spans frames or chunks. */
export interface PartialMessage {
  readonly isText: boolean;
  /** Grows by doubling, so that capacity stays below twice what was received. */
  payload: Uint8Array;
  length: number;
  parts: number;
  /** All payload bytes ORed: below 0x80, the text is ASCII. */
  seen: number;
  /** Plain texts are judged as they arrive. */
  readonly utf8: Utf8Validator | undefined;
  readonly isDeflated: boolean;
  /** What it holds, once that is known. */
  inflated: Inflated | undefined;
}

const EMPTY = new Uint8Array(0);

export function beginMessage(isText: boolean, isDeflated: boolean): PartialMessage {
  const utf8 = isText && !isDeflated ? new Utf8Validator() : undefined;
  return { isText, payload: EMPTY, length: 0, parts: 1, seen: 0, utf8, isDeflated, inflated: undefined };
}
