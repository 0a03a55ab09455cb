import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { type ClientSocket, closeAll, modes, once, type Rig, start, until, within } from "./harness.ts";
import { clientNamed, type Pair, pairOf, serverNamed } from "./peers.ts";
import { http, tcp, upgradeHead, WEBSOCKET } from "./wire.ts";

// Every version of the official packages that applications still use, each with Bowline on the other side: what it
// exchanges over each transport, with and without compression. The results are printed as one table.

afterEach(closeAll);

const clients = ["2", "3", "4.0", "4.4", "4.7"].map((version) => `socket.io-client-${version}`);
const servers = ["4.0", "4.4", "4.7"].map((version) => `socket.io-${version}`);

const pairs: readonly Pair[] = await Promise.all(
  [
    // the baseline proves the tests themselves right about the oldest client
    ["socket.io-client-2", "socket.io"] as const,
    ...[...clients, "socket.io-client", "bowline-client"].map((client) => [client, "bowline"] as const),
    ...[...servers, "socket.io"].map((server) => ["bowline-client", server] as const),
  ].map(async ([client, server]) => pairOf(await clientNamed(client), await serverNamed(server))),
);

/** Turns compression on, for everything that is longer than nothing. */
const COMPRESSED = { perMessageDeflate: { threshold: 0 }, httpCompression: { threshold: 0 } };

const columns = modes.flatMap(({ mode, transports }) =>
  [false, true].map((compressed) => ({
    title: compressed ? `${mode}, compressed` : mode,
    transports,
    compressed,
  })),
);
type Column = (typeof columns)[number];

const table = new Map<string, Map<string, string>>(pairs.map(({ name }) => [name, new Map()]));
const note = (pair: Pair, { title }: Column, cell: string): unknown => table.get(pair.name)?.set(title, cell);

const isProtocol3 = ({ name }: Pair["client"]): boolean => name === "socket.io-client-2";

/** What our server does with an option that it may not have yet. */
const doesServe = { protocol3: await servesProtocol3(), deflate: await servesDeflate() };

async function servesProtocol3(): Promise<boolean> {
  const rig = await startOurs({ allowEIO3: true });
  const { status } = await http(rig.port, "/socket.io/?EIO=3&transport=polling");
  await closeAll();
  return status === 200;
}

async function servesDeflate(): Promise<boolean> {
  const rig = await startOurs(COMPRESSED);
  const offer = upgradeHead(WEBSOCKET, ["Sec-WebSocket-Extensions: permessage-deflate"]);
  const answer = tcp(rig.port, offer);
  await until(() => rig.io.engine.clientsCount > 0, "session");
  await rig.io.close();
  await closeAll();
  return /^sec-websocket-extensions: *permessage-deflate/im.test(await answer);
}

async function startOurs(options: Record<string, unknown>): Promise<Rig> {
  return start(pairOf(await clientNamed("socket.io-client"), await serverNamed("bowline")), options);
}

/** Why a cell stays empty, or undefined. */
function reasonToSkip({ client, server }: Pair, { compressed, transports }: Column): string | undefined {
  if (server.ours && isProtocol3(client) && !doesServe.protocol3)
    return "our server does not serve protocol 3 (allowEIO3) yet";
  const usesDeflate = compressed && transports.includes("websocket");
  return usesDeflate && server.ours && !doesServe.deflate
    ? "our server does not negotiate perMessageDeflate yet"
    : undefined;
}

interface Negotiation {
  offered: string | undefined;
  accepted: boolean;
}

/** Watches what the last WebSocket handshake says about compression. */
function watchDeflate({ httpServer }: Rig): Negotiation {
  const seen: Negotiation = { offered: undefined, accepted: false };
  httpServer.prependListener("upgrade", (request: IncomingMessage, stream: Duplex) => {
    seen.offered = request.headers["sec-websocket-extensions"];
    const write = stream.write.bind(stream);
    stream.write = (chunk: unknown, ...rest: unknown[]): boolean => {
      const text = chunk instanceof Uint8Array ? Buffer.from(chunk).toString("latin1") : String(chunk);
      seen.accepted ||= /^HTTP\/1\.1 101 [^]*\r\nsec-websocket-extensions: *permessage-deflate/i.test(text);
      return Reflect.apply(write, stream, [chunk, ...rest]) as boolean;
    };
  });
  return seen;
}

