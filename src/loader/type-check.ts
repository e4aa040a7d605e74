// SPDX-License-Identifier: GPL-2.0-only
/** A user's TypeScript file held against our declarations by the TypeScript compiler, errors as faults. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type ts from 'typescript';
import { type Fault, oneOf } from '../base/faults.js';
import { functionExpected } from '../series/pieces.js';
import { COMPILER_OPTIONS } from './compiler-options.js';
import { isKnownSound, noteSound } from './type-cache.js';
import { compiler } from './typescript.js';

/** Our own entry: its declarations when there are any; otherwise its source, which takes longer to read. */
function entry(): string {
  const candidates = ['../index.d.ts', '../index.ts', '../../../src/index.ts'];
  const files = candidates.map((it) => fileURLToPath(new URL(it, import.meta.url)));
  return files.find(existsSync) ?? files[0];
}

const { options: OPTIONS } = compiler.convertCompilerOptionsFromJson(COMPILER_OPTIONS, '');

/** Every type error of the file and of what it imports from beside it, with `file:line:column` as the user named it. */
export function typeFaults(file: string, shownAs: (file: string) => string): Fault[] {
  const index = entry();
  const key = JSON.stringify([file, index, compiler.version, COMPILER_OPTIONS]);
  const ours = ['src/', 'properties/'].map((it) => join(dirname(index), '..', it));
  const isOwn = (path: string): boolean =>
    path === file || (!/\/node_modules\//.test(path) && !ours.some((it) => path.startsWith(it)));
  if (isKnownSound(key, isOwn)) return [];
  const program = compiler.createProgram([file], { ...OPTIONS, paths: { kvmodel: [index] } });
  const faults = faultsOf(program, (path) => path === file || !ours.some((it) => path.startsWith(it)), shownAs);
  if (faults.length === 0)
    noteSound(
      key,
      program.getSourceFiles().map((f) => f.fileName),
      isOwn,
    );
  return faults;
}

function faultsOf(program: ts.Program, isMeant: (path: string) => boolean, shownAs: (file: string) => string): Fault[] {
  const checker = program.getTypeChecker();
  const files = program.getSourceFiles().filter((f) => !f.isDeclarationFile && isMeant(f.fileName));
  // WHY by ourselves: of an object literal with several wrong members the compiler reports the first alone.
  const overrides = files.flatMap((f) => overrideFaults(f, checker));
  const told = new Set(overrides.map((o) => `${o.file.fileName}:${o.start}`));
  const others = [
    ...program.getGlobalDiagnostics(),
    ...files.flatMap((f) => [...program.getSyntacticDiagnostics(f), ...program.getSemanticDiagnostics(f)]),
  ]
    .filter((d) => d.category === compiler.DiagnosticCategory.Error && !told.has(`${d.file?.fileName}:${d.start}`))
    .map((d) => ({ file: d.file, start: d.start, fault: judge(d, checker) }));
  return [...overrides, ...others]
    .sort((a, b) => (a.file?.fileName === b.file?.fileName ? (a.start ?? 0) - (b.start ?? 0) : 0))
    .map(({ file: at, start, fault }) => ({ place: placeOf(at, start, shownAs), ...fault }));
}

interface Found {
  file: ts.SourceFile;
  start: number;
  fault: Omit<Fault, 'place'>;
}

/** Members of every `funcs` that the base lacks or has with another signature. */
function overrideFaults(file: ts.SourceFile, checker: ts.TypeChecker): Found[] {
  const found: Found[] = [];
  const visit = (node: ts.Node): void => {
    compiler.forEachChild(node, visit);
    if (!compiler.isObjectLiteralExpression(node) || ownerOf(node) !== 'funcs') return;
    const base = checker.getContextualType(node);
    if (base === undefined || base.getProperties().length < 2) return;
    for (const member of node.properties) {
      const fault = overrideFault(member, node, base, checker);
      if (fault !== null) found.push({ file, start: (member.name ?? member).getStart(), fault });
    }
  };
  visit(file);
  return found;
}

function overrideFault(
  member: ts.ObjectLiteralElementLike,
  object: ts.ObjectLiteralExpression,
  base: ts.Type,
  checker: ts.TypeChecker,
): Omit<Fault, 'place'> | null {
  if (member.name === undefined || compiler.isComputedPropertyName(member.name)) return null;
  const name = compiler.isStringLiteralLike(member.name) ? member.name.text : member.name.getText();
  const wanted = base.getProperty(name);
  if (wanted === undefined) {
    const known = base.getProperties().map((p) => p.name);
    return { code: 'override-unknown', expected: functionExpected(name, known), got: name };
  }
  const type = checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(wanted, object));
  const value = compiler.isShorthandPropertyAssignment(member)
    ? checker.getTypeAtLocation(member.name)
    : checker.getTypeAtLocation(compiler.isPropertyAssignment(member) ? member.initializer : member);
  if (checker.isTypeAssignableTo(value, type)) return null;
  return { code: 'override-signature', expected: `${name}: ${typeText(checker, type)}`, got: typeText(checker, value) };
}

