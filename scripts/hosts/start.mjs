import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfSigned } from "../../tests/interop/self-signed.mjs";

/** @typedef {import("./exercise.mjs").Place} Place */

/**
 * Starts an example on a free port of 127.0.0.1, and waits until it says where that is.
 *
 * @param {import("./hosts.mjs").Host} host
 * @param {string} cwd its folder
 * @returns {Promise<Place & { stop: () => Promise<void> }>}
 */
export async function startHost(host, cwd) {
  const { folder, cert, env } = host.secured ? certified() : { env: {} };
  const child = spawn(host.program === undefined ? process.execPath : join(cwd, host.program), host.run, {
    cwd,
    env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1", PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = once(child, "exit");
  const stop = async () => {
    child.kill("SIGKILL");
    await exit;
    if (folder !== undefined) rmSync(folder, { recursive: true });
  };
  try {
    const url = await whereabouts(child, host.listening ?? /^Listening at (\S+)$/m);
    return { url, host, stop, ...(cert === undefined ? {} : { ca: cert }) };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A key and a certificate in files, as servers have them. */
function certified() {
  const folder = mkdtempSync(join(tmpdir(), "bowline-host-"));
  const { key, cert } = selfSigned();
  const env = { TLS_KEY: join(folder, "key.pem"), TLS_CERT: join(folder, "cert.pem") };
  writeFileSync(env.TLS_KEY, key);
  writeFileSync(env.TLS_CERT, cert);
  return { folder, cert, env };
}

/**
 * Where a server says that it listens.
 * @param {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, import("node:stream").Readable>} child
 * @param {RegExp} listening
 * @returns {Promise<string>}
 */
function whereabouts(child, listening) {
  return new Promise((resolve, reject) => {
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk) => {
        output += chunk;
        const url = listening.exec(output)?.[1];
        if (url !== undefined) resolve(url);
      });
    child.on("close", () => reject(new Error(`ended before it listened:\n${output}`)));
  });
}
