// SPDX-License-Identifier: GPL-2.0-only
/**
 * Makes a kernel that stops at its races: the mirrored modules read from disk, every function of theirs turned into a
 * generator that yields where a `RACE:` comment stands before a statement. What it does is otherwise unchanged, word for
 * word, so that it needs no second mirror.
 */
import { posix } from 'node:path';
import ts from 'typescript';
import type { AnyFunction, FunctionTable } from '../vmlinux/bind.js';
import { textOf } from './every-module.js';
import type { SteppedKernel, StepTable } from './one-order.js';

const factory = ts.factory;

/** Modules by their path under src, without extension. */
export type Modules = Readonly<Record<string, object>>;

/** What a name stands for where it is called. */
interface Scope {
  /** functions of the table */
  table: ReadonlySet<string>;
  /** functions of the same file that must be generators as well */
  local: ReadonlySet<string>;
}

/**
 * The table with every function as a generator. `stepped` are the modules whose functions stop at their races, a series'
 * among them; the other functions of the table go in one step, and so do those named in `locked`. A function that is a
 * generator already is taken as it is.
 */
export function stepTable(
  table: FunctionTable,
  stepped: readonly string[],
  modules: Modules,
  locked: ReadonlySet<string> = new Set(),
): StepTable {
  const out: Record<string, AnyFunction> = {};
  for (const [name, fn] of Object.entries(table)) out[name] = isGenerator(fn) ? fn : inOneStep(name);
  const names = new Set(Object.keys(table));
  const loader: Loader = { names, stepped: new Set(stepped), modules, made: new Map() };
  for (const path of stepped) {
    for (const [name, fn] of Object.entries(load(path, loader))) {
      // an override stands in for the module's own
      if (names.has(name) && !locked.has(name) && table[name] === (modules[path] as Record<string, unknown>)[name])
        out[name] = fn;
    }
  }
  return out as StepTable;
}

/** What modules are loaded with, and those that have been. */
interface Loader {
  names: ReadonlySet<string>;
  stepped: ReadonlySet<string>;
  modules: Modules;
  made: Map<string, Record<string, AnyFunction>>;
}

const isGenerator = (fn: AnyFunction): boolean => Object.prototype.toString.call(fn) === '[object GeneratorFunction]';

/** Without a race in it: in one step, as this CPU sees the machine. */
function inOneStep(name: string): AnyFunction {
  // biome-ignore lint/correctness/useYield: a generator that never stops
  return function* (this: SteppedKernel, ...args: unknown[]) {
    return (this.plain as unknown as Record<string, AnyFunction>)[name](...args);
  };
}

/** Files as they are read, without types: the same for every kernel. */
const sources = new Map<string, ts.SourceFile>();

function sourceOf(path: string): ts.SourceFile {
  const known = sources.get(path);
  if (known !== undefined) return known;
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, removeComments: false };
  const text = ts.transpileModule(textOf(path), { compilerOptions: options }).outputText;
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  sources.set(path, source);
  return source;
}

/** Evaluates the changed module with the imports that the real one has; its functions by name. */
function load(path: string, loader: Loader): Record<string, AnyFunction> {
  const known = loader.made.get(path);
  if (known !== undefined) return known;
  const source = sourceOf(path);
  const local = generatorsOf(source, loader.names);
  const scope = { table: loader.names, local };
  const result = ts.transform(source, [(context) => (file) => changed(file, context, scope, path)]);
  const code = ts.createPrinter().printFile(result.transformed[0]);
  const exported = source.statements.filter(ts.isFunctionDeclaration).map((f) => (f.name as ts.Identifier).text);
  const body = `${code}\nreturn { ${exported.join(', ')} };`;
  type From = (key: string) => object;
  const make = new Function('$import', '$stepped', body) as (plain: From, stepped: From) => Record<string, AnyFunction>;
  const module = (key: string): object => {
    const found = loader.modules[key];
    if (found === undefined) throw new Error(`${path} imports ${key}, which is not among the modules`);
    return found;
  };
  const made = make(module, (key) => ({
    ...wrapped(module(key)),
    ...(loader.stepped.has(key) ? load(key, loader) : {}),
  }));
  const functions = Object.fromEntries(Object.entries(made).filter(([name]) => local.has(name)));
  loader.made.set(path, functions);
  return functions;
}

