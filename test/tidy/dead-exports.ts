// SPDX-License-Identifier: GPL-2.0-only
/** Exports that nothing in the product mentions: what tests alone call is dead, as is what nobody calls. */
import ts from 'typescript';
import { roomOf } from './floors.js';
import { nodes, type SourceFile } from './source-file.js';

/** Entry points of the kernel and of the guest's hardware, which events do not come to yet. */
const AWAITED: readonly string[] = ['preempt_schedule_irq', 'exitRdmsr', 'History'];

/** Its exports are what a user's file imports. */
const PUBLIC: readonly string[] = ['entry', 'lib'];

/** Values of a register or a knob: a test may set what no mirrored branch asks for. */
const MIRRORED: readonly string[] = ['sched', 'kvm', 'lapic', 'arch'];

interface Export {
  readonly name: string;
  readonly constant: boolean;
}

function exportsOf(file: SourceFile): Export[] {
  return file.tree.statements.flatMap((it): Export[] => {
    const exported =
      ts.canHaveModifiers(it) && ts.getModifiers(it)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword);
    if (!exported) return [];
    if (ts.isVariableStatement(it))
      return it.declarationList.declarations.flatMap((d) =>
        ts.isIdentifier(d.name) ? [{ name: d.name.text, constant: true }] : [],
      );
    const named = ts.isFunctionDeclaration(it) || ts.isClassDeclaration(it);
    return named && it.name !== undefined ? [{ name: it.name.text, constant: false }] : [];
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
  const [product, all] = [new Map<string, number>(), new Map<string, number>()];
  for (const file of files) {
    const counts = roomOf(file.path) === 'test' ? [all] : [all, product];
    for (const [word, n] of wordsOf(file)) for (const count of counts) count.set(word, (count.get(word) ?? 0) + n);
  }
  return files.flatMap((file) => {
    const room = roomOf(file.path);
    if (room === null || room === 'test' || PUBLIC.includes(room)) return [];
    return exportsOf(file)
      .filter(({ name, constant }) => {
        const mentions = constant && MIRRORED.includes(room) ? all : product;
        return (mentions.get(name) ?? 0) < 2 && !AWAITED.includes(name);
      })
      .map(({ name }) => `${file.path}: ${name}`);
  });
}
