import { expect, test } from "vitest";
import { summarize } from "./summary.mjs";

const file = (status: string, tests: number): { status: string; assertionResults: unknown[] } => ({
  status,
  assertionResults: Array.from({ length: tests }),
});
const counts = { numPassedTests: 7, numFailedTests: 2, numPendingTests: 3, numTodoTests: 1 };

test("a test run in one line", () => {
  const testResults = [file("passed", 7), file("failed", 6)];
  expect(summarize({ ...counts, testResults })).toBe("7 passed, 2 failed, 4 skipped");
});

test("a file that cannot even be loaded counts as a failed test", () => {
  const testResults = [file("passed", 7), file("failed", 6), file("failed", 0)];
  expect(summarize({ ...counts, testResults })).toBe("7 passed, 3 failed, 4 skipped");
});
