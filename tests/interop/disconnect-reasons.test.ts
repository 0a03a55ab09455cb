import { request } from "node:http";
import { connect as connectTcp, createServer as createTcpServer, type Socket as TcpSocket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { atEnd, closeAll, once, portOf, start, until, within } from "./harness.ts";
import type { ClientSocket, Options, Rig, ServerSocket } from "./harness.ts";
import { forEachPair, type Pair } from "./peers.ts";

afterEach(closeAll);

type Transport = "websocket" | "polling";

/** A link between client and server which can go silent without closing, and into which bytes can be put. */
interface Link {
  readonly port: number;
  silence(): void;
  inject(bytes: Uint8Array): void;
}

async function link(target: number): Promise<Link> {
  const upstream = new Set<TcpSocket>();
  const all = new Set<TcpSocket>();
  let silent = false;
  const server = createTcpServer({ allowHalfOpen: true }, (near) => {
    const far = connectTcp({ port: target, host: "127.0.0.1", allowHalfOpen: true });
    upstream.add(far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      all.add(from);
      from.setNoDelay(true);
      from.on("error", () => undefined);
      from.on("data", (bytes) => void (silent || to.write(bytes)));
      from.on("end", () => void (silent || to.end()));
      from.on("close", () => {
        upstream.delete(from);
        if (!silent) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(() => {
    for (const socket of all) socket.destroy();
    server.close();
  });
  return {
    port: portOf(server),
    silence: () => void (silent = true),
    inject: (bytes) => upstream.forEach((socket) => socket.write(bytes)),
  };
}

/** A masked text frame (RFC 6455 §5.3) with the mask 0. */
function frame(text: string): Uint8Array {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

function post(port: number, sessionId: string, body: string): void {
  const path = `/socket.io/?EIO=4&transport=polling&sid=${sessionId}`;
  const sent = request({ port, host: "127.0.0.1", method: "POST", path, headers: { "content-type": "text/plain" } });
  sent.on("error", () => undefined).on("response", (response) => response.resume());
  sent.end(body);
}

interface Scene {
  readonly rig: Rig;
  readonly client: ClientSocket;
  readonly socket: ServerSocket;
  readonly link: Link;
}

interface Row {
  readonly cause: string;
  readonly act: (scene: Scene) => unknown;
  readonly options?: Options;
  readonly server: string | readonly string[];
  readonly client: string | readonly string[];
  readonly reconnects: boolean;
  /** Rows which do not apply to a pair. */
  readonly unless?: (pair: Pair) => boolean;
}

function rows(transport: Transport, pair: Pair): readonly Row[] {
  const webSocket = transport === "websocket";
  return [...byApplication(), ...byNetwork(webSocket), ...byPeerError(webSocket, pair)];
}

function byApplication(): readonly Row[] {
  return [
    {
      cause: "the client's socket.disconnect()",
      act: ({ client }) => client.disconnect(),
      server: "client namespace disconnect",
      client: "io client disconnect",
      reconnects: false,
    },
    {
      cause: "the server's socket.disconnect()",
      act: ({ socket }) => socket.disconnect(),
      server: "server namespace disconnect",
      client: "io server disconnect",
      reconnects: false,
    },
    {
      cause: "the server's socket.disconnect(true)",
      act: ({ socket }) => socket.disconnect(true),
      server: "server namespace disconnect",
      client: "io server disconnect",
      reconnects: false,
    },
    {
      cause: "the server's conn.close()",
      act: ({ socket }) => socket.conn.close(),
      server: "forced close",
      client: "transport close",
      reconnects: true,
    },
    {
      cause: "the client's io.engine.close()",
      act: ({ client }) => client.io.engine.close(),
      server: "transport close",
      client: "forced close",
      reconnects: true,
    },
    {
      cause: "io.close()",
      act: ({ rig }) => rig.io.close(),
      server: "server shutting down",
      client: "transport close",
      reconnects: true,
    },
  ];
}

function byNetwork(webSocket: boolean): readonly Row[] {
  const lost = webSocket ? "transport close" : "transport error";
  return [
    {
      cause: "a network that is lost",
      act: ({ rig, client }) => rig.cut(client),
      server: lost,
      client: lost,
      reconnects: true,
    },
    {
      cause: "a network that is silent",
      act: ({ link }) => link.silence(),
      options: { pingInterval: 150, pingTimeout: 100 },
      server: "ping timeout",
      client: "ping timeout",
      reconnects: true,
    },
  ];
}

function byPeerError(webSocket: boolean, pair: Pair): readonly Row[] {
  return [
    {
      cause: "a bad Socket.IO packet from the client",
      act: ({ client }) => client.io.engine.send("abc"),
      server: "forced close",
      client: "transport close",
      reconnects: true,
    },
    {
      cause: "a bad Engine.IO packet from the client",
      act: ({ link, client }) =>
        webSocket ? link.inject(frame("7")) : post(link.port, String(client.io.engine.id), "7"),
      server: "parse error",
      client: "transport close",
      reconnects: true,
    },
    {
      cause: "a bad packet from the server",
      act: ({ socket }) => socket.conn.send("abc"),
      server: "transport close",
      client: "parse error",
      reconnects: true,
    },
    {
      cause: "a message that is too large",
      act: ({ client }) => client.emit("large", "x".repeat(2_000)),
      options: { maxHttpBufferSize: 1_000 },
      server: webSocket || pair.server.ours ? "transport error" : ["transport error", "transport close"],
      client: webSocket ? "transport close" : "transport error",
      reconnects: true,
      // our client knows maxPayload and refuses to send such a POST
      unless: ({ client }) => client.ours && !webSocket,
    },
    {
      cause: "an event for a namespace that was not joined",
      act: ({ client }) => client.io.engine.send('2/foo,["a"]'),
      // the reference reports its transport's close if that happens in the same tick
      server: pair.server.ours ? "forced server close" : ["forced server close", "forced close"],
      client: "transport close",
      reconnects: true,
    },
  ];
}

function expectReason(actual: unknown, expected: string | readonly string[]): void {
  if (typeof expected === "string") expect(actual).toBe(expected);
  else expect(expected).toContain(actual);
}

function table(pair: Pair, transport: Transport): void {
  for (const row of rows(transport, pair)) {
    test.skipIf(row.unless?.(pair) ?? false)(
      `${row.cause} ends both sides with the reasons of the table (ES8, K6, L6)`,
      async () => {
        const rig = await start(pair, row.options ?? {});
        const between = await link(rig.port);
        const connected = once(rig.io, "connection");
        const transports = [transport];
        const client = pair.client.module().io(`http://127.0.0.1:${between.port}`, {
          forceNew: true,
          transports,
          reconnectionDelay: 60_000,
          reconnectionDelayMax: 60_000,
        });
        atEnd(() => client.disconnect());
        const [[accepted]] = await Promise.all([connected, once(client, "connect")]);
        const socket = accepted as ServerSocket;
        // over polling: the next GET is held
        await until(() => socket.conn.transport.writable, "idle connection");
        const ended = once(socket, "disconnect");
        const left = once(client, "disconnect");
        const acted = row.act({ rig, client, socket, link: between });
        const [[serverReason], [clientReason]] = await Promise.all([ended, left, acted]);
        expectReason(serverReason, row.server);
        expectReason(clientReason, row.client);
        expect(client.active).toBe(row.reconnects);
      },
    );
  }

  test("a connection that joins no namespace in time is closed", async () => {
    const rig = await start(pair, { connectTimeout: 60 });
    const manager = rig.manager({ transports: [transport], reconnection: false });
    const closed = once(manager, "close");
    manager.open();
    const [reason] = await closed;
    expect(reason).toBe("transport close");
  });

  test("`disconnecting` comes first, with the rooms, then `disconnect` without them", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports: [transport] });
    await socket.join("room");
    const seen: unknown[] = [];
    socket.on("disconnecting", (reason) => seen.push(["disconnecting", reason, [...socket.rooms].sort()]));
    socket.on("disconnect", (reason) => seen.push(["disconnect", reason, [...socket.rooms]]));
    const disconnected = once(socket, "disconnect");
    const id = socket.id;
    client.disconnect();
    await disconnected;
    const reason = "client namespace disconnect";
    expect(seen).toEqual([
      ["disconnecting", reason, [id, "room"].sort()],
      ["disconnect", reason, []],
    ]);
  });

  test("the last active socket of a client takes the connection with it, the first one does not", async () => {
    const rig = await start(pair);
    rig.io.of("/other");
    const manager = rig.manager({ transports: [transport] });
    const [one, other] = [manager.socket("/"), manager.socket("/other")];
    const connections = Promise.all([once(rig.io, "connection"), once(rig.io.of("/other"), "connection")]);
    one.connect();
    other.connect();
    await Promise.all([once(one, "connect"), once(other, "connect")]);
    const [[first]] = await connections;
    const { conn } = first as ServerSocket;
    const left = once(first, "disconnect");
    one.disconnect();
    expect((await left)[0]).toBe("client namespace disconnect");
    expect(conn.readyState).toBe("open");
    const closed = once(conn, "close");
    other.disconnect();
    expect((await within(closed, "close of the connection"))[0]).toBe("transport close");
  });
}

forEachPair((pair) => {
  for (const transport of ["websocket", "polling"] as const) describe(transport, () => table(pair, transport));
});
