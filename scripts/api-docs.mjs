// `npm run docs`: docs/api from the docstrings of the built declarations. With --check: says what is stale or has no docstring.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import prettier from "prettier";
import ts from "typescript";
import { prepare } from "./prepare.mjs";
import { root } from "./run.mjs";

/** @typedef {{ name: string, file: string, entry: string, about: string }} Page */

/** @type {readonly Page[]} */
const pages = [
  ["bowline", "server/dist/index", "The server."],
  ["bowline/engine", "server/dist/engine", "The server of Engine.IO, without Socket.IO."],
  ["bowline/fetch", "server/dist/fetch", "The server on `Bun.serve`, `Deno.serve` and other servers of `fetch`."],
  ["bowline/msgpack", "server/dist/msgpack", "A parser for the option `parser`: MessagePack."],
  ["bowline/parser", "server/dist/parser", "The default parser as v4's classes."],
  ["bowline/dist/typed-events", "server/dist/typed-events", "Types of typed events, where v4 has them."],
  ["bowline-client", "client/dist/index.node", "The client, in Node.js; in browsers the same without `ClientTraces`."],
  ["bowline-client/websocket", "client/dist/websocket", "The client with WebSocket only."],
  ["bowline-client/webtransport", "client/dist/webtransport", "Adds WebTransport to the client in browsers."],
  ["bowline-client/engine", "client/dist/engine", "The client of Engine.IO, without Socket.IO."],
  ["bowline-client/msgpack", "client/dist/msgpack", "A parser for the option `parser`: MessagePack."],
  ["bowline-client/parser", "client/dist/parser", "The default parser as v4's classes."],
  ["bowline/cluster", "server/dist/cluster", "What adapters are made of: buses, codecs and the messages of a cluster."],
  ["@bowline/adapters/redis", "adapters/dist/redis", "Many nodes, through Redis."],
  ["@bowline/adapters/node-cluster", "adapters/dist/node-cluster", "All cores of one machine: worker processes."],
  ["@bowline/adapters/message-port", "adapters/dist/message-port", "Servers in worker threads."],
  ["@bowline/react", "react/dist/index", "Hooks for React."],
  ["@bowline/protocol", "protocol/dist/index", "The protocol core: codecs, frames and session machines, without I/O."],
].map(([name = "", entry, about = ""]) => ({
  name,
  about,
  file: `${name.replace("@", "").replaceAll("/", "-")}.md`,
  entry: join(root, "packages", `${entry}.d.mts`),
}));

const isCheck = process.argv.includes("--check");
// a check is one of many, which have built before
if (!isCheck) await prepare();

const program = ts.createProgram(
  pages.map((page) => page.entry),
  {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
    types: ["node"],
    strict: true,
    noEmit: true,
  },
);
const checker = program.getTypeChecker();
/** @type {string[]} */
const undocumented = [];

/** @param {ts.Symbol} symbol */
const real = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);

/** @param {ts.Declaration} node */
const isOurs = (node) => /\/packages\/\w+\/dist\//.test(node.getSourceFile().fileName);

// bundling renames: Server$1 is Server, and Broadcast is known by the name under which it is exported
const plain = (/** @type {string} */ text) =>
  text.replace(/\$\d+\b/g, "").replace(/\bBroadcast\b/g, "BroadcastOperator");

/** The text of a declaration, without comments. @param {ts.Node} node */
const textOf = (node) =>
  plain(node.getText())
    .replace(/\/\*[^]*?\*\//g, "")
    .replace(/^(export )?(default )?(declare )?/, "")
    .replace(/\s+/g, " ")
    .replace(/;$/, "")
    .trim();

/** @param {string} text */
const linked = (text) =>
  plain(text)
    .replace(/\{@link ([\w.]+)[^}]*\}/g, "`$1`")
    .trim();

