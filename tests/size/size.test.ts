import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ceilings, importing, measure } from "./size.mjs";

const dist = join(import.meta.dirname, "../../packages/client/dist");

describe.each(Object.entries(ceilings))("%s", (entry, ceiling) => {
  test("stays under its ceiling in a browser (X13)", async () => {
    const { gzip, files } = await measure(importing(entry));
    expect(files.length).toBeGreaterThan(1);
    expect(gzip).toBeLessThanOrEqual(ceiling);
  });

  test("has nothing of Node in a browser", async () => {
    expect((await measure(importing(entry))).traces).toEqual([]);
  });

  test.runIf(existsSync(dist))("is no larger as it is shipped", async () => {
    const { gzip, files } = await measure(importing(entry), { isBuilt: true });
    expect(files.every(({ file }) => /dist|stdin/.test(file))).toBe(true);
    expect(gzip).toBeLessThanOrEqual(ceiling);
  });
});

test("what has only WebSocket has nothing of polling", async () => {
  const polling = /polling|dial|base64|engine-codec/;
  const filesOf = async (entry: keyof typeof ceilings) =>
    (await measure(importing(entry))).files.map(({ file }) => file);
  expect((await filesOf("bowline-client")).filter((file) => polling.test(file))).toHaveLength(4);
  expect((await filesOf("bowline-client/websocket")).filter((file) => polling.test(file))).toEqual([]);
});

test("the measure sees Node where it is", async () => {
  const { traces } = await measure('import "node:net"; console.log(Buffer.from("a"), process.pid)');
  expect(traces).toEqual(["node:net", "Buffer", "process"]);
});

test("the measure counts bytes", async () => {
  const { gzip, minified, files } = await measure(`console.log("${"bowline ".repeat(1000)}")`);
  expect(minified).toBeGreaterThan(8000);
  expect(gzip).toBeLessThan(200);
  expect(files).toHaveLength(1);
});
