import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

// not by URL: the tests in jsdom have another class of that name
const root = join(import.meta.dirname, "../../..");
const folder = join(root, "docs/guide");

/**
 * By language, what can be done with a block, as its info string says: ```` ```ts run ````.
 * - `run`: runs alone and ends by itself.
 * - `run=server` begins an application, which the `run=client` blocks behind it join; ends when all has been printed.
 * - `test=vitest`, `test=node`: a test file for this runner.
 * - `check`: is compiled only, as all others are, too.
 *
 * In any language, `from=examples/…` or `from=scripts/bundles/app/…` says that the block is a part of that file, which is run.
 */
const modes: Record<string, readonly string[]> = {
  ts: ["run", "run=server", "run=client", "test=vitest", "test=node", "check"],
  tsx: ["run=client", "check"],
};

/** A fenced block of a page of the guide. */
export interface Block {
  readonly page: string;
  /** The text of the `##` heading above it. */
  readonly section: string;
  /** Where its code begins in the page. */
  readonly line: number;
  /** `ts`, `tsx`, `bash` or what else the page says. */
  readonly language: string;
  readonly mode: string;
  readonly code: string;
}

export interface Page {
  readonly name: string;
  readonly text: string;
  readonly sections: readonly string[];
  readonly blocks: readonly Block[];
}

/** All pages of the guide, in the order of their names. */
export const pages: readonly Page[] = readdirSync(folder)
  .filter((name) => name.endsWith(".md"))
  .sort()
  .map((name) => pageOf(name, readFileSync(join(folder, name), "utf8")));

/** The numbered pages: all but the index. */
export const chapters: readonly Page[] = pages.filter(({ name }) => /^\d\d-/.test(name));

export const isProgram = (block: Block): boolean => block.language in modes && fileOf(block) === undefined;

/** The file that a block is a part of, from the root of the project. */
const fileOf = ({ mode }: Block): string | undefined =>
  /^from=((?:examples|scripts\/bundles\/app)\/.+)$/.exec(mode)?.[1];

/** Why a block cannot be tested, or undefined. */
export function problemOf(block: Block): string | undefined {
  const { language, mode, code } = block;
  const file = fileOf(block);
  if (file !== undefined)
    return readFileSync(join(root, file), "utf8").includes(code) ? undefined : `is not a part of ${file}`;
  if (language === "bash") {
    const unknown = code.split("\n").find((line) => line !== "" && !commands.includes(line));
    return unknown === undefined ? undefined : `the command "${unknown}" is not on the list`;
  }
  if (!(language in modes)) return `blocks of "${language}" cannot be tested`;
  return modes[language]?.includes(mode) ? undefined : `no mark that says what to do with it: "${mode}"`;
}

/** What the guide tells readers to type. */
const commands = [
  "npm install bowline",
  "npm install bowline-client",
  "npm install bowline @bowline/adapters",
  "npm install bowline @bowline/adapters redis",
  "npx bowline-cluster server.js",
  "npm install bowline-client @bowline/react react",
  "npm install socket.io socket.io-client",
  "npx vitest run",
  "npm run examples",
  "node --test",
];

/** The blocks that run together: one alone, or a server with its clients. */
export function groupsOf({ blocks }: Page): Block[][] {
  const groups: Block[][] = [];
  for (const block of blocks) {
    if (block.mode === "run" || block.mode === "run=server") groups.push([block]);
    else if (block.mode === "run=client") {
      const group = groups.at(-1);
      if (group?.[0]?.mode !== "run=server") throw new Error(`${titleOf(block)}: there is no server above this client`);
      group.push(block);
    }
  }
  return groups;
}

export const titleOf = ({ page, line, section }: Block): string => `${page}:${line} ${section}`;

function pageOf(name: string, text: string): Page {
  const blocks: Block[] = [];
  const sections: string[] = [];
  let open: { info: string; line: number; code: string[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const [, info] = /^```(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      const [, heading] = /^## (.*)$/.exec(line) ?? [];
      if (heading !== undefined) sections.push(heading);
      if (info !== undefined) open = { info, line: index + 2, code: [] };
    } else if (info === undefined) open.code.push(line);
    else {
      const [language = "", ...marks] = open.info.split(" ");
      const { line: at, code } = open;
      const section = sections.at(-1) ?? "";
      blocks.push({ page: name, section, line: at, language, mode: marks.join(" "), code: code.join("\n") });
      open = undefined;
    }
  }
  return { name, text, sections, blocks };
}
