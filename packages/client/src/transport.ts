import type { Bytes, Codec, Frame, Parser } from "@bowline/protocol";

/** Options of the transports (EC2). What only Node understands is ignored by browsers. */
export interface TransportOptions {
  /** Host name, without port. Taken from the URI. */
  hostname?: string;
  /** Port. Taken from the URI. */
  port?: string | number;
  /** Whether to use TLS. Taken from the URI. */
  secure?: boolean;
  /** Path of the server. @default "/socket.io" */
  path?: string;
  /** Whether the path ends in a slash. @default true */
  addTrailingSlash?: boolean;
  /** Application parameters of every request. Taken from the URI when absent. */
  query?: Record<string, unknown> | string;
  /** Send binary as base64 text on WebSocket too. @default false */
  forceBase64?: boolean;
  /** Name of the cache busting parameter. @default "t" */
  timestampParam?: string;
  /** Add it to requests. @default true on polling, false on WebSocket */
  timestampRequests?: boolean;
  /** Milliseconds for one HTTP request, 0 = no limit. @default 0 */
  requestTimeout?: number;
  /** Headers of requests; browsers send them on polling only. */
  extraHeaders?: Record<string, string>;
  /** Send cookies to other origins; in Node: keep cookies. @default false */
  withCredentials?: boolean;
  /** Subprotocols that WebSocket offers. */
  protocols?: string | string[];
  /** Options for one transport, which win over the others; of `webtransport`, also those of the platform's `WebTransport`. */
  transportOptions?: Record<string, Omit<TransportOptions, "transportOptions"> & Record<string, unknown>>;
  /** Node: do not keep the process alive. @default false */
  autoUnref?: boolean;
  /** Node: compress WebSocket messages of at least `threshold` bytes, where the server agrees. @default { threshold: 1024 } */
  perMessageDeflate?: boolean | { threshold?: number };
  /** Node: `http.Agent` or `https.Agent`. @default the platform's global agent */
  agent?: unknown;
  /** Node, TLS: PKCS #12 bundle with key and certificate. */
  pfx?: string | Uint8Array | (string | Uint8Array)[];
  /** Node, TLS: private key in PEM. */
  key?: string | Uint8Array | (string | Uint8Array)[];
  /** Node, TLS: passphrase of `key` or `pfx`. */
  passphrase?: string;
  /** Node, TLS: certificate in PEM. */
  cert?: string | Uint8Array | (string | Uint8Array)[];
  /** Node, TLS: authorities to trust instead of the well-known ones. */
  ca?: string | Uint8Array | (string | Uint8Array)[];
  /** Node, TLS: cipher suites. */
  ciphers?: string;
  /** Node, TLS: refuse servers that no authority vouches for. @default true */
  rejectUnauthorized?: boolean;
}

/** Takes the packets of a transport: text with its type digit, or binary. */
export type Receive = (frame: Frame, now: number) => void;

/** What a transport has from its owner, and tells it. */
export interface TransportContext {
  /** Of the transport; a candidate of two kinds sets it to the one that was faster. */
  name: string;
  readonly platform: Platform;
  readonly options: TransportOptions & { readonly transports?: readonly string[] };
  /** Shared by all transports of one session: what keeps per-session state (cookies) finds it by this key. */
  readonly session: object;
  /** Session id, once known. */
  sid: string | undefined;
  /** Bytes that one request may have. */
  maxPayload: number;
  /** Hot path: called straight from the platform's callback. */
  receive: Receive;
  /** On a candidate, what the session may move to: it sends `2probe` as soon as it has opened. */
  readonly upgrades: readonly string[] | undefined;
  /** The transport is not busy any more. */
  onReady(): void;
  /** Told at least once. An Error is a `transport error`, all else a `transport close`. */
  onClose(details: unknown): void;
}

/** One way to carry packets. It connects when created and never throws. */
export interface Transport {
  /** Polling: `send` may not be called now. */
  readonly isBusy?: boolean;
  /** Bytes that the platform has not yet taken over. */
  readonly bufferedBytes: number;
  /** Sends packets in one write and returns those that did not fit. */
  send(packets: Frame[]): Frame[];
  /** Polling: ends what is under way, then calls back; nothing may be sent meanwhile. */
  readonly pause?: ((done: () => void) => void) | undefined;
  /** Polling: goes on after a `pause` that came to nothing. */
  resume?(): void;
  /** Closes cleanly, after what was sent; silently if the peer need not or cannot be told. */
  close(isSilent?: boolean): void;
}

/** Makes a transport, which connects at once. */
export type Opener = (context: TransportContext) => Transport;

/** All that the client wants from the place it runs at. Tests bring their own. */
export interface Platform {
  readonly bytes: Bytes;
  /** The wire format: of a parser, or the default one. */
  readonly codec: (parser?: Parser) => Codec;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** 0 ≤ random < 1 */
  readonly random: () => number;
  /** Calls back after `ms` milliseconds; returns what undoes it. */
  readonly timer: (callback: () => void, ms: number) => () => void;
  /** By name, in rising order of preference for upgrades. Those that are not built in add themselves. */
  readonly transports: Record<string, Opener>;
  /** Browsers: events of the window, until `signal` is aborted. */
  readonly listen?: (event: "offline" | "beforeunload", listener: () => void, signal: AbortSignal) => void;
}

/** A packet that came as text. What is no packet is none for the session either. */
export const readPacket = (text: string, bytes: Bytes): Frame => {
  try {
    return text[0] === "b" ? bytes.base64Read(text.slice(1)) : text;
  } catch {
    return "";
  }
};

/** The URL of a request or WebSocket: application parameters first, each percent-encoded, blanks as `+` (engine-protocol §2). */
export const requestUrl = ({ name, options, sid, platform }: TransportContext, scheme: "http" | "ws"): string => {
  const search = new URLSearchParams({
    ...Object.fromEntries(new URLSearchParams(options.query as Record<string, string> | undefined)),
    EIO: 4,
    transport: name,
    ...((options.timestampRequests ?? scheme === "http") && {
      [options.timestampParam ?? "t"]: platform.random(),
    }),
    ...(options.forceBase64 && { b64: 1 }),
    ...(sid && { sid }),
    // it makes texts of all values
  } as unknown as Record<string, string>);
  const path = options.path?.replace(/\/?$/, options.addTrailingSlash === false ? "" : "/");
  const authority = options.hostname + (options.port ? `:${options.port}` : "");
  return `${scheme}${options.secure ? "s" : ""}://${authority}${path}?${search}`;
};
