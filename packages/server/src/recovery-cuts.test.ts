import type { Frame } from "@bowline/protocol";
import { describe, expect, test } from "vitest";
import { type Peer, setTheStage, type Stage } from "./test-kit.ts";
import { randomOf } from "./test-kit-random.ts";

/** A client as the protocol describes it, on a line that can be cut behind any frame (socket-protocol §7). */
class ModelClient {
  readonly heard: number[] = [];
  readonly expected: number[] = [];
  sid = "";
  comebacks = 0;
  isCut = false;
  readonly #stage: Stage;
  #peer: Peer;
  #pid: string | undefined;
  #offset: string | undefined;
  #isConnected = false;
  #line: Frame[] = [];
  /** Events before the answer: they count with it, and are lost without it. */
  #early: unknown[][] = [];
  #attachments = 0;
  #binary: unknown[] | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#peer = this.#connect();
    this.read(Infinity);
  }

  #connect(): Peer {
    const peer = this.#stage.open();
    const auth = this.#pid === undefined ? "" : JSON.stringify({ pid: this.#pid, offset: this.#offset });
    this.#isConnected = false;
    this.#early = [];
    this.#attachments = 0;
    peer.transport.receive(`40${auth}`);
    return peer;
  }

  /** Reads some of what has been written; the rest is still on the line. */
  read(count: number): void {
    this.#stage.time.settle();
    if (this.isCut) return;
    this.#line.push(...this.#peer.transport.take());
    for (const frame of this.#line.splice(0, count)) this.#receive(frame);
  }

  /** The line is cut; the server notices at once, or not before its client is back. */
  cut(isNoticed: boolean): void {
    if (isNoticed) this.#peer.transport.handler.onTransportEnd("transport close", "");
    this.#line = [];
    this.isCut = true;
  }

  comeBack(): void {
    this.comebacks++;
    this.isCut = false;
    this.#peer = this.#connect();
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  #receive(frame: Frame): void {
    if (typeof frame !== "string") {
      if (this.#binary !== undefined && --this.#attachments === 0) this.#hear(this.#binary);
    } else if (frame.startsWith("40")) {
      const { sid, pid } = JSON.parse(frame.slice(2)) as { sid: string; pid: string };
      if (this.#pid !== undefined) expect([sid, pid]).toEqual([this.sid, this.#pid]);
      this.sid = sid;
      this.#pid = pid;
      this.#isConnected = true;
      for (const event of this.#early.splice(0)) this.#listen(event);
    } else if (frame.startsWith("42")) {
      this.#hear(JSON.parse(frame.slice(2)) as unknown[]);
    } else if (frame.startsWith("451-")) {
      this.#attachments = 1;
      this.#binary = JSON.parse(frame.slice(4)) as unknown[];
    }
  }

  #hear(event: unknown[]): void {
    if (this.#isConnected) this.#listen(event);
    else this.#early.push(event);
  }

  #listen(event: unknown[]): void {
    const last = event.at(-1);
    if (typeof last === "string") this.#offset = last;
    if (event[0] === "n") this.heard.push(event[1] as number);
  }
}

/** One run: clients, rooms, events of every kind, and `cuts` cuts. */
function run(seed: number, cuts: number): ModelClient[] {
  const random = randomOf(seed);
  const stage = setTheStage({ connectionStateRecovery: { skipMiddlewares: random(2) === 0 } });
  const clients = Array.from({ length: 5 }, () => new ModelClient(stage));
  const rooms = new Map<ModelClient, Set<string>>(clients.map((client) => [client, new Set()]));
  const pick = (): ModelClient => clients[random(clients.length)]!;
  const socketOf = (client: ModelClient) => stage.server.sockets.sockets.get(client.sid);
  let number = 0;

  const emit = (): void => {
    const n = ++number;
    const room = `r${random(3)}`;
    const one = pick();
    const payload = random(4) === 0 ? new Uint8Array([n & 255]) : { n };
    const isIn = (client: ModelClient): boolean => rooms.get(client)!.has(room);
    const kinds: [() => unknown, (client: ModelClient) => boolean][] = [
      [() => stage.server.emit("n", n, payload), () => true],
      [() => stage.server.to(room).emit("n", n, payload), isIn],
      [() => stage.server.except(room).emit("n", n, payload), (client) => !isIn(client)],
      [() => stage.server.to([room, one.sid]).emit("n", n, payload), (client) => client === one || isIn(client)],
      [() => stage.server.to(one.sid).emit("n", n, payload), (client) => client === one],
    ];
    const socket = socketOf(one);
    if (socket !== undefined) {
      kinds.push([() => socket.emit("n", n, payload), (client) => client === one]);
      kinds.push([() => socket.broadcast.emit("n", n, payload), (client) => client !== one]);
    }
    const [send, isFor] = kinds[random(kinds.length)]!;
    send();
    for (const client of clients) if (isFor(client)) client.expected.push(n);
  };

  const steps: (() => void)[] = [
    emit,
    emit,
    emit,
    () => void stage.server.volatile.emit("v", "some text"),
    () => pick().read(random(6)),
    () => pick().read(Infinity),
    () => {
      const client = pick();
      const socket = socketOf(client);
      if (socket === undefined) return;
      const room = `r${random(3)}`;
      const own = rooms.get(client)!;
      if (own.delete(room)) socket.leave(room);
      else {
        own.add(room);
        void socket.join(room);
      }
    },
    () => {
      const client = pick();
      if (client.isCut) return;
      client.read(random(6));
      client.cut(random(3) > 0);
      cuts--;
    },
    () => {
      const client = pick();
      if (!client.isCut) return;
      client.comeBack();
      client.read(random(8));
    },
    () => stage.time.advance(random(20)),
  ];
  while (cuts > 0) steps[random(steps.length)]!();
  for (const client of clients) {
    if (client.isCut) client.comeBack();
    client.read(Infinity);
  }
  expect(stage.errors).toEqual([]);
  return clients;
}

describe("1,000 cuts at random points, noticed or not, also within a replay (api.md C2, delivery §8)", () => {
  test.each(Array.from({ length: 20 }, (_, at) => at + 1))(
    "no event is lost, doubled or out of order (seed %i)",
    (seed) => {
      const clients = run(seed, 50);
      expect(clients.reduce((count, { comebacks }) => count + comebacks, 0)).toBeGreaterThanOrEqual(45);
      for (const { heard, expected } of clients) expect(heard).toEqual(expected);
    },
  );
});
