import { beforeEach, describe, expect, test } from "vitest";
import type { Company } from "./company.ts";
import { type Peer, setTheStage, type Stage } from "./test-kit.ts";

let stage: Stage;
let peers: [Peer, Peer];
let arrive: () => void;
let company: Company & { isExpected: boolean };
beforeEach(() => {
  stage = setTheStage();
  peers = [stage.join(), stage.join()];
  arrive = () => {};
  company = {
    isExpected: true,
    patience: 2,
    onArrival(callback) {
      arrive = callback;
      return () => (arrive = () => {});
    },
  };
  stage.server.engine.keepCompany(company);
});

/** How often each client was written to, and what. */
const written = (): [number, string[]][] =>
  peers.map(({ transport }) => {
    const { length } = transport.writes;
    return [length, transport.take() as string[]];
  });

describe("what is sent to many waits a moment for company", () => {
  test("and leaves with it in one write", () => {
    const { server, time } = stage;
    server.emit("mine");
    time.settle();
    expect(written()).toEqual([
      [0, []],
      [0, []],
    ]);
    time.advance(1);
    server.local.emit("theirs");
    arrive();
    time.settle();
    expect(written()).toEqual([
      [1, ['42["mine"]', '42["theirs"]']],
      [1, ['42["mine"]', '42["theirs"]']],
    ]);
    // nothing is left behind
    const { size } = server.clock;
    time.advance(10);
    expect([written().map(([count]) => count), server.clock.size]).toEqual([[0, 0], size]);
  });

  test("or after its patience, without", () => {
    const { server, time } = stage;
    server.emit("mine");
    time.advance(1);
    expect(written().map(([count]) => count)).toEqual([0, 0]);
    time.advance(1);
    expect(written().map(([count]) => count)).toEqual([1, 1]);
  });

  test("but not if nobody is expected, and never without company", () => {
    const { server, time } = stage;
    company.isExpected = false;
    server.emit("a");
    time.settle();
    expect(written().map(([count]) => count)).toEqual([1, 1]);
    company.isExpected = true;
    server.emit("b");
    server.engine.keepCompany(undefined);
    expect(written().map(([count]) => count)).toEqual([1, 1]);
    server.emit("c");
    time.settle();
    expect(written().map(([count]) => count)).toEqual([1, 1]);
  });

  test("what is for one client does not wait, and takes along what does", () => {
    const { server, time } = stage;
    server.emit("many");
    const [one] = [...server.sockets.sockets.values()];
    one!.emit("one");
    time.settle();
    expect(written()).toEqual([
      [2, ['42["many"]', '42["one"]']],
      [0, []],
    ]);
    one!.emit("alone");
    time.settle();
    expect(written()).toEqual([
      [1, ['42["alone"]']],
      [0, []],
    ]);
    time.advance(2);
    expect(written()).toEqual([
      [0, []],
      [1, ['42["many"]']],
    ]);
  });

  test("a connection that ends takes its leave with what waits", () => {
    const { server } = stage;
    server.emit("last words");
    server.disconnectSockets(true);
    expect(peers.map(({ transport }) => (transport.take() as string[])[0])).toEqual([
      '42["last words"]',
      '42["last words"]',
    ]);
    stage.time.advance(5);
    expect(stage.errors).toEqual([]);
  });
});
