import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const document = "docs/usage.md";
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** The examples that everyone who knows Socket.IO has met. */
const snippets = [
  "Basic Server (Node.js)",
  "Express Integration",
  "Next.js API Route",
  "Browser Client",
  "React Hook: hook",
  "React Hook: component",
  "Emit and Listen",
  "Acknowledgements",
  "With Timeout",
  "To All Clients",
  "To Specific Clients",
  "Join and Leave",
  "Send to Room",
  "Get Room Info",
  "Create Namespace",
  "Namespace Middleware",
  "Server Middleware",
  "Error Handling",
  "Chat Application Example: Server",
  "Chat Application Example: Client",
];

const rows = read(document)
  .split("\n")
  .filter((line) => line.startsWith("| ") && line.includes("]("))
  .map((line) => {
    const [, title = "", file = "", exercise = ""] = line.split("|").map((cell) => cell.trim());
    return { title, file: target(file), exercise: target(exercise) };
  });

/** The path of a link's target, from the root. */
function target(link: string): string {
  return normalize(join(dirname(document), /\((.*)\)$/.exec(link)?.[1] ?? ""));
}

test("docs/usage.md lists every snippet", () => {
  expect(rows.map(({ title }) => title)).toEqual(snippets);
});

test("docs/usage.md lists every file of examples/usage once", () => {
  const listed = rows.map(({ file }) => file).filter((file) => file.startsWith("examples/usage/"));
  const files = readdirSync(join(root, "examples/usage")).filter((name) => /\.tsx?$/.test(name));
  expect(listed.map((file) => relative("examples/usage", file)).sort()).toEqual(files.sort());
});

test.each(rows)("$title is exercised", ({ file, exercise }) => {
  expect(existsSync(join(root, file))).toBe(true);
  // the Next.js route is a file that Next.js finds by its place
  const name = file.startsWith("examples/nextjs-pages") ? "/api/socket" : `"${relative("examples/usage", file)}"`;
  expect(read(exercise)).toContain(name);
});

test("every file of examples/usage is compiled", () => {
  const compiled = ["server", "client"].flatMap((side) =>
    [...read(`examples/tsconfig.${side}.json`).matchAll(/"(usage\/[^"]+)"/g)].map(
      ([, file = ""]) => `examples/${file}`,
    ),
  );
  const listed = rows.map(({ file }) => file).filter((file) => file.startsWith("examples/usage/"));
  expect(compiled.sort()).toEqual(listed.sort());
});
