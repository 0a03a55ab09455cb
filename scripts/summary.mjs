import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./run.mjs";

/** Where `npm test` leaves the results of its last run. */
export const resultsFile = join(root, ".cache", "test-results.json");

/**
 * The part of vitest's JSON report that counts.
 *
 * @typedef {object} Results
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {{ status: string, assertionResults: unknown[] }[]} testResults one for each file
 */

/**
 * A test run in one line. A file that fails before its first test counts as one failed test.
 *
 * @param {Results} results
 * @returns {string}
 */
export function summarize({ numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults }) {
  const broken = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  return `${numPassedTests} passed, ${numFailedTests + broken.length} failed, ${numPendingTests + numTodoTests} skipped`;
}

/**
 * The last run of `npm test` in one line.
 * @returns {string}
 */
export function summary() {
  if (!existsSync(resultsFile)) return "0 passed, 1 failed, 0 skipped (the test run did not get to its end)";
  return summarize(JSON.parse(readFileSync(resultsFile, "utf8")));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) console.log(summary());
