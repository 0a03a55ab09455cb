// `npm test [-- vitest arguments]`: sets a fresh clone up, finds a browser and a Redis server, and runs every test
import "./node-version.mjs";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { provideChromium } from "./chromium.mjs";
import { prepare } from "./prepare.mjs";
import { provideRedisServer } from "./redis.mjs";
import { root, run } from "./run.mjs";
import { resultsFile, summary } from "./summary.mjs";

// an old result must not stand in for a run that never got to write one
rmSync(resultsFile, { force: true });
await prepare();
const chromium = await provideChromium();
const redis = await provideRedisServer();

const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${resultsFile}`];
const { code } = await run(process.execPath, [vitest, "run", ...reporters, ...process.argv.slice(2)], {
  show: true,
  env: { ...(chromium && { CHROMIUM: chromium }), ...(redis && { REDIS_SERVER: redis }) },
});

if (chromium === undefined) {
  console.log("The tests in a real browser were SKIPPED: there is no Chromium or Chrome here.");
  console.log("Install one (Debian: `apt-get install chromium`) or set CHROMIUM to the path of its program.");
}
if (redis === undefined) {
  console.log("The tests with Redis were SKIPPED: there is no redis-server here.");
  console.log("Install one (Debian: `apt-get install redis-server`) or set REDIS_SERVER to the path of its program.");
}
console.log(summary());
process.exit(code);
