import { constants, deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from "node:zlib";
import {
  createDeflate,
  createInflate,
  type Deflate,
  DEFLATE_AT_ONCE,
  type Frame,
  type Inflate,
  type RawZlib,
} from "@bowline/protocol";

const zlib: RawZlib = { constants, deflateRaw, deflateRawSync, inflateRaw, inflateRawSync };

export const inflate: Inflate = createInflate(zlib);

/** @param windowBits largest window that the peer takes */
export const deflateOf = (windowBits: number): Deflate => createDeflate(zlib, { windowBits });

/** The deflated form of each packet, where there is a smaller one. */
export type DeflatedForms = readonly (Uint8Array | undefined)[];

/**
 * Deflates messages of at least `threshold` bytes which are not to go plain: small ones at once, large ones off the thread.
 * @param done called within this call if nothing has to be waited for
 */
export const deflateAll = (
  deflate: Deflate,
  packets: readonly Frame[],
  { threshold, plain }: { readonly threshold: number; readonly plain: ReadonlySet<Frame> },
  done: (forms: DeflatedForms) => void,
): void => {
  const forms: (Uint8Array | undefined)[] = [];
  let pending = 1;
  const finish = (): void => {
    if (--pending === 0) done(forms);
  };
  packets.forEach((packet, index) => {
    const isText = typeof packet === "string";
    // control packets are not worth it
    if ((isText && packet[0] !== "4") || Buffer.byteLength(packet) < threshold || plain.has(packet)) return;
    const bytes = isText ? Buffer.from(packet) : packet;
    const use = (deflated: Uint8Array | undefined): void => {
      if (deflated && deflated.length < bytes.length) forms[index] = deflated;
    };
    if (bytes.length <= DEFLATE_AT_ONCE) return use(deflate.now(bytes));
    pending++;
    deflate.later(bytes, (deflated) => {
      use(deflated);
      finish();
    });
  });
  finish();
};
