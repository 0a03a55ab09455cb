import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { ask, askUpgrade, clientFrame, type MemoryStream, setTheStage, streams } from "./test-kit.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

interface Memory {
  readonly heap: number;
  readonly buffers: number;
}

const memory = (): Memory => {
  // what the first leaves because of finalizers the second takes
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers };
};

/** The heap is noisy: what few connections share counts, too. */
function expectLittle(before: Memory): void {
  const { heap, buffers } = memory();
  expect((buffers - before.buffers) / COUNT).toBeLessThan(1_024);
  expect((heap - before.heap) / COUNT).toBeLessThan(4_096);
}

/** As the platform gives them: a small part of a large block. */
const partOfBlock = (bytes: Uint8Array): Uint8Array => {
  const block = Buffer.alloc(65_536);
  block.set(bytes);
  return block.subarray(0, bytes.length);
};

const COUNT = 200;
const MESSAGES = ['42["e","text",{"a":[1]}]', '42/x,["e"]', "6", '421["e"]'];

test("a connection that is idle again pins none of the blocks that it was sent in (abuse 140)", async () => {
  const { server, time } = setTheStage({ limits: { maxPending: 0 } });
  const kept: unknown[] = [];
  server.of("/x").on("connection", () => {});
  server.on("connection", (socket) => socket.on("e", (...values) => kept.push(values.length)));
  const peers: MemoryStream[] = [];
  for (let count = 0; count < COUNT; count++) {
    const stream = askUpgrade(server, "/socket.io/?EIO=4&transport=websocket");
    for (const text of ["40", "40/x,", '42["e"]']) stream.push(Buffer.from(clientFrame(text)));
    peers.push(stream);
  }
  await streams();
  time.settle();
  // one at a time, as sockets give them: of several at once a stream of Node's keeps some until the next one comes
  const send = async (...all: Uint8Array[]): Promise<void> => {
    for (const bytes of all) {
      for (const stream of peers) stream.push(partOfBlock(bytes));
      await streams();
      time.settle();
    }
    for (const { chunks } of peers) chunks.length = 0;
  };
  const messages = MESSAGES.map(clientFrame);
  await send(...messages);
  const before = memory();
  // the last one is cut in its header
  await send(...messages, clientFrame('42["e"]').subarray(0, 3));
  expect(kept.length).toBe(COUNT * 5);
  expectLittle(before);
  expect(server.engine.clientsCount).toBe(COUNT);
});

test("nor does a session on polling (abuse 140)", async () => {
  const { server, time } = setTheStage({ limits: { maxPending: 0 } });
  const url = "/socket.io/?EIO=4&transport=polling";
  for (let count = 0; count < COUNT; count++) ask(server, url);
  await streams();
  time.settle();
  const urls = Object.keys(server.engine.clients).map((sid) => `${url}&sid=${sid}`);
  const post = async (body: string): Promise<void> => {
    for (const each of urls) ask(server, each, { method: "POST", body: partOfBlock(Buffer.from(body)) });
    await streams();
    time.settle();
  };
  await post("40");
  await post(MESSAGES[0] ?? "");
  const before = memory();
  await post(MESSAGES.filter((text) => !text.includes("/x")).join("\u001e"));
  expectLittle(before);
  expect(server.engine.clientsCount).toBe(COUNT);
});
