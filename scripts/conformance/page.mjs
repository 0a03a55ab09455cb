import { abuse } from "./abuse-rows.mjs";
import { sections } from "./items.mjs";
import { itemsIn, rowsIn } from "./titles.mjs";

/**
 * @typedef {import("./items.mjs").Item} Item
 * @typedef {import("./titles.mjs").Title} Title
 * @typedef {{ differs: ReadonlyMap<string, string>, notYet: readonly string[] }} Differences
 */

const HEAD = `# Conformance

<!-- made by scripts/conformance.mjs: run it after a change of tests, do not edit -->

What Socket.IO v4.8 offers, item by item, and the tests that show it here: a test belongs to an item that its title names. Below an
item stands what differs on purpose, from [differences](differences.md), or why it is not there. Numbers of rows are those of the
abuse matrix: what hostile input may and may not do.
`;

/**
 * Differences on purpose: what Bowline does, by subject, and what is not there yet.
 *
 * @param {string} markdown of docs/differences.md
 * @returns {Differences}
 */
export function differencesOf(markdown) {
  const [before = "", after = ""] = markdown.split("\n## Not there yet\n");
  const rows = before.split("\n").filter((line) => line.startsWith("| ") && !/^\| -+/.test(line));
  const cells = rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const differs = new Map(cells.map(([subject = "", , ours = ""]) => [subject, ours]));
  const notYet = after
    .split(/^- /m)
    .slice(1)
    .map((text) => text.trim().replace(/\s+/g, " "));
  return { differs, notYet };
}

/**
 * The page, and what is wrong with it: items that have neither a test nor a reason.
 *
 * @param {readonly Title[]} titles of all tests
 * @param {Differences} differences
 * @returns {{ page: string, problems: string[] }}
 */
export function conformancePage(titles, differences) {
  const known = new Set(sections.flatMap(({ items }) => items.map(({ id }) => id)));
  const byItem = grouped(titles, (text) => itemsIn(text, known));
  const byRow = grouped(titles, rowsIn);
  const all = sections.flatMap(({ items }) => items);
  const problems = all.flatMap((item) => problemsOf(item, byItem.get(item.id), differences));
  const count = abuse.flatMap(({ rows }) => rows).length;
  const stray = [...byRow].filter(([row]) => row < 1 || row > count);
  for (const [row, [title]] of stray) problems.push(`there is no row ${row} of the abuse matrix: ${title?.file}`);
  let page = HEAD;
  for (const { title, items } of sections) {
    page += `\n## ${title}\n`;
    for (const item of items) page += itemText(item, byItem.get(item.id) ?? [], differences);
  }
  page += "\n## Abuse matrix\n";
  let row = 0;
  for (const { title, rows } of abuse) {
    page += `\n### ${title}\n\n`;
    for (const text of rows) page += rowText(++row, text, byRow.get(row) ?? []);
  }
  return { page, problems };
}

/**
 * @template Key
 * @param {readonly Title[]} titles
 * @param {(text: string) => Iterable<Key>} keysIn
 * @returns {Map<Key, Title[]>}
 */
function grouped(titles, keysIn) {
  /** @type {Map<Key, Title[]>} */
  const groups = new Map();
  for (const title of titles) {
    for (const key of keysIn(title.text)) groups.set(key, [...(groups.get(key) ?? []), title]);
  }
  return groups;
}

/**
 * @param {Item} item
 * @param {readonly Title[] | undefined} titles
 * @param {Differences} differences
 */
function problemsOf(item, titles, { differs, notYet }) {
  const unknown = (item.differs ?? []).filter((subject) => !differs.has(subject));
  const problems = unknown.map((subject) => `${item.id}: docs/differences.md has no row "${subject}"`);
  const isExplained = (item.notOffered ?? item.later) !== undefined || entryOf(item, notYet) !== undefined;
  if (titles === undefined && !isExplained)
    problems.push(`${item.id} ${item.title}: no test names it, and no reason is given`);
  return problems;
}

/**
 * @param {Item} item
 * @param {readonly string[]} notYet
 */
function entryOf({ notYet: part }, notYet) {
  return part === undefined ? undefined : notYet.find((entry) => entry.includes(part));
}

/**
 * @param {Item} item
 * @param {readonly Title[]} titles
 * @param {Differences} differences
 */
function itemText(item, titles, { differs, notYet }) {
  let text = `\n### ${item.id} ${item.title}\n\n`;
  for (const [file, texts] of byFile(titles)) text += `- [${file}](../${file}): ${texts.join("; ")}\n`;
  for (const subject of item.differs ?? []) text += `- **Differs.** ${subject}: ${differs.get(subject) ?? ""}\n`;
  if (item.notOffered !== undefined) text += `- **Not offered.** ${item.notOffered}\n`;
  if (item.later !== undefined) text += `- **Later.** ${item.later}\n`;
  const entry = entryOf(item, notYet);
  if (entry !== undefined) text += `- **Not there yet.** ${entry}\n`;
  return text;
}

/**
 * @param {number} row
 * @param {string} title
 * @param {readonly Title[]} titles
 */
function rowText(row, title, titles) {
  const files = [...byFile(titles).keys()].map((file) => `[${file.split("/").at(-1)}](../${file})`);
  return `- **${row}** ${title}: ${files.join(", ") || "–"}\n`;
}

/**
 * @param {readonly Title[]} titles
 * @returns {Map<string, string[]>}
 */
function byFile(titles) {
  /** @type {Map<string, string[]>} */
  const files = new Map();
  for (const { file, text } of titles) {
    const texts = files.get(file) ?? [];
    const shown = escaped(text);
    if (!texts.includes(shown)) files.set(file, [...texts, shown]);
  }
  return files;
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[\\`*_<>[\]|~#]/g, "\\$&").replace(/[\0-\x1f]/g, "");
}
