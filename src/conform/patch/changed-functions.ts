// SPDX-License-Identifier: GPL-2.0-only
/** Which functions of KVM read otherwise in a patched tree, and which read what is changed outside of functions. */
import { ARCHITECTURES, type Architecture } from '../../native/extract/architecture.js';
import { type CFile, type CFunction, indexFile, withoutComments } from '../../native/extract/c-index.js';
import type { KernelTree } from '../../native/find-tree.js';
import { withOptions } from '../../native/kconfig.js';
import type { AppliedHunk } from '../../native/patch.js';

/** The files of one architecture that a patch touches, before and after it. */
export interface TouchedFiles {
  /** with the touched files in its order */
  readonly architecture: Architecture;
  readonly base: ReadonlyMap<string, CFile>;
  /** before the last patch */
  readonly previous: ReadonlyMap<string, CFile>;
  readonly patched: ReadonlyMap<string, CFile>;
}

/** A function to be called in both trees. */
export interface Candidate {
  readonly file: string;
  readonly name: string;
}

const OF_ARCHITECTURE = /^arch\/(x86|arm64|s390)\//;
const IS_KVM = /^(?:virt\/kvm|arch\/(?:x86|arm64|s390)\/kvm)\/.*\.[ch]$/;

/** Whether functions of the file can be cut out. */
export const isCut = (file: string): boolean =>
  IS_KVM.test(file) || ARCHITECTURES.some((one) => one.order.includes(file));

/** Touched files by architecture; what belongs to none is tried on x86. */
export async function touchedFiles(
  base: KernelTree,
  previous: KernelTree,
  patched: KernelTree,
  files: readonly string[],
): Promise<TouchedFiles[]> {
  const found: TouchedFiles[] = [];
  for (const architecture of ARCHITECTURES) {
    const own = files.filter((file) => isCut(file) && (OF_ARCHITECTURE.exec(file)?.[1] ?? 'x86') === architecture.name);
    if (own.length === 0) continue;
    const order = [...architecture.order, ...own.filter((file) => !architecture.order.includes(file))];
    const index = async (tree: KernelTree) => {
      const list = new Map<string, CFile>();
      for (const file of own) {
        const indexed = await indexFile(tree.dir, file, withOptions(architecture.configuration, tree.config));
        if (indexed !== null) list.set(file, indexed);
      }
      return list;
    };
    const before = await index(base);
    found.push({
      architecture: { ...architecture, order },
      base: before,
      previous: previous.dir === base.dir ? before : await index(previous),
      patched: await index(patched),
    });
  }
  return found;
}

const plain = (f: CFunction): string => withoutComments(f.text).replace(/\s+/g, ' ');
const isInline = (f: CFunction): boolean => /\b(inline|__always_inline)\b/.test(f.text.slice(0, f.nameAt));

/** The function that has the line; null outside of functions. */
export function functionAt(file: CFile | undefined, line: number): CFunction | null {
  for (const f of file?.functions.values() ?? [])
    if (line >= f.line && line < f.line + f.text.split('\n').length) return f;
  return null;
}

export interface ChangedLine {
  readonly side: 'previous' | 'patched';
  readonly line: number;
  readonly text: string;
}

/** Lines that a hunk takes out and puts in, with their numbers before and after. */
export function changedLines(hunk: AppliedHunk): ChangedLine[] {
  let [old, now] = [hunk.oldAt, hunk.at];
  return hunk.lines.flatMap((line): ChangedLine[] => {
    const text = line.slice(1);
    if (line[0] === '-') return [{ side: 'previous', line: old++, text }];
    if (line[0] === '+') return [{ side: 'patched', line: now++, text }];
    old++;
    now++;
    return [];
  });
}

/** Functions of both trees that the hunks touch and whose code differs from the base's. */
export function changedFunctions(files: TouchedFiles, hunks: readonly AppliedHunk[]): Candidate[] {
  const touched = new Set(
    hunks.flatMap((hunk) =>
      changedLines(hunk).flatMap(({ side, line }) => {
        const f = functionAt(files[side].get(hunk.file), line);
        return f === null ? [] : [`${hunk.file}: ${f.name}`];
      }),
    ),
  );
  return [...files.patched].flatMap(([file, after]) => {
    const before = files.base.get(file);
    if (before === undefined) return [];
    return [...after.functions.values()]
      .filter((f) => touched.has(`${file}: ${f.name}`) && before.functions.has(f.name))
      .filter((f) => plain(before.functions.get(f.name)!) !== plain(f))
      .map(({ name }) => ({ file, name }));
  });
}

/** Functions of both trees that are stand-ins where others call them: those of .c files that are not inline. */
export function functionsApart({ base, patched }: TouchedFiles): Set<string> {
  const apart = new Set<string>();
  for (const [file, after] of patched) {
    if (!file.endsWith('.c')) continue;
    for (const f of after.functions.values())
      if (!isInline(f) && base.get(file)?.functions.has(f.name) === true) apart.add(`${file}: ${f.name}`);
  }
  return apart;
}

const WRITES = [
  /(?:->|\.)\s*(\w+)(?:\[[^\]]*\])?\s*(?:[-+*/%&|^]|<<|>>)?=(?!=)/g,
  /(?:->|\.)\s*(\w+)(?:\[[^\]]*\])?\s*(?:\+\+|--)/g,
  /(?:\+\+|--)\s*[\w>.\-[\]]*(?:->|\.)(\w+)/g,
];

/** Members that changed lines write, by function: `file: name`. */
export function writtenMembers(files: TouchedFiles, hunks: readonly AppliedHunk[]): Map<string, Set<string>> {
  const written = new Map<string, Set<string>>();
  for (const hunk of hunks) {
    for (const { side, line, text } of changedLines(hunk)) {
      const f = functionAt(files[side].get(hunk.file), line);
      if (f === null) continue;
      const key = `${hunk.file}: ${f.name}`;
      const names = written.get(key) ?? new Set<string>();
      for (const pattern of WRITES) for (const [, name] of withoutComments(text).matchAll(pattern)) names.add(name!);
      written.set(key, names);
    }
  }
  return written;
}

const COMMON = new Set(
  (
    'define ifdef ifndef endif else elif undef include if static const extern inline struct union enum int unsigned long ' +
    'short char void bool u8 u16 u32 u64 s8 s16 s32 s64 return sizeof true false NULL EXPORT_SYMBOL_GPL'
  ).split(' '),
);

/** Names that a hunk uses or defines outside of functions, but for lines that `isOther` takes. */
export function namesOutside(
  files: TouchedFiles,
  hunk: AppliedHunk,
  isOther: (side: ChangedLine['side'], line: number) => boolean = () => false,
): Set<string> {
  const names = new Set<string>();
  for (const { side, line, text } of changedLines(hunk)) {
    if (functionAt(files[side].get(hunk.file), line) !== null || isOther(side, line)) continue;
    for (const word of withoutComments(text).match(/[A-Za-z_]\w*/g) ?? []) if (!COMMON.has(word)) names.add(word);
  }
  return names;
}

/** Functions of touched files, the same before and after, that mention one of the names. */
export function mentioning({ base, patched }: TouchedFiles, names: ReadonlySet<string>): Candidate[] {
  return [...patched].flatMap(([file, after]) =>
    [...after.functions.values()]
      .filter((f) => base.get(file)?.functions.has(f.name) === true)
      .filter((f) => (withoutComments(f.text).match(/[A-Za-z_]\w*/g) ?? []).some((word) => names.has(word)))
      .map(({ name }) => ({ file, name })),
  );
}
