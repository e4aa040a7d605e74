// SPDX-License-Identifier: GPL-2.0-only
/** What every file owes its readers: licence, length, tags, no banned words. */
import ts from 'typescript';
import { PURE, roomOf } from './floors.js';
import { lineOf, nodes, type SourceFile } from './source-file.js';

const FILE_LINES_MAX = 500;
/** tests are long tables of cases */
const TEST_LINES_MAX = 800;
const FUNCTION_LINES_MAX = 70;
const MIRRORED: readonly string[] = ['lib', 'trace', 'sched', 'kvm', 'lapic', 'arch'];
/** Banned in pure rooms, and what to use instead. */
const BANNED: Readonly<Record<string, string>> = {
  Date: 'm.sched_clock',
  process: 'the io of cli',
  console: 'the io of cli',
  setTimeout: 'an hrtimer',
  setInterval: 'an hrtimer',
  setImmediate: 'an event',
  queueMicrotask: 'an event',
  performance: 'm.sched_clock',
};

/** SPDX in the first line, or in the second after a `#!`. */
export function licenceFaults(path: string, text: string): string[] {
  const [first, second] = text.split('\n');
  const line = first.startsWith('#!') ? second : first;
  return /SPDX-License-Identifier: GPL-2\.0-only/.test(line ?? '') ? [] : [`${path}:1: no SPDX line`];
}

export function bannedFaults(file: SourceFile): string[] {
  const faults: string[] = [];
  file.text.split('\n').forEach((line, i) => {
    if (/\bFIX[M]E\b/.test(line))
      faults.push(`${file.path}:${i + 1}: a word for what is broken: fix it, or write TODO [>version]`);
  });
  if (!PURE.includes(roomOf(file.path) ?? '')) return faults;
  nodes(file, (node) => {
    if (!ts.isIdentifier(node)) return;
    const parent = node.parent;
    const at = `${file.path}:${lineOf(file, node)}`;
    if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
      if (node.text === 'random' && parent.expression.getText(file.tree) === 'Math')
        faults.push(`${at}: Math.random: use the machine's generator`);
      return;
    }
    const declares = (ts.isPropertySignature(parent) || ts.isPropertyAssignment(parent)) && parent.name === node;
    const better = Object.hasOwn(BANNED, node.text) ? BANNED[node.text] : undefined;
    if (better !== undefined && !declares) faults.push(`${at}: ${node.text}: use ${better}`);
  });
  return faults;
}

/** The doc comment of a node, or ''. */
function docOf(file: SourceFile, node: ts.Node): string {
  const ranges = ts.getLeadingCommentRanges(file.text, node.getFullStart()) ?? [];
  const last = ranges.at(-1);
  return last === undefined ? '' : file.text.slice(last.pos, last.end);
}

export interface Tag {
  /** kernel/sched/fair.c */
  kernelPath: string;
  /** update_curr */
  kernelName: string;
  file: string;
  line: number;
}

const TAG = /^\/\*\*\s*(?:\*\s*)?([A-Za-z0-9_./-]+\.[chS]): (\w+)\(\)/;
/** A tracepoint may be named without parentheses. */
const EVENT_TAG = /^\/\*\*\s*(?:\*\s*)?(include\/trace\/events\/\w+\.h|arch\/\w+\/kvm\/trace\.h): (\w+)/;

/** The tag in a doc comment. */
export function tagIn(doc: string): { kernelPath: string; kernelName: string } | null {
  const found = TAG.exec(doc) ?? EVENT_TAG.exec(doc);
  return found === null ? null : { kernelPath: found[1], kernelName: found[2] };
}

interface NamedFunction {
  name: string;
  exported: boolean;
  node: ts.Node;
  doc: string;
}

/** Top-level functions, declared or as constants. */
export function functionsOf(file: SourceFile): NamedFunction[] {
  const found: NamedFunction[] = [];
  const isExported = (node: ts.Node): boolean =>
    ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((m) => m.kind === ts.SyntaxKind.ExportKeyword);
  for (const statement of file.tree.statements) {
    if (ts.isFunctionDeclaration(statement) && statement.name !== undefined && statement.body !== undefined) {
      const doc = docOf(file, statement);
      found.push({ name: statement.name.text, exported: isExported(statement), node: statement, doc });
    } else if (ts.isVariableStatement(statement)) {
      for (const d of statement.declarationList.declarations) {
        const fn = d.initializer;
        if (fn === undefined || !(ts.isArrowFunction(fn) || ts.isFunctionExpression(fn))) continue;
        const doc = docOf(file, statement);
        found.push({ name: d.name.getText(file.tree), exported: isExported(statement), node: fn, doc });
      }
    }
  }
  return found;
}

