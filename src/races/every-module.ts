// SPDX-License-Identifier: GPL-2.0-only
/** The mirrored modules and what they import, by path: what a stepped kernel is made of. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Modules } from './stepped-kernel.js';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where the lists of mirrored modules stand: what every architecture has, and x86's own. */
const LISTS = ['vmlinux/modules', 'vmlinux/modules-x86'];

/** The rooms of lockless code. The scheduler runs under the run queue's lock, in one step. */
const LOCKLESS = /^(arch|kvm|lapic)\//;
const LOCKLESS_TOO = ['sched/kernel-stack', 'lib/hrtimer'];

/** The file of a module: its source, or in a package what it was compiled to. */
export function fileOf(path: string): string {
  const files = [`${path}.ts`, `${path}.js`].map((name) => join(ROOT, name));
  const file = files.find((name) => existsSync(name));
  if (file === undefined) throw new Error(`no module ${path}`);
  return file;
}

export const textOf = (path: string): string => readFileSync(fileOf(path), 'utf8');

export async function moduleOf(path: string): Promise<object> {
  return (await import(pathToFileURL(fileOf(path)).href)) as object;
}

/** What the module imports from modules of ours, by path. */
export function importsOf(path: string): string[] {
  const text = textOf(path).replace(/import type [^;]*;/g, '');
  return [...text.matchAll(/from '(\.[^']+)\.js'/g)].map(([, from]) =>
    posix.normalize(posix.join(posix.dirname(path), from)),
  );
}

/** The modules of the table, by path. */
const listed = LISTS.flatMap(importsOf);

/** Those whose functions stop at their races. */
export const STEPPED: readonly string[] = [...listed.filter((path) => LOCKLESS.test(path)).sort(), ...LOCKLESS_TOO];

/** The modules of the table and what the stepped ones import. */
export async function everyModule(): Promise<Modules> {
  const paths = new Set([...listed, ...STEPPED.flatMap(importsOf)]);
  const modules = await Promise.all([...paths].map(async (path) => [path, await moduleOf(path)] as const));
  return Object.fromEntries(modules);
}