/** What the docstring says. @param {ts.Symbol} symbol */
function docOf(symbol) {
  const parts = [linked(ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s+/g, " "))];
  for (const { name, text } of symbol.getJsDocTags(checker)) {
    const words = linked(ts.displayPartsToString(text)).replace(name === "example" ? /$^/ : /\s+/g, " ");
    if (name === "default") parts.push(`Default: ${words}.`);
    else if (name === "throws") parts.push(`Throws ${words}.`);
    else if (name === "deprecated") parts.push(`**Deprecated** ${words}.`);
    else if (name === "returns") parts.push(`Gives ${words}.`);
    else if (name === "see") parts.push(`See ${words}.`);
    else if (name === "param") parts.push(words.replace(/^(\S+)\s+(-\s+)?/, "`$1`: ") + ".");
  }
  return parts.filter(Boolean).join(" ").replaceAll("..", ".");
}

/** @param {ts.Symbol} symbol */
function examplesOf(symbol) {
  const examples = symbol.getJsDocTags(checker).filter(({ name }) => name === "example");
  return examples.map(({ text }) => `\`\`\`ts\n${ts.displayPartsToString(text).trim()}\n\`\`\`\n`).join("\n");
}

/** @param {ts.Symbol} symbol */
const isInternal = (symbol) => symbol.getJsDocTags(checker).some(({ name }) => name === "internal");

/** @param {ts.Type} type */
const isError = (type) => type.getProperty("stack") !== undefined && type.getProperty("message") !== undefined;

/** Of which emitter a member is; undefined if it is of none. @param {ts.Symbol} member */
function emitterOf(member) {
  const owner = member.declarations?.[0]?.parent;
  const name = owner && ts.isClassDeclaration(owner) ? owner.name?.text : undefined;
  return name !== undefined && /^(Aliased|Server)?Emitter$/.test(name) ? name : undefined;
}

