import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ChatServer } from "./chat-server.ts";

const program = fileURLToPath(new URL("../../apps/chat/server.mjs", import.meta.url));

/** Starts what cannot start. */
const start = (port: string): { status: number | null; stderr: string } =>
  spawnSync(process.execPath, [program], {
    env: { ...process.env, PORT: port, HOST: "127.0.0.1" },
    encoding: "utf8",
    timeout: 20_000,
  });

test("a port that is taken is named, and another one", async () => {
  const server = await ChatServer.start();
  const { status, stderr } = start(String(server.port));
  expect(status).toBe(1);
  expect(stderr).toBe(
    `Port ${server.port} is taken. End the program that uses it, or choose another port: PORT=${server.port + 1} npm start\n`,
  );
  await server.stop();
});

test.each(["http", "65536", "-1", "3.5"])("%s is no port", (port) => {
  expect(start(port)).toMatchObject({
    status: 1,
    stderr: `PORT must be a number from 0 to 65535, and is "${port}".\n`,
  });
});
