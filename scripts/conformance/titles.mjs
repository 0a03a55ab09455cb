import ts from "typescript";

/**
 * A title of a `describe` or `test` call, with the file that it stands in.
 *
 * @typedef {object} Title
 * @property {string} file
 * @property {string} text
 */

const DECLARERS = new Set(["describe", "describeWithRedis", "test", "it"]);

/**
 * The titles of a test file. A title with `%s` stands once for each row of its `each` table, if that is in the file.
 *
 * @param {string} file
 * @param {string} source
 * @returns {Title[]}
 */
export function titlesOf(file, source) {
  const parsed = ts.createSourceFile(file, source, ts.ScriptTarget.ESNext, false);
  /** @type {Title[]} */
  const titles = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isCallExpression(node)) {
      const text = titleOf(node);
      if (text !== undefined) for (const each of expanded(text, node, parsed)) titles.push({ file, text: each });
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return titles;
}

/** @param {ts.CallExpression} call */
function titleOf(call) {
  const [first] = call.arguments;
  if (first === undefined || !DECLARERS.has(declarerOf(call.expression))) return undefined;
  if (ts.isStringLiteralLike(first)) return first.text;
  if (!ts.isTemplateExpression(first)) return undefined;
  return first.head.text + first.templateSpans.map(({ literal }) => `…${literal.text}`).join("");
}

/**
 * The `test` of `test.skipIf(x).each(table)`.
 * @param {ts.Expression} expression
 * @returns {string}
 */
function declarerOf(expression) {
  if (ts.isIdentifier(expression)) return expression.text;
  if (ts.isPropertyAccessExpression(expression) || ts.isCallExpression(expression))
    return declarerOf(expression.expression);
  return "";
}

/**
 * @param {string} text
 * @param {ts.CallExpression} call
 * @param {ts.SourceFile} file
 * @returns {string[]}
 */
function expanded(text, call, file) {
  if (!/\brows? %s/.test(text) || !ts.isCallExpression(call.expression)) return [text];
  const [given] = call.expression.arguments;
  const table = given !== undefined && ts.isIdentifier(given) ? constantOf(given.text, file) : given;
  if (table === undefined || !ts.isArrayLiteralExpression(table)) return [text];
  const firsts = table.elements.map((row) => (ts.isArrayLiteralExpression(row) ? row.elements[0] : row));
  return firsts
    .filter((value) => value !== undefined && ts.isStringLiteralLike(value))
    .map(({ text: value }) => text.replace("%s", value));
}

/**
 * @param {string} name
 * @param {ts.SourceFile} file
 */
function constantOf(name, file) {
  const declarations = file.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations]);
  return declarations.find((each) => ts.isIdentifier(each.name) && each.name.text === name)?.initializer;
}

/**
 * The items that a title names: `K4`, `ES5 and ES6`, `S1–S9`.
 *
 * @param {string} title
 * @param {ReadonlySet<string>} known
 * @returns {Set<string>}
 */
export function itemsIn(title, known) {
  /** @type {Set<string>} */
  const named = new Set();
  for (const [, prefix = "", from = "", to] of title.matchAll(/\b([A-Z]{1,2})(\d+)(?:[–-]\1?(\d+))?\b/g)) {
    for (let at = Number(from); at <= Number(to ?? from); at++) if (known.has(prefix + at)) named.add(prefix + at);
  }
  return named;
}

/**
 * The rows of the abuse matrix that a title names: `abuse 63`, `abuse matrix 43, 65`, `row 92`, `rows 79–81 and 114`.
 *
 * @param {string} title
 * @returns {Set<number>}
 */
export function rowsIn(title) {
  /** @type {Set<number>} */
  const named = new Set();
  const lists = title.matchAll(/\b(?:abuse(?: matrix)?(?: rows?)?|rows?) (\d+(?:(?:, | and |[–-])\d+)*)/g);
  for (const [, list = ""] of lists) {
    for (const [, from = "", to] of list.matchAll(/(\d+)(?:[–-](\d+))?/g)) {
      for (let at = Number(from); at <= Number(to ?? from); at++) named.add(at);
    }
  }
  return named;
}