/** The members of a class or an interface that users are to know, those of what it extends among them. @param {ts.Symbol} symbol */
function membersOf(symbol) {
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  const own = checker.getPropertiesOfType(type);
  return own.filter((member) => {
    const declaration = member.declarations?.[0];
    if (declaration === undefined || !isOurs(declaration) || isInternal(member)) return false;
    // the name of an error is that of its class
    if (/^(_|#|name$)/.test(member.name) && ts.isClassDeclaration(declaration.parent) && isError(type)) return false;
    if (/^(_|#)/.test(member.name)) return false;
    return !(ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected));
  });
}

/** @param {string} owner @param {ts.Symbol} member */
function memberLine(owner, member) {
  const declarations = member.declarations ?? [];
  // of a getter and a setter, the getter says it all
  const shown = declarations.filter((each) => !ts.isSetAccessorDeclaration(each));
  const texts = (shown.length > 0 ? shown : declarations).map((each) =>
    textOf(each).replace(/^get (\w+)\(\)/, declarations.length > shown.length ? "$1" : "readonly $1"),
  );
  const doc = docOf(member);
  if (doc === "") undocumented.push(`${owner}.${member.name}`);
  const code = texts.map((text) => `\`\` ${text} \`\``.replace(/^`` (?!.*`)(.*) ``$/, "`$1`")).join(", ");
  const examples = examplesOf(member).replace(/^(?=.)/gm, "  ");
  return `- ${code}${doc === "" ? "" : `<br>${doc}`}\n${examples === "" ? "" : `\n${examples}`}`;
}

/**
 * The first line of a class or an interface, without what it extends if that is none of the page's own.
 * @param {ts.Declaration} node
 * @param {string} name
 * @param {ReadonlySet<string>} exported
 */
function headOf(node, name, exported) {
  if (!ts.isClassDeclaration(node) && !ts.isInterfaceDeclaration(node)) return "";
  const generics = (node.typeParameters ?? []).map(textOf).join(", ");
  const bases = (node.heritageClauses ?? [])
    .filter((clause) => clause.token === ts.SyntaxKind.ExtendsKeyword)
    .flatMap((clause) => clause.types.map(textOf))
    .filter((base) => base === "Error" || exported.has(/^\w+/.exec(base)?.[0] ?? ""));
  const kind = ts.isClassDeclaration(node) ? "class" : "interface";
  const typed = generics === "" ? name : `${name}<${generics}>`;
  return `${kind} ${typed}${bases.length > 0 ? ` extends ${bases.join(", ")}` : ""} {}`;
}

/**
 * @param {string} page
 * @param {string} name
 * @param {ts.Symbol} symbol
 * @param {ReadonlySet<string>} exported the names of the page
 */
function section(page, name, symbol, exported) {
  const declarations = (symbol.declarations ?? []).filter((node) => !ts.isModuleDeclaration(node));
  const [first] = declarations;
  if (first === undefined) return "";
  const doc = docOf(symbol);
  const isShaped = declarations.some((node) => ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node));
  if (doc === "") undocumented.push(`${page}: ${name}`);
  let body = "";
  if (isShaped) {
    const head = headOf(first, name, exported);
    const made = declarations.map(callsOf).join("");
    const all = membersOf(symbol);
    const isEmitter = /Emitter$/.test(name);
    const inherited = isEmitter ? [] : all.filter((member) => emitterOf(member) !== undefined);
    const members = all
      .filter((member) => !inherited.includes(member))
      .map((member) => memberLine(`${page}: ${name}`, member));
    const names = inherited.map((member) => `\`${member.name}\``).toSorted();
    if (names.length > 0) members.push(`- of [emitters](bowline-protocol.md#emitter): ${names.join(", ")}\n`);
    body = `\`\`\`ts\n${head}\n\`\`\`\n\n${doc}\n\n${examplesOf(symbol)}\n${made}${members.join("")}`;
  } else {
    const code = declarations.map((node) => textOf(ts.isVariableDeclaration(node) ? node.parent : node)).join("\n");
    body = `\`\`\`ts\n${code}\n\`\`\`\n\n${doc}\n\n${examplesOf(symbol)}`;
  }
  return `## ${name}\n\n${body}\n`;
}

/** How it is called or made. @param {ts.Declaration} node */
function callsOf(node) {
  if (!ts.isClassDeclaration(node) && !ts.isInterfaceDeclaration(node)) return "";
  /** @type {ts.Node[]} */
  const members = [...node.members];
  const isCall = (/** @type {ts.Node} */ each) =>
    ts.isConstructorDeclaration(each) ||
    ts.isCallSignatureDeclaration(each) ||
    ts.isConstructSignatureDeclaration(each);
  const isHidden = (/** @type {ts.Node} */ each) =>
    ts.getJSDocTags(each).some((tag) => tag.tagName.text === "internal");
  const shown = members.filter((each) => isCall(each) && !isHidden(each));
  return shown.map((each) => `- \`${textOf(each)}\`\n`).join("");
}

/** The page of an entry, its exports in the order of the alphabet. @param {Page} page */
async function render(page) {
  const source = program.getSourceFile(page.entry);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${page.entry} is not built`);
  const exported = checker
    .getExportsOfModule(module)
    .map((symbol) => ({ name: symbol.name, symbol: real(symbol) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const names = new Set(exported.map(({ name }) => name));
  const head = `<!-- made by \`npm run docs\` from the docstrings -->\n\n# ${page.name}\n\n${page.about}\n\n`;
  const sections = exported.map(({ name, symbol }) => {
    const first = exported.find((other) => other.symbol === symbol);
    if (first !== undefined && first.name !== name) return `## ${name}\n\nThe same as \`${first.name}\`.\n\n`;
    return section(page.name, name, symbol, names);
  });
  const markdown = head + sections.join("\n");
  const options = await prettier.resolveConfig(join(root, "docs/api", page.file));
  return prettier.format(markdown, { ...options, parser: "markdown" });
}

const folder = join(root, "docs/api");
const index =
  "<!-- made by `npm run docs` -->\n\n# API reference\n\nFrom the docstrings, one page per entry.\n\n" +
  pages.map(({ name, file, about }) => `- [\`${name}\`](${file}): ${about}`).join("\n") +
  "\n";
/** @type {[file: string, text: string][]} */
const files = [["README.md", await prettier.format(index, { parser: "markdown", printWidth: 120 })]];
for (const page of pages) files.push([page.file, await render(page)]);

/** @param {string} path */
const read = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

if (isCheck) {
  const stale = files.filter(([file, text]) => read(join(folder, file)) !== text).map(([file]) => file);
  for (const file of stale) console.log(`docs/api/${file} is stale: npm run docs`);
  for (const name of undocumented) console.log(`no docstring: ${name}`);
  process.exitCode = stale.length + undocumented.length === 0 ? 0 : 1;
} else {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of files) writeFileSync(join(folder, file), text);
  for (const name of undocumented) console.log(`no docstring: ${name}`);
}
