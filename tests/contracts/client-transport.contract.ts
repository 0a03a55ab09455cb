import { createServer } from "node:http";
import type { Socket } from "node:net";
import { Emitter, type Frame, type Handshake, TransportError } from "@bowline/protocol";
import { Server, type Socket as ServerSocket } from "bowline";
import { afterEach, describe, expect, test } from "vitest";
import type { TransportOptions } from "../../packages/client/src/engine-options.ts";
import {
  type Opener,
  type Platform,
  type Transport,
  type TransportContext,
} from "../../packages/client/src/transport.ts";
import { MemoryNetwork, type MemorySession } from "../../packages/server/src/test-kit-webtransport.ts";
import { atEnd, closeAll, listenOn, once, until, within } from "../interop/harness.ts";

/** Where WebTransport goes; its class is the global one in these tests. */
export const network: MemoryNetwork = new MemoryNetwork();

/** A transport of a platform. */
export interface ClientTransportSubject {
  readonly name: string;
  readonly transport: "polling" | "websocket" | "webtransport";
  readonly platform: Platform;
  /** Makes it. */
  readonly open: Opener;
  /** What a failed request or handshake is called. */
  readonly error: RegExp;
  /** Whether it can send binary as text. */
  readonly hasBase64: boolean;
  /** Whether errors carry the HTTP status as their description: browsers do not tell it of WebSockets. */
  readonly tellsStatus: boolean;
}

/** A server that answers `up` events with `down`, and all that it has been sent. */
interface Host {
  readonly port: number;
  /** Destroys all its connections, and those to come. */
  cut(): void;
  readonly io: Server;
  readonly ups: unknown[][];
}

async function host(options: object = {}): Promise<Host> {
  const http = createServer();
  const port = await listenOn(http);
  const io = new Server(http, {
    transports: ["polling", "websocket", "webtransport"],
    authorizeSession: () => true,
    ...options,
  });
  const sessions: MemorySession[] = [];
  network.servers.set(`127.0.0.1:${port}`, (session) => {
    sessions.push(session);
    io.engine.onWebTransportSession(session);
  });
  atEnd(() => {
    network.servers.delete(`127.0.0.1:${port}`);
    io.engine.close();
    http.closeAllConnections();
  });
  const tcp = new Set<Socket>();
  // a client that was between two polls opens the next one, and has to notice, too
  let isCut = false;
  http.on("connection", (stream: Socket) => (isCut ? stream.destroy() : tcp.add(stream)));
  const ups: unknown[][] = [];
  io.on("connection", (socket) => socket.on("up", (...args: unknown[]) => ups.push(args)));
  const cut = (): void => {
    isCut = true;
    for (const stream of tcp) stream.destroy();
    for (const session of sessions) session.lose(new Error("cut"));
  };
  return { port, io, ups, cut };
}

/** The owner of a transport, as far as these tests need one. */
class Session implements TransportContext {
  name: string;
  readonly platform: Platform;
  readonly options: TransportOptions;
  readonly session: Emitter<Record<never, never>> = new Emitter();
  id: string | undefined;
  handshake: Handshake | undefined;
  readonly received: Frame[] = [];
  readonly closes: unknown[] = [];
  readonly transport: Transport;

  constructor(
    { transport, platform, open }: ClientTransportSubject,
    options: TransportOptions,
    candidate: { readonly sid?: string; readonly handshake?: Handshake } = {},
  ) {
    this.name = transport;
    this.platform = platform;
    this.options = { hostname: "127.0.0.1", path: "/socket.io", ...options };
    this.id = candidate.sid;
    this.handshake = candidate.handshake;
    const opened = open(this);
    if (opened === undefined) throw new Error(`no transport ${transport}`);
    this.transport = opened;
    atEnd(() => this.transport.close(true));
  }

  readonly receive = (frame: Frame): void => {
    this.received.push(typeof frame === "string" ? frame : Uint8Array.from(frame));
    if (typeof frame !== "string" || frame[0] !== "0") return;
    this.handshake = JSON.parse(frame.slice(1)) as Handshake;
    this.id = this.handshake.sid;
  };

  readonly onReady = (): void => {};

  readonly onLost = (details: unknown): void => {
    this.closes.push(details);
  };

