import { connect, createServer, type Server } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { randomOf } from "../../packages/server/src/test-kit-random.ts";
import { atEnd, closeAll, type ClientSocket, portOf, start, until, within } from "./harness.ts";
import { forEachPair, type Pair } from "./peers.ts";

afterEach(closeAll);

const CUTS = 1_000;
const CLIENTS = 20;

/**
 * A line to the server that breaks after some bytes of what the server sends: in a handshake, in a replay, in a frame,
 * anywhere. Or not before the answer to CONNECT is through: of a replay without it official clients hear all once more.
 */
class CuttingProxy {
  cuts = 0;
  readonly #server: Server;
  readonly #random = randomOf(7);

  constructor(target: number, isAnywhere: boolean) {
    this.#server = createServer((near) => {
      const far = connect(target, "127.0.0.1");
      const end = (): void => [near, far].forEach((socket) => void socket.destroy());
      for (const socket of [near, far]) socket.on("error", end).on("close", end);
      near.on("data", (chunk) => void far.write(chunk));
      let isOpen = isAnywhere;
      // long enough, now and then, for what was missed meanwhile
      let left = this.#random(this.#random(2) === 0 ? 2_000 : 8_000);
      far.on("data", (chunk) => {
        if (this.cuts === CUTS || !isOpen) {
          isOpen ||= chunk.includes('40{"sid"');
          return void near.write(chunk);
        }
        near.write(chunk.subarray(0, Math.min(left, chunk.length)));
        left -= chunk.length;
        if (left > 0) return;
        this.cuts++;
        far.destroy();
        near.end(() => near.destroy());
      });
      atEnd(end);
    });
    atEnd(() => this.#server.close());
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => void this.#server.listen(0, "127.0.0.1", resolve));
    return portOf(this.#server);
  }
}

/** A client that keeps a ledger of the numbered events that it hears. */
class Ledger {
  readonly faults: string[] = [];
  last: number | undefined;
  comebacks = 0;

  constructor(client: ClientSocket) {
    client.on("connect", () => {
      if (this.last !== undefined && !client.recovered) this.faults.push(`not recovered behind ${this.last}`);
      if (client.recovered) this.comebacks++;
    });
    client.on("n", (n: number) => {
      if (this.last !== undefined && n !== this.last + 1) this.faults.push(`${n} behind ${this.last}`);
      this.last = n;
    });
  }
}

async function run(pair: Pair): Promise<void> {
  const rig = await start(pair, { connectionStateRecovery: {} });
  const proxy = new CuttingProxy(rig.port, pair.client.ours);
  const port = await proxy.listen();
  const ledgers = Array.from({ length: CLIENTS }, () => {
    const client = pair.client.module().io(`http://127.0.0.1:${port}`, {
      forceNew: true,
      transports: ["websocket"],
      reconnectionDelay: 1,
      reconnectionDelayMax: 1,
    });
    atEnd(() => client.disconnect());
    return new Ledger(client);
  });
  let n = 0;
  while (proxy.cuts < CUTS) {
    n++;
    if (n % 7 === 0) rig.io.emit("n", n, new Uint8Array(n % 60));
    else rig.io.emit("n", n, "x".repeat(n % 60));
    // official clients would take any text at the end for their offset, a name as well
    rig.io.volatile.emit("noise", "text");
    rig.io.volatile.emit("noise");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const end = ++n;
  rig.io.emit("n", end);
  await until(() => ledgers.every(({ last }) => last === end), "the last event at every client", 30_000);
  expect(ledgers.flatMap(({ faults }) => faults)).toEqual([]);
  expect(ledgers.reduce((count, { comebacks }) => count + comebacks, 0)).toBeGreaterThan(CUTS / 10);
}

forEachPair((pair) => {
  describe.runIf(pair.server.ours)("1,000 cuts of the line at any byte (api.md C2, delivery §8)", () => {
    test("no event is lost, doubled or out of order", { timeout: 120_000 }, () =>
      within(run(pair), "all cuts", 110_000),
    );
  });
});