const text = [`é€😀 ${"the same again ".repeat(2_000)}`, false, { deep: [-0.5, null, { "": "\u2028" }] }];
const binary = [Buffer.alloc(20_000, "abc"), "between", { deep: [Buffer.from([0, 255, 30])] }, Buffer.alloc(0)];

interface Side {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
}

/** Sends values, expects them back in the acknowledgement, and an order that is kept. */
async function exchange(from: Side, to: Side, values: readonly unknown[], name: string): Promise<void> {
  to.on(name, (...args) => (args.pop() as (...answers: unknown[]) => void)(...args));
  const answer = new Promise((resolve) => from.emit(name, ...values, (...answers: unknown[]) => resolve(answers)));
  expect(await within(answer, `answer to ${name}`)).toEqual(values);
  const order: unknown[] = [];
  to.on(`${name} in order`, (index) => order.push(index));
  const numbers = Array.from({ length: 30 }, (_, index) => index);
  for (const index of numbers) from.emit(`${name} in order`, index, values[2]);
  await until(() => order.length === numbers.length, `all of ${name}`);
  expect(order).toEqual(numbers);
}

async function connect(rig: Rig, { transports, compressed }: Column): Promise<[client: ClientSocket, socket: Side]> {
  const options = compressed ? { perMessageDeflate: { threshold: 0 } } : {};
  const connected = once(rig.io, "connection");
  const client = rig.client({ transports, ...options });
  const [[socket]] = await Promise.all([connected, once(client, "connect")]);
  if (transports.length > 1) await until(() => client.io.engine.transport.name === "websocket", "upgrade");
  return [client, socket as Side];
}

for (const pair of pairs) {
  describe(pair.name, () => {
    for (const column of columns) {
      const reason = reasonToSkip(pair, column);
      if (reason !== undefined) note(pair, column, `skipped: ${reason}`);
      const title = reason === undefined ? column.title : `${column.title} (skipped: ${reason})`;
      test.skipIf(reason !== undefined)(title, async () => {
        note(pair, column, "FAILED");
        const rig = await start(pair, {
          ...(isProtocol3(pair.client) ? { allowEIO3: true } : {}),
          ...(column.compressed ? COMPRESSED : {}),
        });
        const deflate = watchDeflate(rig);
        const [client, socket] = await connect(rig, column);
        for (const [kind, values] of Object.entries({ text, binary })) {
          await exchange(client, socket, values, `${kind} up`);
          await exchange(socket, client, values, `${kind} down`);
        }
        const isOffered = deflate.offered?.includes("permessage-deflate") === true;
        expect(deflate.accepted).toBe(column.compressed && isOffered);
        note(
          pair,
          column,
          column.compressed && column.transports.includes("websocket") && !isOffered ? "✓ (not offered)" : "✓",
        );
      });
    }
  });
}

afterAll(() => {
  const reasons = [...new Set([...table.values()].flatMap((cells) => [...cells.values()]))].filter((cell) =>
    cell.startsWith("skipped"),
  );
  const shown = (cell = "–"): string => (cell.startsWith("skipped") ? `skipped [${reasons.indexOf(cell) + 1}]` : cell);
  const rows = [["", ...columns.map(({ title }) => title)]];
  for (const [name, cells] of table) rows.push([name, ...columns.map(({ title }) => shown(cells.get(title)))]);
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const lines = rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at]!)).join("  "));
  const notes = reasons.map((cell, at) => `[${at + 1}] ${cell}`);
  console.log(["Text, binary and acknowledgements, both ways:", ...lines, ...notes].join("\n"));
});
