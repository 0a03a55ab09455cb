import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";

// What would show that speed or memory is lost, by counts that no busy machine can change, and by ratios with a wide
// margin. The figures themselves are in docs/benchmarks.md.

interface Counts {
  readonly idleBytes: number;
  readonly writesPerBurst: number;
  readonly writesPerRoundTrip: number;
  readonly bytesPerDelivery: number;
  readonly bytesPerSingleDelivery: number;
  readonly bytesPerRoundTrip: number;
}

describe("the built server, on streams that take everything", () => {
  let counts: Counts;

  beforeAll(async () => {
    counts = await runScript<Counts>("count.mjs", [], ["--expose-gc", "--max-semi-space-size=64"]);
  }, 60_000);

  test("writes once per connection, to whom 10 broadcasts of one turn go", () => {
    expect(counts.writesPerBurst).toBe(1);
  });

  test("writes once per answer", () => {
    expect(counts.writesPerRoundTrip).toBe(1);
  });

  test("allocates next to nothing per delivery", () => {
    expect(counts.bytesPerDelivery).toBeLessThan(100);
    expect(counts.bytesPerSingleDelivery).toBeLessThan(200);
  });

  test("allocates less than 2.5 KB per acknowledged event", () => {
    expect(counts.bytesPerRoundTrip).toBeLessThan(2_500);
  });

  test("keeps less than 4 KB of heap per idle connection", () => {
    expect(counts.idleBytes).toBeLessThan(4_096);
  });
});

interface CodecRow {
  readonly name: string;
  readonly ratio: { readonly median: number };
}

test("small packets take the codec less time than socket.io-parser", { timeout: 60_000, retry: 2 }, async () => {
  const { rows } = await runScript<{ rows: CodecRow[] }>("../../bench/codec.mjs", ["--quick", "--json"]);
  const ratios = new Map(rows.map(({ name, ratio }) => [name, ratio.median]));
  // measured as 0.3 to 0.45
  for (const name of ["encode-event", "decode-event", "encode-ack", "decode-ack"]) {
    expect(ratios.get(name), name).toBeLessThan(0.9);
  }
});

/** Runs a script in a process of its own, and gives what it printed. */
async function runScript<T>(path: string, args: string[], flags: string[] = []): Promise<T> {
  const script = fileURLToPath(new URL(path, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, ...args]);
  return JSON.parse(stdout) as T;
}
