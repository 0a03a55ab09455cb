import { createHash, X509Certificate } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { atEnd, closeAll, collect, once, type Options, type ServerSocket, start, until, within } from "./harness.ts";
import { forEachPair, type Pair } from "./peers.ts";
import type { WebTransportSession } from "../../packages/server/src/transports/webtransport-session.ts";
import { selfSigned } from "./self-signed.mjs";

/** What is used of the package: the types it has are for one way of resolving modules only. */
interface Library {
  readonly WebTransport: unknown;
  /** Rejects nothing; settled once it has looked for its HTTP/3. */
  readonly quicheLoaded: Promise<unknown>;
  readonly Http2Server: new (options: Readonly<Record<string, unknown>>) => {
    readonly ready: Promise<unknown>;
    startServer(): void;
    stopServer(): void;
    address(): { readonly port: number } | null;
    sessionStream(path: string): ReadableStream<WebTransportSession> & AsyncIterable<WebTransportSession>;
  };
}

const PACKAGE: string = "@fails-components/webtransport";

/** Sessions of somebody else's making, over TLS on 127.0.0.1. Its HTTP/3 needs a compiler or a download, its HTTP/2 does not. */
async function load(): Promise<Library | string> {
  // it says on the console that it has no HTTP/3
  const quiet = [vi.spyOn(console, "log"), vi.spyOn(console, "error")].map((spy) => spy.mockImplementation(() => {}));
  try {
    const library: Library = await import(/* @vite-ignore */ PACKAGE);
    await library.quicheLoaded;
    return library;
  } catch (error) {
    return `${PACKAGE} cannot be imported: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    for (const spy of quiet) spy.mockRestore();
  }
}

const library = await load();
const { key, cert } = selfSigned();
const certificate = new X509Certificate(cert);
const isShortLived = Date.parse(certificate.validTo) - Date.parse(certificate.validFrom) < 14 * 86_400_000;
const missing =
  typeof library === "string"
    ? library
    : isShortLived
      ? undefined
      : "no certificate of less than 14 days: openssl is missing";

// its flow control does not renew what has been used up
const WINDOW = { initialStreamFlowControlWindow: 1e8, initialSessionFlowControlWindow: 1e8 };
const server: Options = { transports: ["polling", "webtransport"], authorizeSession: () => true };

beforeAll(() => {
  if (typeof library !== "string") vi.stubGlobal("WebTransport", library.WebTransport);
});
afterAll(() => void vi.unstubAllGlobals());
afterEach(closeAll);

/** A server whose WebTransport listens on a port of its own; gives what makes clients for it. */
async function listen(pair: Pair, options: Options = {}) {
  if (typeof library === "string") throw new Error(library);
  const rig = await start(pair, { ...server, ...options });
  const h2 = new library.Http2Server({ port: 0, host: "127.0.0.1", secret: "test", cert, privKey: key, ...WINDOW });
  const sessions = h2.sessionStream("/socket.io/");
  h2.startServer();
  await h2.ready;
  atEnd(() => h2.stopServer());
  void (async () => {
    for await (const session of sessions) void rig.io.engine.onWebTransportSession(session);
  })();
  const hash = { algorithm: "sha-256", value: createHash("sha256").update(certificate.raw).digest() };
  const webtransport = { forceReliable: true, serverCertificateHashes: [hash], ...WINDOW };
  const connect = async () => {
    const connected = once(rig.io, "connection");
    const client = pair.client.module().io(`https://127.0.0.1:${h2.address()?.port}`, {
      transports: ["webtransport"],
      transportOptions: { webtransport },
      reconnection: false,
      forceNew: true,
    });
    atEnd(() => client.disconnect());
    const [[socket]] = await Promise.all([connected, once(client, "connect")]);
    return [client, socket as ServerSocket] as const;
  };
  return { rig, connect };
}

function exchanges(pair: Pair): void {
  test("events arrive both ways, in order, binary and large ones too", async () => {
    const { connect } = await listen(pair);
    const [client, socket] = await connect();
    const values = [
      ...Array.from({ length: 300 }, (_, index) => index),
      Buffer.from([1, 2]),
      "ü".repeat(100_000),
      "end",
    ];
    const [up, down] = [collect(socket, "up", values.length), collect(client, "down", values.length)];
    for (const value of values) {
      client.emit("up", value);
      socket.emit("down", value);
    }
    expect([await up, await down]).toEqual([values, values]);
    expect([client.io.engine.transport.name, socket.conn.transport.name]).toEqual(["webtransport", "webtransport"]);
  });

  test("acknowledgements come back", async () => {
    const { connect } = await listen(pair);
    const [client, socket] = await connect();
    socket.on("ask", (answer: (value: string) => void) => answer("yes"));
    expect(await within(client.emitWithAck("ask"), "an answer")).toBe("yes");
  });

  test.runIf(pair.server.ours)("ES11: the request is what the library tells of it", async () => {
    const { connect } = await listen(pair);
    const [, socket] = await connect();
    expect(socket.handshake).toMatchObject({ address: "127.0.0.1", url: "/socket.io/", secure: true });
    expect(socket.handshake.headers.host).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test.runIf(pair.server.ours)("the client's close is told, behind its last event", async () => {
    const { connect } = await listen(pair);
    const [client, socket] = await connect();
    const [last, gone] = [once(socket, "last"), once(socket, "disconnect")];
    client.emit("last", "x".repeat(50_000));
    client.disconnect();
    expect((await last)[0]).toHaveLength(50_000);
    expect((await gone)[0]).toBe("client namespace disconnect");
  });

  test.runIf(pair.server.ours)("the server's close is told, behind its last event", async () => {
    const { rig, connect } = await listen(pair);
    const [client, socket] = await connect();
    const [last, gone] = [once(client, "last"), once(client, "disconnect")];
    socket.emit("last", "x".repeat(50_000));
    socket.conn.close();
    expect((await last)[0]).toHaveLength(50_000);
    expect((await gone)[0]).toBe("transport close");
    await until(() => rig.io.engine.clientsCount === 0, "the end of the session");
  });
}

forEachPair((pair) => {
  const why = pair.client.ours ? missing : "the official client leaves rejections unheard when a session ends";
  const title = "WebTransport over HTTP/2, by @fails-components/webtransport";
  describe.skipIf(why !== undefined)(why === undefined ? title : `${title} (skipped: ${why})`, () => exchanges(pair));
});
