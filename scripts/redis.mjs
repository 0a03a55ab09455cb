import { findProgram, installWithApt } from "./programs.mjs";

/**
 * Finds a Redis server: `REDIS_SERVER` in the environment, else the PATH.
 * @returns {string | undefined} the path of its program
 */
export function findRedisServer() {
  return process.env.REDIS_SERVER || findProgram(["redis-server", "valkey-server"]);
}

/**
 * Installs a Redis server where that is one safe command: as root on Debian..
 * @returns {Promise<string | undefined>} the path of its program, if there is one now
 */
export async function provideRedisServer() {
  if (findRedisServer() === undefined) await installWithApt("redis-server");
  return findRedisServer();
}
