import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./run.mjs";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const elsewhere = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/**
 * Finds a Chromium or Chrome: `CHROMIUM` in the environment, else the PATH, else the usual places.
 * @returns {string | undefined} the path of its program
 */
export function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return [...folders.flatMap((folder) => names.map((name) => join(folder, name))), ...elsewhere].find(isProgram);
}

/**
 * Installs Chromium where that is one safe command: as root on Debian. Elsewhere says what to install.
 * @returns {Promise<string | undefined>} the path of its program, if there is one now
 */
export async function provideChromium() {
  const found = findChromium();
  if (found !== undefined) return found;
  if (isRootOnDebian()) await installWithApt();
  return findChromium();
}

/** Says why when it fails, and lets the tests go on without a browser. */
async function installWithApt() {
  console.log("• installing chromium with apt-get …");
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "--yes", "--no-install-recommends", "chromium"]]) {
    const { code, output } = await run("apt-get", args, { env });
    if (code !== 0) return console.error(`apt-get ${args.join(" ")} failed:\n${output.trimEnd()}`);
  }
}

function isRootOnDebian() {
  // Ubuntu's package of that name only points to a snap
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