/** Tags of the mirrored functions of a file. */
export function tagsOf(file: SourceFile): Tag[] {
  return functionsOf(file).flatMap((f) => {
    const tag = tagIn(f.doc);
    return tag === null ? [] : [{ ...tag, file: file.path, line: lineOf(file, f.node) }];
  });
}

/** In mirrored rooms: every exported function with a kernel's name says where the kernel has it, under the same name. */
export function tagFaults(file: SourceFile): string[] {
  if (!MIRRORED.includes(roomOf(file.path) ?? '')) return [];
  return functionsOf(file).flatMap((f) => {
    const at = `${file.path}:${lineOf(file, f.node)}`;
    const tag = tagIn(f.doc);
    const isKernels = /^[a-z0-9_]+$/.test(f.name) && f.name.includes('_') && takesThis(f.node);
    // a member of a struct of the kernel's, read through a function here
    if (/^\/\*\* \w+_ops\.\w+/.test(f.doc)) return [];
    if (tag === null) return f.exported && isKernels ? [`${at}: ${f.name}: no tag /** path: ${f.name}() */`] : [];
    // the preprocessor's prefixes (trace_, kvm_x86_), and a file's where C has one static name twice (vmx_, svm_)
    const named = tag.kernelName === f.name || f.name.endsWith(`_${tag.kernelName}`);
    return named ? [] : [`${at}: ${f.name} is tagged as ${tag.kernelName}()`];
  });
}

/** Is it a function of the kernel's table? Those have a `this`. */
function takesThis(node: ts.Node): boolean {
  const fn = node as ts.FunctionLikeDeclaration;
  return fn.parameters.some((p) => ts.isIdentifier(p.name) && p.name.text === 'this');
}

export function lengthFaults(file: SourceFile): string[] {
  const faults: string[] = [];
  const lines = file.text.split('\n').length - 1;
  const mirrored = MIRRORED.includes(roomOf(file.path) ?? '');
  const most = roomOf(file.path) === 'test' ? TEST_LINES_MAX : FILE_LINES_MAX;
  if (lines > most && !mirrored) faults.push(`${file.path}: ${lines} lines, at most ${most}`);
  const check = (node: ts.Node, name: string, doc: string): void => {
    const from = file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line;
    const to = file.tree.getLineAndCharacterOfPosition(node.getEnd()).line;
    const length = to - from + 1;
    if (length > FUNCTION_LINES_MAX && tagIn(doc) === null)
      faults.push(`${file.path}:${from + 1}: ${name} has ${length} lines, at most ${FUNCTION_LINES_MAX}`);
  };
  if (roomOf(file.path) === 'test') return faults;
  for (const f of functionsOf(file)) check(f.node, f.name, f.doc);
  nodes(file, (node) => {
    if (ts.isMethodDeclaration(node)) check(node, node.name.getText(file.tree), docOf(file, node));
  });
  return faults;
}

/** Rooms whose constants are the kernel's. */
const KERNEL_ROOMS = /^src\/(lib|trace|sched|kvm|lapic|arch|series)\//;

/** Constants of the kernel that a second file of src defines again: they would drift. */
export function constantFaults(files: readonly SourceFile[]): string[] {
  const places = new Map<string, { path: string; line: number }[]>();
  for (const file of files.filter((it) => it.path.startsWith('src/'))) {
    for (const statement of file.tree.statements.filter(ts.isVariableStatement)) {
      for (const { name } of statement.declarationList.declarations) {
        if (!ts.isIdentifier(name) || !/^[A-Z][A-Z0-9]*_[A-Z0-9_]+$/.test(name.text)) continue;
        const place = { path: file.path, line: lineOf(file, statement) };
        places.set(name.text, [...(places.get(name.text) ?? []), place]);
      }
    }
  }
  return [...places].flatMap(([name, at]) =>
    at.length > 1 && at.some(({ path }) => KERNEL_ROOMS.test(path))
      ? [`${name} is defined in ${at.map(({ path, line }) => `${path}:${line}`).join(' and ')}`]
      : [],
  );
}

/** Mirrored functions that are split and whose comment does not name every piece: an override of one would miss the others. */
export function pieceFaults(file: SourceFile): string[] {
  if (!/^src\/(sched|kvm|lapic|arch)\//.test(file.path)) return [];
  const functions = file.tree.statements.filter(ts.isFunctionDeclaration);
  const names = functions.map((it) => it.name?.text ?? '');
  return functions.flatMap((it) => {
    const name = it.name?.text ?? '';
    if (!/^[a-z0-9_]+$/.test(name)) return [];
    const comment = file.text.slice(it.getFullStart(), it.getStart(file.tree));
    const pieces = names.filter((other) => other.startsWith(name) && /^[A-Z]/.test(other.slice(name.length)));
    const missing = pieces.filter((piece) => !comment.includes(`${piece}()`));
    return missing.map((piece) => `${file.path}:${lineOf(file, it)}: the comment of ${name} does not name ${piece}()`);
  });
}