/** The functions of a module that does not stop, for a caller that calls them by name and not through the table. */
function wrapped(module: object): Record<string, AnyFunction> {
  const functions = Object.entries(module).filter(([, fn]) => typeof fn === 'function') as [string, AnyFunction][];
  return Object.fromEntries(
    functions.map(([name, fn]) => [
      name,
      // biome-ignore lint/correctness/useYield: a generator that never stops
      function* (this: SteppedKernel, ...args: unknown[]) {
        return fn.apply(this.plain, args);
      },
    ]),
  );
}

/** Functions that reach the kernel: by `this`, by a parameter `k` or `kernel`, or through another such function. */
function generatorsOf(source: ts.SourceFile, table: ReadonlySet<string>): Set<string> {
  const functions = source.statements.filter(ts.isFunctionDeclaration);
  const found = new Set<string>();
  for (let grown = true; grown; ) {
    grown = false;
    for (const fn of functions) {
      const name = (fn.name as ts.Identifier).text;
      if (found.has(name) || !reaches(fn, { table, local: found })) continue;
      found.add(name);
      grown = true;
    }
  }
  return found;
}

function reaches(fn: ts.FunctionDeclaration, scope: Scope): boolean {
  let yes = scope.table.has((fn.name as ts.Identifier).text);
  const look = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isKernelCall(node, scope)) yes = true;
    if (!yes) ts.forEachChild(node, look);
  };
  ts.forEachChild(fn, look);
  return yes;
}

function skipParentheses(node: ts.Expression): ts.Expression {
  return ts.isParenthesizedExpression(node) ? skipParentheses(node.expression) : node;
}

const isKernel = (node: ts.Expression): boolean => {
  const inner = skipParentheses(node);
  return inner.kind === ts.SyntaxKind.ThisKeyword || (ts.isIdentifier(inner) && /^(k|kernel)$/.test(inner.text));
};

/** this.update_curr(...), k[name](...), callback.call(this, ...), or a call of a generator of this file. */
function isKernelCall(node: ts.CallExpression, scope: Scope): boolean {
  const callee = node.expression;
  if (ts.isIdentifier(callee)) return scope.local.has(callee.text);
  if (ts.isElementAccessExpression(callee)) return isKernel(callee.expression);
  if (!ts.isPropertyAccessExpression(callee)) return false;
  if (callee.name.text === 'call') return node.arguments.length > 0 && isKernel(node.arguments[0]);
  return isKernel(callee.expression) && scope.table.has(callee.name.text);
}

/** The text of a RACE: comment right before the statement; '' when there is none. */
function raceBefore(statement: ts.Statement, file: ts.SourceFile): string {
  const text = file.text;
  for (const range of ts.getLeadingCommentRanges(text, statement.getFullStart()) ?? []) {
    const comment = text.slice(range.pos, range.end);
    const race = /RACE:\s*([^*]*)/.exec(comment.replace(/\n\s*(\/\/|\*)?/g, ' '));
    if (race !== null) return race[1].trim();
  }
  return '';
}

/** The kernel's name of a function: what stands behind its sleep is of the same one. */
const kernelName = (name: string): string => (/_/.test(name) ? name.replace(/[A-Z].*$/, '') : name);

