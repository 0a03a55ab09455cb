import { UsageError } from "./errors.ts";
import type { Frame } from "./packet.ts";
import { writeStrings } from "./plain-strings.ts";
import { type Stringify, toAttachment } from "./socket-codec.ts";

type Holder = Record<string | number, unknown>;

/** What JSON.stringify takes as its second argument. */
export type Replacer = (this: unknown, key: string, value: unknown) => unknown;

/**
 * Makes a `Stringify` for platforms with Buffers. JSON.stringify would ask a Buffer for its `toJSON`, byte by byte, before
 * any replacer sees it: so binary values are moved out first. Copies only what holds them. It throws UsageError
 * `not_serializable` for what JSON cannot hold.
 * @param replacer of JSON.stringify; it finds placeholders where binary values were
 */
export const detaching = (
  toFrame: (value: object) => Frame | undefined = toAttachment,
  replacer?: Replacer,
): Stringify => {
  const detach = (value: unknown, frames: Frame[], key: string | number): unknown => {
    if (typeof value !== "object" || value === null || value instanceof Date) return value;
    const frame = toFrame(value);
    if (frame) return { _placeholder: true, num: frames.push(frame) - 2 };
    const holder = value as Holder;
    if (typeof holder.toJSON === "function") {
      const json: unknown = holder.toJSON(String(key));
      if (json !== value) return detach(json, frames, key);
    }
    const items = Array.isArray(value) ? (value as unknown[]) : undefined;
    const keys = items ?? Object.keys(value);
    let copy: Holder | undefined;
    for (let i = 0; i < keys.length; i++) {
      const at = items ? i : (keys[i] as string);
      const child = holder[at];
      if (typeof child !== "object" || child === null) continue;
      const put = detach(child, frames, at);
      // the copy has the key as its own already, whatever its name
      if (put !== child) (copy ??= (items ? [...items] : { ...value }) as Holder)[at] = put;
    }
    return copy ?? value;
  };
  return (data, frames) => {
    try {
      return (replacer ? undefined : writeStrings(data)) ?? JSON.stringify(detach(data, frames, ""), replacer);
    } catch (error) {
      throw new UsageError("not_serializable", undefined, { cause: error });
    }
  };
};
