import { expect, test } from "vitest";
import { ceiling, measure } from "./size.mjs";

test("the client stays under its ceiling in a browser (X13)", async () => {
  const { gzip, files } = await measure();
  expect(files.length).toBeGreaterThan(1);
  expect(gzip).toBeLessThanOrEqual(ceiling);
});

test("nothing of Node reaches a browser", async () => {
  expect((await measure()).traces).toEqual([]);
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