  /** Sends as engines do: never while the transport is busy, and again what did not fit. */
  async send(...packets: Frame[]): Promise<number> {
    let sends = 0;
    for (let rest = packets; rest.length > 0; sends++) {
      await until(() => !this.transport.isBusy, "a transport that is not busy");
      rest = this.transport.send(rest);
    }
    return sends;
  }

  get messages(): Frame[] {
    return this.received.filter((frame) => typeof frame !== "string" || /^4[^0]/.test(frame));
  }
}

/** A session that has joined the main namespace. */
async function join(subject: ClientTransportSubject, { io, port }: Host, options: TransportOptions = {}) {
  const session = new Session(subject, { port, ...options });
  await until(() => session.id !== undefined, "the handshake");
  const connected = once(io, "connection");
  await session.send("40");
  const [socket] = (await connected) as [ServerSocket];
  await until(() => session.received.some((frame) => String(frame).startsWith("40")), "the CONNECT answer");
  return { session, socket };
}

const PLACE = '{"_placeholder":true,"num":0}';
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index);

/** What every Transport of the client does, against a real server. */
export function clientTransportContract(subject: ClientTransportSubject): void {
  describe(`client transport: ${subject.name}`, () => {
    afterEach(closeAll);
    describe("packets", () => packets(subject));
    describe("the end", () => ends(subject));
    describe("a failure is told, not thrown", () => failures(subject));
  });
}

