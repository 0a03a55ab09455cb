// Calls between the bench and its child processes, over Node's IPC channel.
import { fork } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";

const CALL_LIMIT_MS = 60_000;

/**
 * Starts `script` in its own process. `call` rejects with the child's error, or when the child ends before it answers,
 * or after `limitMs`, a minute by default.
 * @param {URL} script
 * @param {string[]} [args]
 * @param {{ execArgv?: string[], limitMs?: number }} [options]
 */
export function startChild(script, args = [], { execArgv = [], limitMs = CALL_LIMIT_MS } = {}) {
  const name = basename(script.pathname);
  const child = fork(script, args, { execArgv });
  const waiting = new Map();
  let lastId = 0;

  const settle = (id, { result, error }) => {
    const call = waiting.get(id);
    if (call === undefined) return;
    waiting.delete(id);
    clearTimeout(call.limit);
    if (error === undefined) call.resolve(result);
    else call.reject(new Error(error));
  };
  const failAll = (error) => {
    for (const id of waiting.keys()) settle(id, { error });
  };
  child.on("message", ({ id, result, error }) => {
    if (id === undefined) failAll(error);
    else settle(id, { result, error });
  });
  child.on("exit", (code, signal) => failAll(`${name} ended (${signal ?? code})`));

  return {
    call(method, ...args) {
      return new Promise((resolve, reject) => {
        if (!child.connected) return reject(new Error(`${name} has ended`));
        const id = ++lastId;
        const error = `${name}: ${method} did not end within ${limitMs / 1000} s`;
        waiting.set(id, { resolve, reject, limit: setTimeout(settle, limitMs, id, { error }) });
        child.send({ id, method, args });
      });
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

/**
 * The child's side: answers the calls of its parent, and ends with it. An uncaught error fails whatever is under way.
 * @param {Record<string, (...args: any[]) => unknown>} handlers
 */
export function answerCalls(handlers) {
  process.on("disconnect", () => process.exit());
  process.once("uncaughtException", (error) => process.send({ error: error.message }, () => process.exit(1)));
  process.on("message", async ({ id, method, args }) => {
    // what an adapter tells its own
    if (id === undefined) return;
    try {
      process.send({ id, result: await handlers[method](...args) });
    } catch (error) {
      process.send({ id, error: error.message });
    }
  });
}
