import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root, run } from "../../scripts/run.mjs";

const built = { server: join(root, "packages/server"), client: join(root, "packages/client") };
const official = { server: join(root, "node_modules/socket.io"), client: join(root, "node_modules/socket.io-client") };

/** Every step of a move: both as before, either side alone, both moved. */
const steps = [
  { title: "Socket.IO on both sides, which shows that the application is one of its own", ...official },
  { title: "our server for the official client", server: built.server, client: official.client },
  { title: "our client for the official server", server: official.server, client: built.client },
  { title: "both sides of ours", ...built },
];

// an application that knows only the names `socket.io` and `socket.io-client`, on what is built, as npm's aliases would have it
describe.each(steps)("examples/drop-in with $title", ({ server, client }) => {
  const cwd = mkdtempSync(join(tmpdir(), "bowline-migration-"));
  beforeAll(() => {
    cpSync(join(root, "examples/drop-in"), cwd, { recursive: true });
    cpSync(join(cwd, "app.ts"), join(cwd, "app.cts"));
    mkdirSync(join(cwd, "node_modules/@types"), { recursive: true });
    symlinkSync(server, join(cwd, "node_modules/socket.io"), "junction");
    symlinkSync(client, join(cwd, "node_modules/socket.io-client"), "junction");
    symlinkSync(join(root, "node_modules/@types/node"), join(cwd, "node_modules/@types/node"), "junction");
  });
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  test.each(["import.mjs", "require.cjs", "tour.mjs"])("%s runs as it is", async (program) => {
    expect(await run(process.execPath, [program], { cwd })).toMatchObject({ code: 0, output: "" });
  });

  // the steps between them would tell nothing new
  const isWhole = (server === built.server) === (client === built.client);
  test.runIf(isWhole)(
    "its types are those that it was written for, and it runs as compiled",
    async () => {
      const how = ["--strict", "--esModuleInterop", "--target", "es2022", "--types", "node", "--module", "node16"];
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      const compiled = await run(process.execPath, [tsc, ...how, "--outDir", "out", "app.cts"], { cwd });
      expect(compiled).toMatchObject({ code: 0, output: "" });
      expect(await run(process.execPath, [join("out", "app.cjs")], { cwd })).toMatchObject({ code: 0, output: "" });
    },
    120_000,
  );
});
