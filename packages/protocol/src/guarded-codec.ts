import type { Codec, PacketLimits } from "./codec.ts";
import { detaching } from "./detach.ts";
import { ProtocolError } from "./errors.ts";
import { CONNECT_ERROR, EVENT, type Frame, type Packet } from "./packet.ts";
import { readStrings } from "./plain-strings.ts";
import { checkPayload, createJsonCodec, isPayload, type JsonCodecOptions, JsonReader } from "./socket-codec.ts";

const fail = (code: string, message = "invalid payload"): never => {
  throw new ProtocolError(code, message);
};

/** Whether a size is over a limit; 0 = no limit. */
export const isOver = (size: number, limit = 0): boolean => limit > 0 && size > limit;

/** Whether a name has more bytes in UTF-8. Names are short: what is longer than the limit in UTF-16 is not walked. */
const isNameOver = (name: string, limit: number): boolean => {
  if (isOver(name.length, limit)) return true;
  // no character has more
  if (3 * name.length <= limit) return false;
  let bytes = 0;
  for (const char of name) {
    const code = char.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return isOver(bytes, limit);
};

/**
 * Checks what a decoder made, whoever wrote it.
 * @throws ProtocolError with the texts of api P6
 */
export const checkPacket = (packet: Packet): Packet => {
  const { type, nsp, data, id } = packet;
  if (!(Number.isInteger(type) && type >= 0 && type <= CONNECT_ERROR)) {
    fail("invalid_packet_type", "invalid packet type");
  }
  if (typeof nsp !== "string" || !nsp.startsWith("/")) fail("invalid_namespace", "invalid namespace");
  if (!isPayload(type, data)) fail("invalid_payload");
  if (id !== undefined && !(Number.isSafeInteger(id) && Number(id) >= 0))
    fail("invalid_packet_id", "invalid packet id");
  return packet;
};

// oxlint-disable-next-line no-control-regex -- these are what must not come in
const CONTROL = /[\0-\x1f\x7f]/;

/** @throws ProtocolError for a namespace whose name is too long, or holds what no name may (abuse 84) */
export const checkNamespace = (nsp: string, { maxNamespaceBytes = 0 }: Partial<PacketLimits>): void => {
  if (nsp.length === 1) return;
  if (isNameOver(nsp, maxNamespaceBytes)) fail("namespace_too_long", "invalid namespace");
  if (CONTROL.test(nsp)) fail("invalid_payload");
};

/** @throws ProtocolError for an event whose name is too long (abuse 90) */
export const checkEventName = (data: readonly unknown[], { maxEventNameBytes = 0 }: Partial<PacketLimits>): void => {
  const name = data[0];
  if (typeof name === "string" && isNameOver(name, maxEventNameBytes)) fail("event_name_too_long");
};

const isDigit = (char: number): boolean => char >= 48 && char <= 57;

const QUOTE = 34;
const BACKSLASH = 92;

const COMMA = 44;
const OPENING_BRACKET = 91;
const CLOSING_BRACKET = 93;
const CLOSING_BRACE = 125;
/** Arrays of this length count as short, in UTF-16 units. */
const SHORT = 32;

/**
 * Whether an array ends soon and has no other one in it. Where quotes are in pairs and nothing is escaped, its end is its
 * own; if it stands in a string, so does its end.
 */
const endsSoon = (text: string, start: number): boolean => {
  const end = Math.min(start + SHORT, text.length);
  for (let at = start + 1, isInString = false; at < end; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) isInString = !isInString;
    else if (char === CLOSING_BRACKET) return !isInString;
    else if (char === BACKSLASH || char === OPENING_BRACKET) return false;
  }
  return false;
};

/**
 * Whether a text cannot be nested deeper than `maxDepth`, at a glance. An object that begins right behind `},` takes the
 * level that was just left, in a string or not; of short arrays one is open at a time. There are no more levels than there
 * are others, those in strings among them.
 */
const isSurelyFlat = (text: string, start: number, maxDepth: number): boolean => {
  let levels = 1;
  for (let at = text.indexOf("{", start); at >= 0; at = text.indexOf("{", at + 1)) {
    const takesPlace = text.charCodeAt(at - 1) === COMMA && text.charCodeAt(at - 2) === CLOSING_BRACE;
    if (!takesPlace && ++levels > maxDepth) return false;
  }
  for (let at = text.indexOf("[", start); at >= 0; at = text.indexOf("[", at + 1)) {
    if (!endsSoon(text, at) && ++levels > maxDepth) return false;
  }
  return true;
};

/**
 * Refuses deep nesting before JSON.parse meets it. Linear; a fraction of what JSON.parse takes, since strings without
 * escaped quotes are skipped at once (abuse rows 99, 100).
 */
