// SPDX-License-Identifier: GPL-2.0-only
/** A source file of the tree, parsed, and what the rules of tidy ask of it. */
import ts from 'typescript';

export interface SourceFile {
  /** from the root of the repository, with slashes */
  path: string;
  text: string;
  tree: ts.SourceFile;
}

export interface Import {
  /** as written */
  specifier: string;
  /** no value crosses */
  typeOnly: boolean;
  /** by import() or a worker: when it runs, the importer has been loaded */
  late: boolean;
  line: number;
}

export function parse(path: string, text: string): SourceFile {
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true) };
}

export const lineOf = (file: SourceFile, node: ts.Node): number =>
  file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line + 1;

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

export function nodes(file: SourceFile, visit: (node: ts.Node) => void): void {
  walk(file.tree, visit);
}

/** Static and dynamic imports, re-exports, `import()` types and worker files. */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean, late = false): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier) && !/^\.{1,2}(\/\.\.)*\/?$/.test(specifier.text))
      found.push({ specifier: specifier.text, typeOnly, late, line: lineOf(file, node) });
  };
  nodes(file, (node) => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, isTypeImport(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node)) add(node, (node.argument as ts.LiteralTypeNode).literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node, node.arguments[0], false, true);
    else if (ts.isNewExpression(node) && node.expression.getText(file.tree) === 'URL')
      add(node, node.arguments?.[0], !isModule(node.arguments?.[0]), true);
  });
  return found;
}

/** A worker's file; a URL of anything else (declarations, data) carries no value. */
const isModule = (specifier: ts.Node | undefined): boolean =>
  specifier !== undefined && ts.isStringLiteralLike(specifier) && /\.js$/.test(specifier.text);

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every((e) => e.isTypeOnly);
}

/** A relative specifier as a path in the repository, `.ts` for `.js`; null for a package. */
export function resolved(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/').replace(/\.js$/, '.ts');
}
