// SPDX-License-Identifier: GPL-2.0-only
// @ts-check
/**
 * Compiles src, properties, test/bench and test/mutants to dist, one module for one module, and bundles the page of src/web. Types
 * are not checked here (`npm run typecheck` does), only syntax. What has not changed since is left as it is.
 *
 * WHY not tsc: V8 loads a name that is imported or exported from its module's cell and checks it, at every use; a
 * constant of the module it folds into the code. So every import gets a constant of the module beside it, and what a
 * module exports is a copy of its own constant. The scheduler loop takes 0.7 of the time so.
 *
 *   import { add } from './types.js';      import { add as $add } from './types.js'; const add = $add;
 *   export const LIMIT = 3;                const LIMIT = 3; ... const $LIMIT = LIMIT; export { $LIMIT as LIMIT };
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { changedAt, INPUTS, isOutdated, OUT, outputOf, ROOT, sources } from './outdated.mjs';
import { bundlePage } from './page.mjs';

/** @type {ts.CompilerOptions} */
const OPTIONS = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ES2022,
  verbatimModuleSyntax: true,
  sourceMap: true,
};

/** @param {string} name */
const aside = (name) => `$${name}`;

/**
 * What a module imports by name, as constants of its own.
 * @param {ts.ImportDeclaration} node
 * @param {ts.NodeFactory} factory
 * @returns {ts.Statement[]}
 */
function importsBeside(node, factory) {
  const bindings = node.importClause?.namedBindings;
  if (bindings === undefined || !ts.isNamedImports(bindings) || bindings.elements.length === 0) return [node];
  const names = bindings.elements.map((it) => it.name.text);
  const renamed = bindings.elements.map((it) =>
    factory.updateImportSpecifier(it, false, it.propertyName ?? it.name, factory.createIdentifier(aside(it.name.text))),
  );
  const clause = factory.updateImportClause(
    /** @type {ts.ImportClause} */ (node.importClause),
    node.importClause?.phaseModifier,
    node.importClause?.name,
    factory.updateNamedImports(bindings, renamed),
  );
  return [
    factory.updateImportDeclaration(node, node.modifiers, clause, node.moduleSpecifier, node.attributes),
    constants(
      names.map((name) => [name, aside(name)]),
      factory,
    ),
  ];
}

/**
 * @param {[string, string][]} pairs name and value
 * @param {ts.NodeFactory} factory
 */
function constants(pairs, factory) {
  const declarations = pairs.map(([name, value]) =>
    factory.createVariableDeclaration(name, undefined, undefined, factory.createIdentifier(value)),
  );
  return factory.createVariableStatement([], factory.createVariableDeclarationList(declarations, ts.NodeFlags.Const));
}

/** @param {ts.Statement} node @returns {node is ts.VariableStatement} */
const isExportedConst = (node) =>
  ts.isVariableStatement(node) &&
  (node.declarationList.flags & ts.NodeFlags.Const) !== 0 &&
  node.declarationList.declarations.every((it) => ts.isIdentifier(it.name)) &&
  (node.modifiers ?? []).some((it) => it.kind === ts.SyntaxKind.ExportKeyword);

/** @type {ts.TransformerFactory<ts.SourceFile>} */
const localBindings = (context) => (file) => {
  const { factory } = context;
  /** @type {string[]} */
  const exported = [];
  const statements = file.statements.flatMap((node) => {
    if (ts.isImportDeclaration(node)) return importsBeside(node, factory);
    if (!isExportedConst(node)) return [node];
    exported.push(...node.declarationList.declarations.map((it) => /** @type {ts.Identifier} */ (it.name).text));
    return [factory.updateVariableStatement(node, [], node.declarationList)];
  });
  if (exported.length > 0) {
    statements.push(
      constants(
        exported.map((name) => [aside(name), name]),
        factory,
      ),
    );
    const specifiers = exported.map((name) => factory.createExportSpecifier(false, aside(name), name));
    statements.push(factory.createExportDeclaration(undefined, false, factory.createNamedExports(specifiers)));
  }
  return factory.updateSourceFile(file, statements);
};

