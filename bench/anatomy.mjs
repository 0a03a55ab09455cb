// What one idle connection is made of: `node --expose-gc bench/anatomy.mjs [connections]` prints what the heap has more of
// per connection, class by class, from two heap snapshots; the load generator is a process of its own.
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { writeHeapSnapshot } from "node:v8";
import { loadServer } from "./harness/peers.mjs";
import { connectAll } from "./harness/raw-client.mjs";

const WARM_UP = 500;
/** Below this many bytes per connection a row is noise. */
const LEAST = 8;

if (process.send === undefined) await measure(Number(process.argv[2] ?? 2_000));
else await load(Number(process.argv[2]), Number(process.argv[3]));

async function load(port, count) {
  await connectAll(port, count);
  process.send("connected");
}

async function measure(count) {
  if (globalThis.gc === undefined) throw new Error("run it with node --expose-gc");
  const Server = await loadServer("bowline");
  const http = createServer();
  new Server(http).on("connection", () => {});
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  const connect = (connections) =>
    new Promise((resolve) => {
      const child = fork(fileURLToPath(import.meta.url), [http.address().port, connections], { execArgv: [] });
      child.once("message", () => resolve(child));
    });

  const folder = mkdtempSync(join(tmpdir(), "bowline-anatomy-"));
  const children = [await connect(WARM_UP)];
  const before = await snapshot(join(folder, "before.heapsnapshot"));
  children.push(await connect(count));
  const after = await snapshot(join(folder, "after.heapsnapshot"));
  rmSync(folder, { recursive: true });
  for (const child of children) child.kill("SIGKILL"); // they take a server that ends for a failure

  console.log(`heap and buffers: ${((after.bytes - before.bytes) / count).toFixed(0)} bytes per connection, of which`);
  const rows = [...after.classes].map(([name, { size, objects }]) => {
    const old = before.classes.get(name) ?? { size: 0, objects: 0 };
    return { name, size: (size - old.size) / count, objects: (objects - old.objects) / count };
  });
  for (const { name, size, objects } of rows.sort((a, b) => b.size - a.size)) {
    if (size >= LEAST)
      console.log(`${size.toFixed(0).padStart(6)} bytes in ${objects.toFixed(2).padStart(5)} × ${name}`);
  }
  process.exit();
}

/** Memory after a collection, and the objects of a heap snapshot by their class. */
async function snapshot(file) {
  await sleep(1_500); // for what a server lets go only after the handshake
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  writeHeapSnapshot(file);
  return { bytes: heapUsed + external, classes: classesIn(JSON.parse(readFileSync(file, "utf8"))) };
}

function classesIn({ snapshot: { meta }, nodes, strings }) {
  const [type, name, size] = ["type", "name", "self_size"].map((field) => meta.node_fields.indexOf(field));
  const classes = new Map();
  for (let at = 0; at < nodes.length; at += meta.node_fields.length) {
    const kind = meta.node_types[type][nodes[at + type]];
    const label = kind === "object" || kind === "native" ? strings[nodes[at + name]] : `(${kind})`;
    const entry = classes.get(label) ?? { size: 0, objects: 0 };
    entry.size += nodes[at + size];
    entry.objects++;
    classes.set(label, entry);
  }
  return classes;
}
