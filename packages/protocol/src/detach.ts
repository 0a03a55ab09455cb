import { UsageError } from "./errors.ts";
import type { Frame } from "./packet.ts";
import { writeStrings } from "./plain-strings.ts";
import { type Stringify, toAttachment } from "./socket-codec.ts";

type Holder = Record<string, unknown>;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

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
  const detach = (value: object, frames: Frame[], key: string | number): unknown => {
    const items = Array.isArray(value) ? (value as unknown[]) : undefined;
    if (items === undefined) {
      if (value instanceof Date) return value;
      const frame = toFrame(value);
      if (frame) return { _placeholder: true, num: frames.push(frame) - 2 };
    }
    const holder = value as Holder;
    if (typeof holder.toJSON === "function") {
      const json: unknown = holder.toJSON(String(key));
      if (json !== value) return isObject(json) ? detach(json, frames, key) : json;
    }
    return items === undefined ? detachValues(holder, frames) : detachItems(items, frames);
  };
  const detachItems = (items: unknown[], frames: Frame[]): unknown[] => {
    let copy: unknown[] | undefined;
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (!isObject(item)) continue;
      const put = detach(item, frames, i);
      if (put !== item) (copy ??= [...items])[i] = put;
    }
    return copy ?? items;
  };
  // three times as fast as over Object.keys
  const detachValues = (holder: Holder, frames: Frame[]): Holder => {
    let copy: Holder | undefined;
    for (const key in holder) {
      const value = holder[key];
      if (!isObject(value) || !Object.hasOwn(holder, key)) continue;
      const put = detach(value, frames, key);
      // the copy has the key as its own already, whatever its name
      if (put !== value) (copy ??= { ...holder })[key] = put;
    }
    return copy ?? holder;
  };
  return (data, frames) => {
    try {
      const plain = replacer ? undefined : writeStrings(data);
      return plain ?? JSON.stringify(isObject(data) ? detach(data, frames, "") : data, replacer);
    } catch (error) {
      throw new UsageError("not_serializable", undefined, { cause: error });
    }
  };
};
