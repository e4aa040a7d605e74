// SPDX-License-Identifier: GPL-2.0-only
/** Exports that nothing in the product mentions: what tests alone call is dead, as is what nobody calls. */
import ts from 'typescript';
import { roomOf } from './floors.js';
import { nodes, type SourceFile } from './source-file.js';

/** Entry points of the kernel and of the guest's hardware, which events do not come to yet. */
const AWAITED: readonly string[] = ['preempt_schedule_irq', 'exitRdmsr'];

/** Its exports are what a user's file imports. */
const PUBLIC: readonly string[] = ['entry', 'lib'];

/** What the kernel has there is for patches as well: a function of the table, a value of a register or a flag. */
const MIRRORED: readonly string[] = ['sched', 'kvm', 'lapic', 'arch'];

interface Export {
  readonly name: string;
  /** a name of the kernel, not one of ours */
  readonly kernel: boolean;
}

/** A constant in capitals, or a function whose comment cites the kernel's. */
const isMirrored = (name: string, text: string): boolean =>
  /^_*[A-Z][A-Z0-9_]*x?$/.test(name) || new RegExp(`\\*\\* \\S+\\.[chS]: ${name}\\(\\)`).test(text);

function exportsOf(file: SourceFile): Export[] {
  return file.tree.statements.flatMap((it): Export[] => {
    const exported = (name: string): Export => ({ name, kernel: isMirrored(name, it.getFullText(file.tree)) });
    const isExported =
      ts.canHaveModifiers(it) && ts.getModifiers(it)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword);
    if (!isExported) return [];
    if (ts.isVariableStatement(it))
      return it.declarationList.declarations.flatMap((d) => (ts.isIdentifier(d.name) ? [exported(d.name.text)] : []));
    const named = ts.isFunctionDeclaration(it) || ts.isClassDeclaration(it);
    return named && it.name !== undefined ? [exported(it.name.text)] : [];
  });
}

/** Every identifier, and every string, since functions of the table are named by strings as well. */
function wordsOf(file: SourceFile): Map<string, number> {
  const words = new Map<string, number>();
  nodes(file, (node) => {
    if (!ts.isIdentifier(node) && !ts.isStringLiteralLike(node)) return;
    for (const [word] of node.text.matchAll(/\w+/g)) words.set(word, (words.get(word) ?? 0) + 1);
  });
  return words;
}

/** `file: name` for each; a name counts as mentioned wherever it stands besides its definition. */
export function deadExports(files: readonly SourceFile[]): string[] {
  const product = new Map<string, number>();
  for (const file of files)
    if (roomOf(file.path) !== 'test')
      for (const [word, n] of wordsOf(file)) product.set(word, (product.get(word) ?? 0) + n);
  return files.flatMap((file) => {
    const room = roomOf(file.path);
    if (room === null || room === 'test' || PUBLIC.includes(room)) return [];
    return exportsOf(file)
      .filter(({ name, kernel }) => !(kernel && MIRRORED.includes(room)) && !AWAITED.includes(name))
      .filter(({ name }) => (product.get(name) ?? 0) < 2)
      .map(({ name }) => `${file.path}: ${name}`);
  });
}
