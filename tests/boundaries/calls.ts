import ts from "typescript";

/** Where something is called or made: the file, and the function or class member around it. */
export interface Call {
  readonly file: string;
  readonly inside: string;
}

/**
 * The calls of a function or method, and the makings of a class, by its name alone: `verify(…)`, `this.#verify(…)`,
 * `new Verify(…)`.
 */
export function callsOf(name: string, sources: ReadonlyMap<string, string>): Call[] {
  const calls: Call[] = [];
  for (const [file, source] of sources) {
    if (!source.includes(name)) continue;
    const visit = (node: ts.Node, inside: string): void => {
      if ((ts.isCallExpression(node) || ts.isNewExpression(node)) && nameOf(node.expression) === name) {
        calls.push({ file, inside });
      }
      const own = ownName(node);
      ts.forEachChild(node, (child) => visit(child, own ?? inside));
    };
    visit(ts.createSourceFile(file, source, ts.ScriptTarget.ESNext, true), "");
  }
  return calls;
}

/** As `file: inside`, each once, in order. */
export const callersOf = (name: string, sources: ReadonlyMap<string, string>): string[] =>
  [...new Set(callsOf(name, sources).map(({ file, inside }) => `${file}: ${inside}`))].sort();

function nameOf(callee: ts.Expression): string | undefined {
  if (ts.isIdentifier(callee) || ts.isPrivateIdentifier(callee)) return callee.text;
  return ts.isPropertyAccessExpression(callee) ? callee.name.text : undefined;
}

/** Arrow functions belong to whatever they stand in. */
function ownName(node: ts.Node): string | undefined {
  if (ts.isFunctionDeclaration(node)) return node.name?.text;
  if (ts.isConstructorDeclaration(node)) return "constructor";
  return (ts.isMethodDeclaration(node) || ts.isAccessor(node)) && node.name !== undefined
    ? node.name.getText()
    : undefined;
}
