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
  /** Application parameters of every request. Those of the URI win over them. */
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

/** Options of one Engine.IO session (EC2). */
export interface EngineOptions extends TransportOptions {
  /**
   * Names of transports in order of preference. With a list, the first is opened and polling is upgraded; without one,
   * WebSocket starts first and polling when it has failed or after `fallbackDelay`.
   */
  transports?: readonly string[];
  /** Milliseconds after which polling starts too. @default 1000 */
  fallbackDelay?: number;
  /** Whether polling is upgraded. @default true */
  upgrade?: boolean;
  /** With a list: start with WebSocket if that worked before. @default false */
  rememberUpgrade?: boolean;
  /** With a list: try the next transport when one fails. @default false */
  tryAllTransports?: boolean;
  /** Close silently when the page is left. @default false */
  closeOnBeforeunload?: boolean;
}
