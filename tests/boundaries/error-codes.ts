import ts from "typescript";

/** Codes by the error class that carries them. */
export type ErrorCodes = ReadonlyMap<string, ReadonlySet<string>>;

/** Something that makes an error whose code is the argument at `index`. */
interface Thrower {
  readonly root: string;
  readonly index: number;
}

/**
 * Every code with which sources make the errors `roots`: directly, through a subclass, or through a function with a
 * parameter that becomes the code. What is not a literal there comes back as `not a literal: …`.
 * @param sources file to source text
 * @param roots classes whose first argument is the code
 */
export function errorCodesOf(sources: ReadonlyMap<string, string>, roots: readonly string[]): ErrorCodes {
  const throwers = new Map<string, Thrower>(roots.map((root) => [root, { root, index: 0 }]));
  const codes = new Map<string, Set<string>>(roots.map((root) => [root, new Set()]));
  const files = [...sources].map(([file, text]) => ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true));
  // a thrower may stand behind another one: look again until a round finds nothing new
  for (let known = 0; known !== throwers.size;) {
    known = throwers.size;
    for (const file of files) visit(file, (node) => inspect(node, throwers, codes));
  }
  return codes;
}

function inspect(node: ts.Node, throwers: Map<string, Thrower>, codes: Map<string, Set<string>>): void {
  if (ts.isClassDeclaration(node)) inherit(node, throwers);
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return;
  const thrower = throwers.get(calleeOf(node));
  if (thrower === undefined) return;
  const code = node.arguments?.[thrower.index];
  if (code === undefined) return;
  const owner = ts.isIdentifier(code) ? ownerOf(code) : undefined;
  if (owner !== undefined) throwers.set(owner.name, { root: thrower.root, index: owner.index });
  else for (const text of literalsOf(code)) codes.get(thrower.root)?.add(text);
}

/** A class without a constructor takes what its base takes. */
function inherit(node: ts.ClassDeclaration, throwers: Map<string, Thrower>): void {
  const base = baseOf(node);
  const thrower = base === undefined ? undefined : throwers.get(base);
  if (thrower === undefined || node.name === undefined || node.members.some(ts.isConstructorDeclaration)) return;
  throwers.set(node.name.text, thrower);
}

/** Classes by their name, functions and methods by file and name: only those of one file can be meant. */
function calleeOf(node: ts.NewExpression | ts.CallExpression): string {
  const { expression } = node;
  const { fileName } = node.getSourceFile();
  if (ts.isNewExpression(node)) return expression.getText();
  if (expression.kind === ts.SyntaxKind.SuperKeyword) return baseOf(classOf(node)) ?? "";
  return `${fileName} ${ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText()}`;
}

/** The function around an identifier of which it is a parameter. */
function ownerOf(identifier: ts.Identifier): { name: string; index: number } | undefined {
  for (let node: ts.Node = identifier; !ts.isSourceFile(node); node = node.parent) {
    if (!ts.isFunctionLike(node)) continue;
    const index = node.parameters.findIndex(({ name }) => name.getText() === identifier.text);
    if (index < 0) continue;
    if (ts.isConstructorDeclaration(node)) return { name: node.parent.name?.text ?? "", index };
    const named = ts.isArrowFunction(node) ? node.parent : node;
    const name = "name" in named ? (named.name as ts.Node | undefined)?.getText() : undefined;
    return { name: `${node.getSourceFile().fileName} ${name}`, index };
  }
  return undefined;
}

function literalsOf(code: ts.Expression): string[] {
  if (ts.isStringLiteralLike(code)) return [code.text];
  if (ts.isConditionalExpression(code)) return [...literalsOf(code.whenTrue), ...literalsOf(code.whenFalse)];
  return [`not a literal: ${code.getText()}`];
}

function baseOf(node: ts.ClassLikeDeclaration | undefined): string | undefined {
  return node?.heritageClauses
    ?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)
    ?.types[0]?.expression.getText();
}

function classOf(node: ts.Node): ts.ClassLikeDeclaration | undefined {
  for (let at: ts.Node | undefined = node; at !== undefined; at = at.parent) if (ts.isClassLike(at)) return at;
  return undefined;
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}
