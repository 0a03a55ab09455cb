import { join } from "node:path";
import ts from "typescript";
import { type Block, titleOf } from "./blocks.ts";

const root = join(import.meta.dirname, "../../..");

/** What the compiler says about blocks, as `page:line: message`; all in one program, each as a module of its own. */
export function typeErrorsOf(blocks: readonly Block[]): string[] {
  // beside this file, so that imports resolve as they do here
  const named = new Map(
    blocks.map((block) => [join(import.meta.dirname, `${block.page}-${block.line}.${block.language}`), block]),
  );
  const options = optionsOf();
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => named.has(file) || fileExists(file);
  host.readFile = (file) => named.get(file)?.code ?? readFile(file);
  host.getSourceFile = (file, languageVersion, ...rest) => {
    const block = named.get(file);
    return block
      ? ts.createSourceFile(file, block.code, languageVersion, true)
      : getSourceFile(file, languageVersion, ...rest);
  };
  const program = ts.createProgram([...named.keys()], options, host);
  return [...named].flatMap(([file, block]) => {
    const source = program.getSourceFile(file);
    const diagnostics = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return diagnostics.map(({ start = 0, messageText }) => {
      const line = block.line + (source?.getLineAndCharacterOfPosition(start).line ?? 0);
      return `${titleOf({ ...block, line })}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
    });
  });
}

function optionsOf(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile) as { config: object };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  return {
    ...options,
    types: ["node"],
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
    jsx: ts.JsxEmit.ReactJSX,
    moduleDetection: ts.ModuleDetectionKind.Force,
    // an example need not use or export what it declares
    noUnusedLocals: false,
    noUnusedParameters: false,
    isolatedDeclarations: false,
    declaration: false,
  };
}