function packets(subject: ClientTransportSubject): void {
  test("the first is the handshake", async () => {
    const session = new Session(subject, { port: (await host()).port });
    await until(() => session.received.length > 0, "the handshake");
    expect(session.received).toEqual([expect.stringMatching(/^0\{"sid":"[\w-]{20}",/)]);
    expect(session.transport.bufferedBytes).toBe(0);
  });

  test("those of one send arrive in order, and once", async () => {
    const server = await host();
    const { session } = await join(subject, server);
    const sent = Array.from({ length: 100 }, (_, index) => [index, "é€😀"]);
    await session.send(...sent.map((args) => `42${JSON.stringify(["up", ...args])}`));
    await until(() => server.ups.length >= 100, "100 events");
    expect(server.ups).toEqual(sent);
  });

  test.each(subject.hasBase64 ? [false, true] : [false])(
    "binary arrives both ways, forceBase64: %s",
    async (forceBase64) => {
      const server = await host();
      const { session, socket } = await join(subject, server, { forceBase64 });
      for (const length of [0, 1, 2, 3, 70_000]) await session.send(`451-["up",${PLACE}]`, bytes(length));
      await until(() => server.ups.length >= 5, "5 events");
      expect(server.ups.map(([got]) => Uint8Array.from(got as Buffer))).toEqual([0, 1, 2, 3, 70_000].map(bytes));
      socket.emit("down", bytes(3), "between");
      socket.emit("down", bytes(0));
      await until(() => session.messages.length >= 4, "4 messages");
      expect(session.messages).toEqual([
        `451-["down",${PLACE},"between"]`,
        bytes(3),
        `451-["down",${PLACE}]`,
        bytes(0),
      ]);
    },
  );

  test("what the server sends arrives in order, and once", async () => {
    const { session, socket } = await join(subject, await host());
    const texts = Array.from({ length: 300 }, (_, index) => `42["down",${index},"é€😀"]`);
    for (let index = 0; index < 300; index++) {
      socket.emit("down", index, "é€😀");
      if (index % 100 === 99) await until(() => session.messages.length > index, "events");
    }
    expect(session.messages).toEqual(texts);
  });

  test("what does not fit in one request comes back, and can be sent next", async () => {
    const server = await host({ maxHttpBufferSize: 1_000 });
    const { session } = await join(subject, server);
    const sends = await session.send(
      ...Array.from({ length: 20 }, (_, index) => `42["up",${index},"${"x".repeat(90)}"]`),
    );
    if (subject.transport === "polling") expect(sends).toBe(3);
    await until(() => server.ups.length >= 20, "20 events");
    expect(server.ups.map(([index]) => index)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(session.closes).toEqual([]);
  });

  test.runIf(subject.transport !== "polling")("a candidate probes as soon as it is open", async () => {
    const { port } = await host();
    const answer = await (await fetch(`http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`)).text();
    const handshake = JSON.parse(answer.slice(1)) as Handshake;
    const candidate = new Session(subject, { port }, { sid: handshake.sid, handshake });
    await until(() => candidate.received.length > 0, "an answer to the probe");
    expect(candidate.received).toEqual(["3probe"]);
  });

  test.runIf(subject.transport === "polling")("a pause ends what is under way and loses nothing", async () => {
    const server = await host();
    const { session, socket } = await join(subject, server);
    const paused = new Promise<void>((resolve) => session.transport.pause?.(resolve));
    expect(session.transport.isBusy).toBeTruthy();
    socket.emit("down", 1);
    await within(paused, "the pause");
    expect(session.messages).toEqual(['42["down",1]']);
    socket.emit("down", 2);
    session.transport.resume?.();
    await until(() => session.messages.length === 2, "the event after the pause");
    await session.send('42["up",3]');
    await until(() => server.ups.length === 1, "the event of the client");
  });
}

function ends(subject: ClientTransportSubject): void {
  test("close comes behind what was sent, and nothing is told afterwards", async () => {
    const server = await host();
    const { session, socket } = await join(subject, server);
    const gone = once(socket, "disconnect");
    await session.send('42["up","last"]');
    session.transport.close();
    const got = session.received.length;
    socket.emit("down", "late");
    expect((await gone)[0]).toBe("transport close");
    expect(server.ups).toEqual([["last"]]);
    expect([session.received.length, session.closes]).toEqual([got, []]);
  });

  test("a silent close tells nobody here, and the server notices", async () => {
    const { session, socket } = await join(subject, await host({ pingInterval: 200, pingTimeout: 200 }));
    const gone = once(socket, "disconnect");
    session.transport.close(true);
    // of a GET that had not left yet nothing is to be seen, but its absence
    expect((await gone)[0]).toMatch(/^(transport close|transport error|ping timeout)$/);
    expect(session.closes).toEqual([]);
  });

  test("the server's close is told", async () => {
    const { session, socket } = await join(subject, await host());
    socket.conn.close();
    if (subject.transport === "polling") {
      await until(() => session.received.includes("1"), "a close packet");
      return;
    }
    await until(() => session.closes.length > 0, "the close");
    expect(session.closes[0]).toMatchObject({ description: `${subject.transport} connection closed` });
    if (subject.transport === "websocket") expect(session.closes[0]).toMatchObject({ context: { code: 1005 } });
  });

  test("a connection that is cut is told", async () => {
    const server = await host();
    const { session } = await join(subject, server);
    server.cut();
    await until(() => session.closes.length > 0, "the end");
  });
}

function failures(subject: ClientTransportSubject): void {
  const told = async (options: TransportOptions, candidate?: { readonly sid: string }): Promise<TransportError> => {
    const session = new Session(subject, options, candidate);
    await until(() => session.closes.length > 0, "the failure");
    const [error] = session.closes;
    expect(error).toBeInstanceOf(TransportError);
    if (!(error instanceof TransportError)) throw new Error("no TransportError");
    expect(error).toMatchObject({ type: "TransportError", message: expect.stringMatching(subject.error) });
    expect(session.received).toEqual([]);
    return error;
  };

  test("nobody listens", async () => {
    const http = createServer();
    const port = await listenOn(http);
    await new Promise((resolve) => http.close(resolve));
    await told({ port });
  });

  test("the server refuses", async () => {
    const { port } = await host({
      allowRequest: (_: unknown, decide: (e: null, ok: boolean) => void) => decide(null, false),
    });
    const { description } = await told({ port });
    // an upgrade is refused with 400, whatever the reason (engine-protocol §10)
    if (subject.tellsStatus) expect(description).toBe(subject.transport === "polling" ? 403 : 400);
  });

  test("the session is unknown", async () => {
    const { description } = await told({ port: (await host()).port }, { sid: "unknown" });
    if (subject.tellsStatus) expect(description).toBe(400);
  });

  test("what answers is no Bowline", async () => {
    const http = createServer((_request, response) => response.writeHead(302, { location: "/elsewhere" }).end());
    await told({ port: await listenOn(http) });
  });
}
