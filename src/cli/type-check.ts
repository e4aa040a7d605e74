// SPDX-License-Identifier: GPL-2.0-only
/** A user's TypeScript file held against our declarations by the TypeScript compiler, errors as faults. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { type Fault, oneOf } from '../base/faults.js';

/** Our own entry: its declarations when compiled, its source otherwise. */
function entry(): string {
  const declared = fileURLToPath(new URL('../index.d.ts', import.meta.url));
  return existsSync(declared) ? declared : fileURLToPath(new URL('../index.ts', import.meta.url));
}

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.es2023.d.ts'],
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  skipLibCheck: true,
  noEmit: true,
  allowImportingTsExtensions: true,
};

/** Every type error of the file and of what it imports from beside it, with `file:line:column` as the user named it. */
export function typeFaults(file: string, shownAs: (file: string) => string): Fault[] {
  const program = ts.createProgram([file], { ...OPTIONS, paths: { kvmodel: [entry()] } });
  const ours = fileURLToPath(new URL('../..', import.meta.url));
  const checker = program.getTypeChecker();
  const diagnostics = program
    .getSourceFiles()
    .filter((f) => !f.isDeclarationFile && (f.fileName === file || !f.fileName.startsWith(ours)))
    .flatMap((f) => [...program.getSyntacticDiagnostics(f), ...program.getSemanticDiagnostics(f)]);
  return [...program.getGlobalDiagnostics(), ...diagnostics]
    .filter((d) => d.category === ts.DiagnosticCategory.Error)
    .map((d) => ({ place: placeOf(d, shownAs), ...judge(d, checker) }));
}

function placeOf(d: ts.Diagnostic, shownAs: (file: string) => string): string {
  if (d.file === undefined || d.start === undefined) return 'TypeScript';
  const { line, character } = d.file.getLineAndCharacterOfPosition(d.start);
  return `${shownAs(d.file.fileName)}:${line + 1}:${character + 1}`;
}

/** What an error means for a series; the compiler's own words where we have none. */
function judge(d: ts.Diagnostic, checker: ts.TypeChecker): Omit<Fault, 'place'> {
  const property = propertyAt(d);
  if (property !== null) {
    const { name, object } = property;
    const owner = checker.getContextualType(object);
    const kind = ownerOf(object);
    const member = owner?.getProperty(name);
    if (owner !== undefined && member === undefined && UNKNOWN_MEMBER.has(d.code)) {
      const known = owner.getProperties().map((p) => p.name);
      const what = kind === 'funcs' ? 'a function of the base' : 'a member that a series has';
      return {
        code: kind === 'funcs' ? 'override-unknown' : 'unknown-member',
        expected: oneOf(what, name, known),
        got: name,
      };
    }
    if (member !== undefined && NOT_ASSIGNABLE.has(d.code)) {
      const wanted = checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(member, object));
      const got = checker.getTypeAtLocation(property.node);
      const code = kind === 'funcs' || kind === 'adds' ? 'override-signature' : 'type';
      return { code, expected: `${name}: ${typeText(checker, wanted)}`, got: typeText(checker, got) };
    }
  }
  const words = ts.flattenDiagnosticMessageText(d.messageText, '\n').split('\n')[0];
  return { code: 'type', expected: 'code that compiles', got: `TS${d.code}: ${words}` };
}

/** Object literal may only specify known properties; the same with a suggestion. */
const UNKNOWN_MEMBER = new Set([2353, 2561]);
/** Type is not assignable; the same with exactOptionalPropertyTypes. */
const NOT_ASSIGNABLE = new Set([2322, 2375, 2412, 2418]);

function typeText(checker: ts.TypeChecker, type: ts.Type): string {
  return checker.typeToString(
    type,
    undefined,
    ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope,
  );
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
    const inner: ts.Node | undefined = ts.forEachChild(node, (child) =>
      child.getStart() <= start && start < child.getEnd() ? child : undefined,
    );
    if (inner === undefined) break;
    node = inner;
  }
  const member = node.parent;
  if (member === undefined || !ts.isObjectLiteralElementLike(member) || member.name === undefined) return null;
  if (member.name !== node || !ts.isObjectLiteralExpression(member.parent)) return null;
  return { name: member.name.getText(), node, object: member.parent };
}

/** The member whose value an object literal is: `funcs`, `adds`. */
function ownerOf(object: ts.ObjectLiteralExpression): string {
  const parent = object.parent;
  return ts.isPropertyAssignment(parent) ? parent.name.getText() : '';
}