const checkDepth = (text: string, start: number, maxDepth: number): void => {
  if (isSurelyFlat(text, start, maxDepth)) return;
  const { length } = text;
  for (let at = start, depth = 0; at < length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) {
      const end = text.indexOf('"', at + 1);
      if (end < 0) return;
      if (text.charCodeAt(end - 1) !== BACKSLASH) at = end;
      else for (let c; ++at < length && (c = text.charCodeAt(at)) !== QUOTE;) if (c === BACKSLASH) at++;
    } else if (char > 90) {
      // with bit 32 set, "[" is "{" and "]" is "}"
      if ((char | 32) === 123) {
        if (++depth > maxDepth) fail("too_deep");
      } else if ((char | 32) === CLOSING_BRACE) depth--;
    }
  }
};

/** The texts of api P4, by our codes. */
const V4_TEXTS: ReadonlyMap<string, string> = new Map([
  ["unexpected_text", "got plaintext data when reconstructing a packet"],
  ["unexpected_binary", "got binary data when not reconstructing a packet"],
]);

function inWordsOfV4(error: unknown, frame: Frame): unknown {
  // nested deeper than the stack, where maxDepth is off
  if (!(error instanceof ProtocolError)) return new ProtocolError("too_deep", "invalid payload", { cause: error });
  const { code } = error;
  if (code === "unknown_packet_type" && /^[56]/.test(String(frame)))
    return new ProtocolError("illegal_attachments", "Illegal attachments");
  if (code === "unknown_packet_type") error.message += ` ${Number.parseInt(String(frame).charAt(0))}`;
  else if (code === "illegal_attachments" && typeof frame === "string") error.message = "Illegal attachments";
  else error.message = V4_TEXTS.get(code) ?? error.message;
  return error;
}

/** What servers ask of a peer beyond the grammar: sizes, and depth (abuse rows 81, 84, 90, 99). */
export class GuardedReader extends JsonReader {
  readonly #limits: Partial<PacketLimits>;
  #size = 0;
  /** The id of the packet that is read, if it has leading zeros. */
  #digits: string | undefined;

  constructor(limits: Partial<PacketLimits>, options: JsonCodecOptions) {
    super(limits, options);
    this.#limits = limits;
  }

  override read(frame: Frame): Packet | undefined {
    const isText = typeof frame === "string";
    if (!isText && !ArrayBuffer.isView(frame)) fail("unknown_type", "Unknown type: " + String(frame));
    this.#size = isText ? frame.length : this.#size + frame.byteLength;
    if (isOver(this.#size, this.#limits.maxPacketBytes)) fail("packet_too_large");
    try {
      const packet = super.read(frame);
      const id = this.#digits;
      if (packet === undefined || id === undefined) return packet;
      this.#digits = undefined;
      return { ...packet, id };
    } catch (error) {
      throw inWordsOfV4(error, frame);
    }
  }

  /** Hot path */
  protected override readText(text: string): Packet | undefined {
    // most packets are events of the main namespace without id
    return text.startsWith("2[")
      ? checkPayload({ type: EVENT, nsp: "/", data: this.parse(text, 1, "/"), id: undefined })
      : super.readText(text);
  }

  protected override parse(text: string, start: number, nsp: string): unknown {
    const { maxDepth = 0, maxAuthBytes } = this.#limits;
    const size = text.length - start;
    // what stands between a header and its JSON is part of a number, and v4 takes a space for the id 0
    if (text[start]! <= " ") fail("invalid_payload");
    checkNamespace(nsp, this.#limits);
    // an answer repeats the digits of its event (abuse row 92): as a number they would lose leading zeros
    let idAt = start;
    while (idAt > 1 && isDigit(text.charCodeAt(idAt - 1))) idAt--;
    const before = text[idAt - 1];
    const isId = idAt === 1 || before === "," || (before === "-" && nsp === "/");
    if (isId && start - idAt > 1 && text[idAt] === "0") this.#digits = text.slice(idAt, start);
    const first = text[0]!;
    // only events and their answers have ids
    if (isId && start > idAt && "014".includes(first)) fail("invalid_payload");
    if (first === "0" && isOver(size, maxAuthBytes)) fail("auth_too_large");
    // a text must be longer than that to be too deep; a slice of it would take twice the time
    if (isOver(size, 2 * maxDepth)) checkDepth(text, start, maxDepth);
    const data = readStrings(text, start) ?? super.parse(text, start, nsp);
    if ((first === "2" || first === "5") && Array.isArray(data)) checkEventName(data, this.#limits);
    return data;
  }
}

/** A Codec that speaks JSON with attachments and holds its peer to all limits: what a server needs. */
export const createGuardedCodec = (options: Partial<JsonCodecOptions> = {}): Codec =>
  createJsonCodec({ stringifyPayload: detaching(), fromAttachment: (bytes) => bytes, ...options }, GuardedReader);

/** The default codec of servers. */
export const jsonCodec: Codec = /* @__PURE__ */ createGuardedCodec();
