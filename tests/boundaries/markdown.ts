import { dirname, join, normalize } from "node:path/posix";
import ts from "typescript";

/** A fenced block of code. */
export interface Block {
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a document, in order. */
export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)].map(([, language = "", code = ""]) => ({
    language,
    code,
  }));
}

/**
 * The rows of all tables below a heading, up to the next one of the same or a higher level; cells without backticks.
 * The tables begin with the same column, by whose title their head rows are left out.
 */
export function rowsBelow(markdown: string, heading: string): string[][] {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const [, below = ""] = `\n${markdown}`.split(`\n${heading}\n`);
  const [section = ""] = below.split(new RegExp(`^#{1,${level}} `, "m"));
  return section
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| -+/.test(line))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll("`", "").replaceAll("\\|", "|")))
    .filter((_, index, rows) => rows[index]?.[0] !== rows[0]?.[0]);
}

/**
 * Relative links of a document that lead nowhere, as `file → link`.
 * @param documents path to text, of every document
 * @param exists whether there is a file or folder at a path
 */
export function brokenLinks(documents: ReadonlyMap<string, string>, exists: (path: string) => boolean): string[] {
  return [...documents].flatMap(([file, text]) =>
    linksOf(text)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => !leadsSomewhere(file, link, documents, exists))
      .map((link) => `${file} → ${link}`),
  );
}

function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)].map(([, link, image]) => link ?? image ?? "");
}

function leadsSomewhere(
  file: string,
  link: string,
  documents: ReadonlyMap<string, string>,
  exists: (path: string) => boolean,
): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? file : normalize(join(dirname(file), path));
  if (!exists(target)) return false;
  const document = documents.get(target);
  return anchor === undefined || (document !== undefined && anchorsOf(document).has(anchor));
}

/** The anchors that GitHub gives to headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replace(/^```.*?^```$/gms, "").matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

/** An option as an interface declares it. */
export interface DeclaredOption {
  readonly name: string;
  /** Its `@default` note. */
  readonly fallback: string | undefined;
}

/** The fields of an interface, without those that it inherits. */
export function optionsOf(source: string, name: string): DeclaredOption[] {
  const file = ts.createSourceFile("options.ts", source, ts.ScriptTarget.ESNext, true);
  const found = file.statements.filter(ts.isInterfaceDeclaration).find((each) => each.name.text === name);
  return [...(found?.members ?? [])].filter(ts.isPropertySignature).map((member) => ({
    name: ts.isStringLiteral(member.name) ? member.name.text : member.name.getText(),
    fallback: ts
      .getJSDocTags(member)
      .filter((tag) => tag.tagName.text === "default")
      .map((tag) => ts.getTextOfJSDocComment(tag.comment))[0],
  }));
}
