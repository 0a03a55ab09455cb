import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The folder of the whole project. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * @typedef {object} Result
 * @property {number} code exit code; 1 when a signal ended the program or it could not start
 * @property {string} output what it printed, both streams together
 * @property {number} seconds
 */

/**
 * Runs a program to its end. Never throws: a program that cannot start gives code 1 and the reason as output.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, show?: boolean }} [options] show: print as it goes instead of collecting
 * @returns {Promise<Result>}
 */
export function run(command, args, { cwd = root, env = {}, show = false } = {}) {
  const start = performance.now();
  return new Promise((resolve) => {
    let output = "";
    /** @param {number | null} code */
    const end = (code) => resolve({ code: code ?? 1, output, seconds: (performance.now() - start) / 1000 });
    // npm is a batch file on Windows, which only a shell can start
    const shell = process.platform === "win32" && command === "npm";
    const child = spawn(command, args, {
      cwd,
      shell,
      env: { ...process.env, ...env },
      stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => (output += text));
    }
    child.on("error", (error) => {
      output += `${command}: ${error.message}\n`;
      end(1);
    });
    child.on("close", end);
  });
}

/**
 * Does one step of a set-up with a line before and after; ends the process with the step's output when it fails.
 *
 * @param {string} title
 * @param {() => Promise<Result>} work
 * @returns {Promise<void>}
 */
export async function step(title, work) {
  process.stdout.write(`• ${title} …`);
  const { code, output, seconds } = await work();
  process.stdout.write(code === 0 ? ` ${seconds.toFixed(1)} s\n` : " failed\n");
  if (code === 0) return;
  console.error(output.trimEnd());
  process.exit(code);
}