function placeOf(
  file: ts.SourceFile | undefined,
  start: number | undefined,
  shownAs: (file: string) => string,
): string {
  if (file === undefined || start === undefined) return 'TypeScript';
  const { line, character } = file.getLineAndCharacterOfPosition(start);
  return `${shownAs(file.fileName)}:${line + 1}:${character + 1}`;
}

/** What an error means for a series; the compiler's own words where we have none. */
function judge(d: ts.Diagnostic, checker: ts.TypeChecker): Omit<Fault, 'place'> {
  const property = propertyAt(d);
  const owner = property === null ? undefined : checker.getContextualType(property.object);
  if (property !== null && owner !== undefined) {
    const { name, object } = property;
    const member = owner.getProperty(name);
    if (member === undefined && UNKNOWN_MEMBER.has(d.code)) {
      const known = owner.getProperties().map((p) => p.name);
      return { code: 'unknown-member', expected: oneOf('a member that it has', name, known), got: name };
    }
    if (member !== undefined && NOT_ASSIGNABLE.has(d.code)) {
      const wanted = checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(member, object));
      const got = checker.getTypeAtLocation(property.node);
      return { code: 'type', expected: `${name}: ${typeText(checker, wanted)}`, got: typeText(checker, got) };
    }
  }
  const words = compiler.flattenDiagnosticMessageText(d.messageText, '\n').split('\n')[0];
  return { code: 'type', expected: 'code that compiles', got: `TS${d.code}: ${words}` };
}

/** Object literal may only specify known properties; the same with a suggestion. */
const UNKNOWN_MEMBER = new Set([2353, 2561]);
/** Type is not assignable; the same with exactOptionalPropertyTypes. */
const NOT_ASSIGNABLE = new Set([2322, 2375, 2412, 2418]);

function typeText(checker: ts.TypeChecker, type: ts.Type): string {
  return checker
    .typeToString(
      type,
      undefined,
      compiler.TypeFormatFlags.NoTruncation | compiler.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope,
    )
    .replace(/\bvmlinux_x86( & object)?\b/g, 'vmlinux');
}

interface PropertyAt {
  name: string;
  node: ts.Node;
  object: ts.ObjectLiteralExpression;
}

/** The member of an object literal that an error stands on. */
function propertyAt(d: ts.Diagnostic): PropertyAt | null {
  if (d.file === undefined || d.start === undefined) return null;
  const start = d.start;
  let node: ts.Node = d.file;
  for (;;) {
    const inner: ts.Node | undefined = compiler.forEachChild(node, (child) =>
      child.getStart() <= start && start < child.getEnd() ? child : undefined,
    );
    if (inner === undefined) break;
    node = inner;
  }
  const member = node.parent;
  if (member === undefined || !compiler.isObjectLiteralElementLike(member) || member.name === undefined) return null;
  if (member.name !== node || !compiler.isObjectLiteralExpression(member.parent)) return null;
  return { name: member.name.getText(), node, object: member.parent };
}

/** The member whose value an object literal is: `funcs`, `adds`. */
function ownerOf(object: ts.ObjectLiteralExpression): string {
  const parent = object.parent;
  return compiler.isPropertyAssignment(parent) ? parent.name.getText() : '';
}
