import type { Codec, Emitter, Frame, Handshake, Parser } from "@bowline/protocol";
import type { EngineOptions } from "./engine-options.ts";

/** Takes the packets of a transport: text with its type digit, or binary. */
export type Receive = (frame: Frame) => void;

/** What a transport has from its owner, and tells it. */
export interface TransportContext {
  /** Of the transport that carries the session, or may come to; set by what chooses among several. */
  name: string;
  readonly platform: Platform;
  readonly options: EngineOptions;
  /** What all transports of a session share: its events, and a key for what else belongs to it (cookies). */
  readonly session: Pick<Emitter<Record<never, never>>, "listenersOf"> & {
    /** Of a transport that compresses, which makes and empties it: what waits and is to go as it is. */
    plain?: Set<Frame> | undefined;
  };
  /** Of the session, once known. */
  id: string | undefined;
  /** What the server has said of the session, once it has. A candidate opens after that, and sends `2probe` as soon as it can. */
  readonly handshake: Handshake | undefined;
  /** Hot path: called straight from the platform's callback. */
  receive: Receive;
  /** The transport is not busy any more. */
  readonly onReady: () => void;
  /** The transport has ended: told at least once. An Error is a `transport error`, all else a `transport close`. */
  readonly onLost: (details: unknown) => void;
}

/** One way to carry packets, which connects when it is made. */
export interface Transport {
  /** Anything that is true: `send` may not be called now. */
  readonly isBusy?: unknown;
  /** Bytes that the platform has not yet taken over. */
  readonly bufferedBytes: number;
  /** Sends packets in one write and returns those that did not fit. */
  send: (packets: Frame[]) => Frame[];
  /** Polling: ends what is under way, then calls back; nothing may be sent meanwhile. */
  readonly pause?: ((done: () => void) => void) | undefined;
  /** Polling: goes on after a `pause` that came to nothing. */
  resume?(): void;
  /** Closes cleanly, after what was sent; silently if the peer need not or cannot be told. */
  close(isSilent?: boolean): void;
}

/**
 * Makes a transport, or undefined if that has failed and will be told. It may throw, and tells nothing before it returns.
 */
export type Opener = (context: TransportContext) => Transport | undefined;

/** All that the client wants from the place it runs at. Tests bring their own. */
export interface Platform {
  /** The wire format: of a parser, or the default one. */
  readonly codec: (parser?: Parser) => Codec;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** 0 ≤ random < 1 */
  readonly random: () => number;
  /** Calls back after `ms` milliseconds; returns what undoes it. */
  readonly timer: (callback: () => void, ms: number) => () => void;
  /** Makes what carries a session. */
  readonly open: Opener;
}

/** What a transport knows, and the transport itself: what carries the packets. */
export interface Line extends TransportContext {
  carrier?: Transport | undefined;
}

/** Opens one of a session's transports, with the options that are meant for it (`transportOptions`) and its own ways to tell. */
export const openLine = (
  session: TransportContext,
  name: string,
  open: Opener,
  own?: Partial<TransportContext>,
): Line => {
  const { options } = session;
  // what becomes known of the session reaches all its lines
  const line = Object.create(session) as Line;
  Object.assign(line, { name, options: { ...options, ...options.transportOptions?.[name] } }, own);
  try {
    line.carrier = open(line);
  } catch (error) {
    // listeners of errors come later
    queueMicrotask(() => line.onLost(error));
  }
  return line;
};

/** The URL of a request or WebSocket: application parameters first, each percent-encoded, blanks as `+` (engine-protocol §2). */
export const requestUrl = ({ name, options, id, platform }: TransportContext, scheme: "http" | "ws"): string => {
  const search = new URLSearchParams(options.query as Record<string, string> | undefined);
  const own: Record<string, unknown> = {
    EIO: 4,
    transport: name,
    [options.timestampParam ?? "t"]: (options.timestampRequests ?? scheme === "http") && platform.random(),
    b64: options.forceBase64 && 1,
    sid: id,
  };
  for (const key in own) if (own[key]) search.set(key, own[key] as string);
  const path = options.path?.replace(/\/?$/, options.addTrailingSlash === false ? "" : "/");
  // nothing behind the colon means the scheme's own port
  return `${scheme}${options.secure ? "s" : ""}://${options.hostname}:${options.port ?? ""}${path}?${search}`;
};
