import { findProgram, installWithApt } from "./programs.mjs";

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
  return process.env.CHROMIUM || findProgram(names, elsewhere);
}

/**
 * Installs Chromium where that is one safe command: as root on Debian. Elsewhere says what to install.
 * @returns {Promise<string | undefined>} the path of its program, if there is one now
 */
export async function provideChromium() {
  if (findChromium() === undefined) await installWithApt("chromium");
  return findChromium();
}
