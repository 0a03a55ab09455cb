import { Buffer } from "node:buffer";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privatePath } from "./private-path.ts";

const BEGINNING = "bowline-";
const OURS = /^bowline-[A-Za-z0-9]{6}$/;
const HUB = "hub";

/** What the address of a Unix socket has room for, in bytes, on macOS; on Linux it is more. */
const MAX_PATH = 103;

/** A folder that is younger may belong to a primary that is starting, in ms. */
const MIN_AGE = 60_000;

const isWindows = process.platform === "win32";

/** Where the processes of one machine reach each other. */
export interface PrivateFolder {
  /** Nobody else may look into it. */
  readonly path: string;
  /** Where the hub is to listen. */
  readonly hub: string;
}

/**
 * Makes a folder that goes with this process, and removes those that killed processes have left.
 * @throws Error if there is no place for one
 */
export function makeFolder(): PrivateFolder {
  // the place for temporary files may be missing, or too long for the address of a socket
  const parents = isWindows ? [tmpdir()] : [tmpdir(), "/tmp"].filter(hasRoom);
  let path: string | undefined;
  let error: unknown = new Error(`${tmpdir()} is too long for the address of a socket`);
  for (const parent of parents) {
    try {
      path ??= mkdtempSync(join(parent, BEGINNING));
    } catch (thrown) {
      error = thrown;
    }
    void removeLeftovers(parent);
  }
  if (path === undefined) throw error;
  const made = path;
  process.on("exit", () => rmSync(made, { recursive: true, force: true }));
  return { path, hub: isWindows ? privatePath(path) : join(path, HUB) };
}

const hasRoom = (parent: string): boolean =>
  Buffer.byteLength(privatePath(join(parent, `${BEGINNING}123456`))) <= MAX_PATH;

/** Gives a folder, and the hub that listens in it, to the user that workers run as. */
export function giveTo({ path, hub }: PrivateFolder, uid: number): void {
  if (!isWindows) for (const each of [hub, path]) chownSync(each, uid, -1);
}

/** Removes the folders of this user at whose hub nobody listens any more. */
async function removeLeftovers(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names) {
    // what is gone meanwhile somebody else has removed
    if (OURS.test(name)) await removeIfLeft(join(parent, name)).catch(() => {});
  }
}

async function removeIfLeft(path: string): Promise<void> {
  const { uid, mtimeMs } = await lstat(path);
  if (uid !== process.getuid?.() || Date.now() - mtimeMs < MIN_AGE) return;
  if (await isDead(join(path, HUB))) await rm(path, { recursive: true, force: true });
}

/** Whether somebody has listened there, and nobody does any more. */
function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => socket.destroy());
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
    socket.on("close", () => resolve(false));
  });
}
