// SPDX-License-Identifier: GPL-2.0-only
/**
 * Values that variables start with. A function called alone finds every variable at random, so that a patch which changes
 * no more than a default would pass unseen: such a variable is started from as each of the two trees has it.
 */
import type { CFile, CVariable } from '../../native/extract/c-index.js';
import type { TouchedFiles } from './changed-functions.js';

/** A variable that the patched tree starts otherwise. */
export interface InitialChange {
  readonly file: string;
  readonly name: string;
  /** as they are written; null where the tree has no such variable */
  readonly before: string | null;
  readonly patched: string;
  /** as numbers: before, or what the patched tree has where the base has no such variable; null for what is none */
  readonly values: readonly [before: number, patched: number] | null;
}

/** The variable in whose initialiser, or definition with one, the line stands. */
export function startedAt(file: CFile | undefined, line: number): CVariable | null {
  for (const variable of file?.variables.values() ?? []) {
    const { initial } = variable;
    if (initial !== null && line >= initial.line && line <= initial.end) return variable;
  }
  return null;
}

/** A number of C, or a macro of the same file that is one; null for anything else. */
function numberOf(file: CFile, text: string, depth = 0): number | null {
  const plain = text.trim().replace(/^\((.*)\)$/, '$1');
  if (plain === 'true' || plain === 'false') return plain === 'true' ? 1 : 0;
  const literal = /^(-?)(0[xX][\da-fA-F]+|\d+)[uUlL]*$/.exec(plain);
  if (literal !== null) {
    const digits = literal[2]!;
    const value = Number(/^0\d/.test(digits) ? Number.parseInt(digits, 8) : digits);
    return Number.isSafeInteger(value) ? (literal[1] === '-' ? -value : value) : null;
  }
  const macro = /^\w+$/.test(plain) && depth < 4 ? file.macros.get(plain) : undefined;
  const body = macro === undefined ? null : /^\s*#\s*define\s+\w+\s+(.*)$/.exec(macro.text);
  return body === null ? null : numberOf(file, body[1]!.replace(/\/\*.*?\*\//g, ''), depth + 1);
}

/** Variables of both trees, or of the patched one alone, whose first value the patch decides. */
export function initialChanges({ base, patched }: TouchedFiles): InitialChange[] {
  return [...patched].flatMap(([file, after]) =>
    [...after.variables.values()].flatMap((variable): InitialChange[] => {
      const { name, isExtern } = variable;
      const old = base.get(file)?.variables.get(name);
      if (isExtern || (old !== undefined && old.text !== variable.text)) return [];
      const start = (v: CVariable) => v.initial?.value ?? '0';
      const before = old === undefined ? null : start(old);
      if (before === start(variable) || (old === undefined && variable.initial === null)) return [];
      const now = numberOf(after, start(variable));
      const was = old === undefined ? now : numberOf(base.get(file)!, start(old));
      return [
        { file, name, before, patched: start(variable), values: was === null || now === null ? null : [was, now] },
      ];
    }),
  );
}
