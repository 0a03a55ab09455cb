import { readFileSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Sources } from "./imports.ts";

export const packages: string = fileURLToPath(new URL("../../packages", import.meta.url));

/** What a package ships: its sources without the tests beside them. */
export function sourcesOf(name: string): Sources {
  const folder = join(packages, name, "src");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) =>
        entry.isFile() && entry.name.endsWith(".ts") && !/\.test(-d)?\.ts$|^test-kit[-\w]*\.ts$/.test(entry.name),
    )
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.map((file) => [relative(folder, file).split(sep).join("/"), readFileSync(file, "utf8")]));
}
