// reads the built declarations: what users of the packages compile against
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

const packages = new URL("../../packages/", import.meta.url).pathname;

/** Where `any` stands in the public declarations of a package, as paths of names: `Socket.data`. */
export function anysOf(name: string): string[] {
  const folder = join(packages, name, "dist");
  if (!existsSync(folder)) throw new Error(`${folder} is not built: npm run build`);
  const found = new Set<string>();
  for (const file of readdirSync(folder).filter((each) => each.endsWith(".d.mts"))) {
    const text = readFileSync(join(folder, file), "utf8");
    const visit = (node: ts.Node, path: readonly string[]): void => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.add(path.join(".").replaceAll(/\$\d+/g, ""));
      const named = (node as { name?: ts.Node }).name;
      const isParameter = ts.isParameter(node) || ts.isNamedTupleMember(node);
      const name = named !== undefined && ts.isIdentifier(named) && !isParameter ? [named.text] : [];
      ts.forEachChild(node, (child) => visit(child, [...path, ...name]));
    };
    visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true), []);
  }
  return [...found].toSorted();
}
