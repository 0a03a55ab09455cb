import { chromium } from "playwright-core";
import { findChromium } from "../chromium.mjs";

/**
 * Opens the page of a host in a browser, and waits until its own client has got its answer there. Does nothing where there
 * is no browser.
 *
 * @param {import("./exercise.mjs").Place} place
 */
export async function openPage({ url, host }) {
  const executablePath = findChromium();
  if (executablePath === undefined || host.pageSays === undefined) return;
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    await page.goto(url);
    await page.getByText(host.pageSays, { exact: true }).waitFor({ timeout: 10_000 });
  } finally {
    await browser.close();
  }
}