function changed(file: ts.SourceFile, context: ts.TransformationContext, scope: Scope, path: string): ts.SourceFile {
  const called = calledByName(file);
  /** `inside`: the generator's name; '' in a function within it, which cannot yield for it, and outside of any */
  const visit = (node: ts.Node, inside: string): ts.Node | ts.Node[] => {
    if (ts.isImportDeclaration(node)) return importOf(node, path, called);
    if (ts.isFunctionDeclaration(node) && node.parent === file) return declaration(node);
    if (ts.isExportDeclaration(node) || ts.isExportAssignment(node)) return [];
    if (ts.isExpressionStatement(node) && node.parent === file) return [];
    if (ts.isFunctionLike(node)) return ts.visitEachChild(node, (child) => one(visit(child, '')), context);
    if (ts.isCallExpression(node) && isKernelCall(node, scope)) {
      const call = ts.visitEachChild(node, (child) => one(visit(child, inside)), context);
      return inside !== '' ? factory.createParenthesizedExpression(yielding(call)) : plainCall(call);
    }
    if (ts.isVariableStatement(node) && node.parent === file) return withoutExport(node);
    const made = ts.visitEachChild(node, (child) => one(visit(child, inside)), context);
    if (inside === '' || !ts.isStatement(node) || ts.isBlock(node)) return made;
    const race = raceBefore(node, file);
    if (race === '' || !(ts.isBlock(node.parent) || ts.isCaseOrDefaultClause(node.parent))) return made;
    const stop = factory.createYieldExpression(
      undefined,
      factory.createStringLiteral(`${kernelName(inside)}(): ${race}`),
    );
    return [factory.createExpressionStatement(stop), made];
  };
  const one = (made: ts.Node | ts.Node[]): ts.VisitResult<ts.Node> => made as ts.VisitResult<ts.Node>;

  const declaration = (node: ts.FunctionDeclaration): ts.Node => {
    const generator = scope.local.has((node.name as ts.Identifier).text);
    const body = ts.visitEachChild(
      node.body as ts.Block,
      (child) => one(visit(child, generator ? (node.name as ts.Identifier).text : '')),
      context,
    );
    const star = generator ? factory.createToken(ts.SyntaxKind.AsteriskToken) : undefined;
    return factory.createFunctionDeclaration([], star, node.name, [], node.parameters, undefined, body);
  };
  const withoutExport = (node: ts.VariableStatement): ts.Node =>
    factory.createVariableStatement(
      [],
      ts.visitEachChild(node.declarationList, (child) => one(visit(child, '')), context),
    );
  const statements = file.statements.flatMap((s) => visit(s, '')) as ts.Statement[];
  return factory.updateSourceFile(file, statements);
}

const yielding = (call: ts.Expression): ts.Expression =>
  factory.createYieldExpression(factory.createToken(ts.SyntaxKind.AsteriskToken), call);

/** In a function within a generator: by the plain kernel, in one step. */
function plainCall(call: ts.CallExpression): ts.Expression {
  const callee = call.expression;
  if (!ts.isPropertyAccessExpression(callee) || !isKernel(callee.expression)) return call;
  const plain = factory.createPropertyAccessExpression(callee.expression, 'plain');
  const name = factory.createPropertyAccessExpression(plain, callee.name);
  return factory.createCallExpression(name, undefined, call.arguments);
}

/** Names that the file calls as was.call(this, ...). */
function calledByName(file: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const look = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { expression, name } = node.expression;
      if (name.text === 'call' && ts.isIdentifier(expression)) names.add(expression.text);
    }
    ts.forEachChild(node, look);
  };
  look(file);
  // the build gives imports another name first: const was = $was
  for (const it of file.statements.filter(ts.isVariableStatement).flatMap((s) => [...s.declarationList.declarations])) {
    const { name, initializer } = it;
    if (ts.isIdentifier(name) && names.has(name.text) && initializer !== undefined && ts.isIdentifier(initializer))
      names.add(initializer.text);
  }
  return names;
}

/** import { a, b as c } from './x.js' as constants; what is called by name is a generator. */
function importOf(node: ts.ImportDeclaration, path: string, called: ReadonlySet<string>): ts.Node[] {
  const clause = node.importClause;
  if (clause === undefined || clause.isTypeOnly) return [];
  const from = (node.moduleSpecifier as ts.StringLiteral).text.replace(/\.js$/, '');
  const key = posix.normalize(posix.join(posix.dirname(path), from));
  const bindings = clause.namedBindings;
  if (bindings === undefined && clause.name !== undefined) return [];
  if (bindings === undefined || !ts.isNamedImports(bindings)) throw new Error(`${path}: an import that is not by name`);
  const elements = bindings.elements.filter((e) => !e.isTypeOnly);
  return [
    ...constants(
      elements.filter((e) => !called.has(e.name.text)),
      '$import',
      key,
    ),
    ...constants(
      elements.filter((e) => called.has(e.name.text)),
      '$stepped',
      key,
    ),
  ];
}

/** const { a, b: c } = $import("x"); nothing for no names. */
function constants(elements: readonly ts.ImportSpecifier[], from: string, key: string): ts.Node[] {
  if (elements.length === 0) return [];
  const value = factory.createCallExpression(factory.createIdentifier(from), undefined, [
    factory.createStringLiteral(key),
  ]);
  const pattern = factory.createObjectBindingPattern(
    elements.map((e) => factory.createBindingElement(undefined, e.propertyName as ts.Identifier | undefined, e.name)),
  );
  const declared = factory.createVariableDeclaration(pattern, undefined, undefined, value);
  return [factory.createVariableStatement([], factory.createVariableDeclarationList([declared], ts.NodeFlags.Const))];
}
