// SPDX-License-Identifier: GPL-2.0-only
/** The repository's own files, and the kernel's, for tidy to look at. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importsOf, parse, resolved, type SourceFile } from './source-file.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Everything that is under version control or about to be, and no dead link. */
export function allPaths(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return [...new Set(listed.split('\n'))].filter((p) => p !== '' && existsSync(ROOT + p)).sort();
}

export const read = (path: string): string => readFileSync(ROOT + path, 'utf8');

export function sourceFiles(paths: readonly string[]): SourceFile[] {
  return paths.filter((p) => /\.tsx?$/.test(p) && !p.endsWith('.d.ts')).map((p) => parse(p, read(p)));
}

/** What a run of the product starts from: the command, the page, and what a user's patch imports. What tests alone reach is dead. */
const ENTRIES = /^src\/(cli\/main|index|web\/main)\.tsx?$/;

/** Files of src and properties that nothing reaches from an entry. */
export function deadFiles(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((f) => [f.path, f]));
  const live = new Set<string>();
  const visit = (path: string): void => {
    const file = byPath.get(path);
    if (file === undefined || live.has(path)) return;
    live.add(path);
    for (const i of importsOf(file)) {
      const target = resolved(path, i.specifier);
      // a component is imported as .js as well
      if (target !== null) visit(byPath.has(target) ? target : `${target}x`);
    }
  };
  for (const file of files) if (ENTRIES.test(file.path)) visit(file.path);
  return files.map((f) => f.path).filter((p) => /^(src|properties)\//.test(p) && !live.has(p));
}

/** A kernel tree of the pin's version: KVMODEL_TREE, or where Debian's package is unpacked; null when there is none. */
export function kernelTree(): string | null {
  const candidates = [process.env['KVMODEL_TREE'], '/usr/src/linux-source-6.12'];
  return candidates.find((dir) => dir !== undefined && existsSync(`${dir}/kernel/sched/fair.c`)) ?? null;
}

/** Is the function, or a macro of its name, in the text of a kernel file? A static call's or a trace event's name counts. */
export function definesFunction(text: string, name: string): boolean {
  const event = name.replace(/^trace_/, '');
  const op = name.replace(/^kvm_x86_/, '');
  const words = [
    new RegExp(`^(?!\\s)[^\\n;#]*\\b${name}\\s*\\(`, 'm'),
    new RegExp(`^#\\s*define\\s+${name}\\b`, 'm'),
    new RegExp(`^\\s*TRACE_EVENT\\w*\\s*\\(\\s*${event}\\b`, 'm'),
    new RegExp(`^KVM_X86_OP\\w*\\s*\\(\\s*${op}\\s*\\)`, 'm'),
    new RegExp(`^\\s*DEFINE_EVENT\\w*\\s*\\(\\s*\\w+,\\s*${event}\\b`, 'm'),
    // RB_DECLARE_CALLBACKS(static, min_vruntime_cb, ...) defines min_vruntime_cb_propagate() and two more
    new RegExp(`^RB_DECLARE_CALLBACKS\\w*\\(\\w+, ${name.replace(/_(propagate|copy|rotate)$/, '')},`, 'm'),
  ];
  return words.some((w) => w.test(text));
}

/** Circles of value imports among modules that load each other, each from its first file round to it; files that reach a circle are not on it. */
export function importCircles(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((f) => [f.path, f]));
  const circles: string[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string): void => {
    const at = way.indexOf(path);
    if (at >= 0) circles.push([...way.slice(at), path].join(' -> '));
    const file = byPath.get(path);
    if (at >= 0 || done.has(path) || file === undefined) return;
    way.push(path);
    for (const i of importsOf(file)) {
      const target = i.typeOnly || i.late ? null : resolved(path, i.specifier);
      if (target !== null) visit(byPath.has(target) ? target : `${target}x`);
    }
    way.pop();
    done.add(path);
  };
  for (const file of files) visit(file.path);
  return circles;
}