/**
 * @param {string} source
 * @returns {string[]} its faults
 */
function compile(source) {
  const name = relative(ROOT, source);
  const out = outputOf(source);
  if (!isOutdated(source)) return [];
  const made = ts.transpileModule(readFileSync(source, 'utf8'), {
    compilerOptions: OPTIONS,
    fileName: source,
    reportDiagnostics: true,
    transformers: { after: [localBindings] },
  });
  const faults = (made.diagnostics ?? []).map((it) => {
    const at = it.file?.getLineAndCharacterOfPosition(it.start ?? 0);
    return `${name}:${(at?.line ?? 0) + 1}: ${ts.flattenDiagnosticMessageText(it.messageText, ' ')}`;
  });
  if (faults.length > 0) return faults;
  mkdirSync(dirname(out), { recursive: true });
  // the declarations of what it was
  rmSync(join(OUT, 'src/index.d.ts'), { force: true });
  const map = { ...JSON.parse(made.sourceMapText ?? '{}'), sources: [relative(dirname(out), source)] };
  write(`${out}.map`, JSON.stringify(map));
  write(out, made.outputText, made.outputText.startsWith('#!') ? 0o755 : 0o644);
  return [];
}

/**
 * As a whole or not at all: another process may be loading what is there.
 * @param {string} file
 * @param {string} text
 */
function write(file, text, mode = 0o644) {
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, text, { mode });
  renameSync(aside, file);
}

/** Modules whose source is gone. */
function prune() {
  for (const dir of INPUTS.map((it) => join(OUT, it)).filter(existsSync)) {
    for (const it of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
      const match = /^(.*)\.(js|js\.map|js\.guarded|js\.counted|d\.ts)$/.exec(it);
      if (match !== null && !existsSync(join(ROOT, relative(OUT, dir), `${match[1]}.ts`))) rmSync(join(dir, it));
    }
  }
}

/** What makes a second text of a module, compiled: the first says which modules, by a path in dist, the second what of them. */
const GUARDS = ['workers/guarded-rooms.js', 'workers/guarded-source.js', 'loader/user-code.js', 'loader/loop-guard.js'];
const COUNTS = [
  ...['workers/counted-rooms.js', 'workers/counted-module.js', 'loader/counted-source.js'],
  ...['loader/typescript.js', 'fuzz/branch-counts.js'],
];

/**
 * Beside each module that a user's code can break the same with its loops counted, and beside each of the kernel's the same with
 * its branches counted, so that no command has to parse it.
 * @param {string[]} modules
 * @param {string} ending
 * @param {string[]} makers
 * @param {{ is: string, of: string }} names
 */
async function beside(modules, ending, makers, names) {
  const paths = makers.map((it) => join(OUT, 'src', it));
  const changed = Math.max(...paths.map(changedAt));
  const { [names.is]: isMeant } = await import(pathToFileURL(paths[0]).href);
  const outdated = modules.filter(
    (it) => isMeant(relative(OUT, it)) && changedAt(`${it}.${ending}`) < Math.max(changedAt(it), changed),
  );
  if (outdated.length === 0) return;
  const { [names.of]: made } = await import(pathToFileURL(paths[1]).href);
  for (const module of outdated) write(`${module}.${ending}`, made(readFileSync(module, 'utf8'), module));
}

const inputs = INPUTS.flatMap((dir) => sources(join(ROOT, dir)));
const faults = inputs.flatMap(compile);
prune();
if (faults.length === 0) {
  const modules = inputs.map(outputOf);
  await beside(modules, 'guarded', GUARDS, { is: 'isGuarded', of: 'guardedSource' });
  await beside(modules, 'counted', COUNTS, { is: 'isCounted', of: 'countedModule' });
  const { numbers } = await import(pathToFileURL(join(OUT, 'src/base/source-map.js')).href);
  faults.push(...(await bundlePage(numbers)));
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
