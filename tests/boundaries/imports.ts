import { dirname, join } from "node:path/posix";
import ts from "typescript";

/** One import, re-export, `import()` or `import("…")` type of a file. */
export interface Import {
  readonly specifier: string;
  /** Whether the whole statement disappears when types are erased. */
  readonly isTypeOnly: boolean;
}

/** What a package of the project may import, besides its own files. */
export interface PackageRules {
  /** Other packages of the project. */
  readonly packages: readonly string[];
  /** The files that may import `node:` modules. */
  readonly mayUseNode: (file: string) => boolean;
  /** Whether `node:events` is out of bounds: our parts call functions, only users get events. */
  readonly hasNoEvents: boolean;
  /** The public API files, which may `import type` each other in circles. */
  readonly publicFiles: readonly string[];
}

/** The files of one package: path inside its `src`, with `/`, to source text. */
export type Sources = ReadonlyMap<string, string>;

/** Every import of a source file, in order, however it is written. */
export function importsOf(source: string): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, isTypeOnly: boolean): void => {
    if (node !== undefined && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, isTypeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    } else if (ts.isCallExpression(node) && isLoader(node.expression)) {
      add(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(source));
  return found;
}

/** Names each import that breaks the package's rules; `name` is the package's own. */
export function forbiddenImports(name: string, sources: Sources, rules: PackageRules): string[] {
  return eachImport(sources).flatMap(([file, { specifier }]) => {
    const reason = whyForbidden(file, specifier, sources, rules);
    return reason === undefined ? [] : [`${name}/${file} imports ${specifier}: ${reason}`];
  });
}

/** Each import cycle of a package once, as `a.ts → b.ts → a.ts`. */
export function cycles(sources: Sources, publicFiles: readonly string[] = []): string[] {
  const targets = new Map<string, string[]>();
  for (const [file, { specifier, isTypeOnly }] of eachImport(sources)) {
    const target = join(dirname(file), specifier);
    if (!sources.has(target)) continue;
    if (isTypeOnly && publicFiles.includes(file) && publicFiles.includes(target)) continue;
    targets.set(file, [...(targets.get(file) ?? []), target]);
  }
  const found = new Set<string>();
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.add([...path.slice(at), file].join(" → "));
    if (at >= 0 || done.has(file)) return;
    for (const target of targets.get(file) ?? []) walk(target, [...path, file]);
    done.add(file);
  };
  for (const file of sources.keys()) walk(file, []);
  return [...found];
}

/** The places where a package asks for the time or for chance itself, as `file:line code`. */
export function impurities(sources: Sources): string[] {
  const found: string[] = [];
  for (const [file, source] of sources) {
    const tree = parse(source);
    const visit = (node: ts.Node): void => {
      if (isImpure(node)) {
        const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree));
        found.push(`${file}:${line + 1} ${node.getText(tree)}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(tree);
  }
  return found;
}

function whyForbidden(file: string, specifier: string, sources: Sources, rules: PackageRules): string | undefined {
  if (specifier.startsWith(".")) {
    const path = join(dirname(file), specifier);
    // its manifest, which imports nothing, has its version
    return sources.has(path) || path === "../package.json" ? undefined : "not a file of this package";
  }
  if (!specifier.startsWith("node:")) {
    return rules.packages.includes(specifier) ? undefined : "not a package that this one may see";
  }
  if (!rules.mayUseNode(file)) return "this file has to run without Node";
  return rules.hasNoEvents && specifier === "node:events" ? "our own parts call functions" : undefined;
}

function isImpure(node: ts.Node): boolean {
  if (ts.isNewExpression(node)) return isNamed(node.expression, "Date") && (node.arguments?.length ?? 0) === 0;
  if (!ts.isPropertyAccessExpression(node)) return false;
  const { expression, name } = node;
  return (
    (isNamed(expression, "Math") && name.text === "random") || (isNamed(expression, "Date") && name.text === "now")
  );
}

function isNamed(node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name;
}

function isLoader(node: ts.Node): boolean {
  return node.kind === ts.SyntaxKind.ImportKeyword || isNamed(node, "require");
}

function eachImport(sources: Sources): [file: string, found: Import][] {
  return [...sources].flatMap(([file, source]) => importsOf(source).map((each): [string, Import] => [file, each]));
}

function parse(source: string): ts.SourceFile {
  return ts.createSourceFile("source.ts", source, ts.ScriptTarget.ESNext);
}
