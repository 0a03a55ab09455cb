import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./run.mjs";

/**
 * Finds a program by its names in the PATH, else at other places.
 * @param {readonly string[]} names
 * @param {readonly string[]} [elsewhere]
 * @returns {string | undefined} its path
 */
export function findProgram(names, elsewhere = []) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return [...folders.flatMap((folder) => names.map((name) => join(folder, name))), ...elsewhere].find(isProgram);
}

/**
 * Installs a package of Debian, where that is one safe command: as root on Debian. Says why when it fails, and lets the
 * tests go on without it.
 * @param {string} name
 */
export async function installWithApt(name) {
  if (!isRootOnDebian()) return;
  console.log(`• installing ${name} with apt-get …`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "--yes", "--no-install-recommends", name]]) {
    const { code, output } = await run("apt-get", args, { env });
    if (code !== 0) return console.error(`apt-get ${args.join(" ")} failed:\n${output.trimEnd()}`);
  }
}

function isRootOnDebian() {
  // Ubuntu's packages are not always what their names say: chromium only points to a snap
  const release = "/etc/os-release";
  return process.getuid?.() === 0 && existsSync(release) && /^ID="?debian"?$/m.test(readFileSync(release, "utf8"));
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
