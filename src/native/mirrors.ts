// SPDX-License-Identifier: GPL-2.0-only
/** Which functions of the kernel are mirrored, as the first lines of their comments say, and whether a tree changed them. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { functionTexts } from './c-functions.js';
import type { KernelTree } from './find-tree.js';

/** A mirrored function: the kernel's file and name, and ours. */
export interface Mirror {
  /** `kernel/sched/fair.c` */
  readonly file: string;
  /** `place_entity` */
  readonly name: string;
  /** `sched/fair.ts` */
  readonly mirroredIn: string;
  /** what the model's table calls it: the same, but where two of Linux's are static under one name */
  readonly as: string;
}

const ROOMS = ['lib', 'trace', 'sched', 'locking', 'irq', 'kvm', 'lapic', 'arch'];
const TAG = /^\/\*\*(?:\n \*)? ([A-Za-z][\w./-]*\.[chS]): (\w+)\(\)/gm;

/** All mirrored functions, by file and in the order of our files. Reads the sources or, where those are not, the build. */
export function mirrors(src = join(dirname(fileURLToPath(import.meta.url)), '..')): Mirror[] {
  const found: Mirror[] = [];
  for (const room of ROOMS.filter((name) => existsSync(join(src, name)))) {
    for (const path of readdirSync(join(src, room), { recursive: true, encoding: 'utf8' }).sort()) {
      if (!/(?<!\.d)\.[jt]s$/.test(path)) continue;
      const text = readFileSync(join(src, room, path), 'utf8');
      for (const { 1: file, 2: name, index } of text.matchAll(TAG)) {
        const behind = text.slice(text.indexOf('*/', index) + 2);
        const as = /^\s*export (?:const|function) (\w+)/.exec(behind)?.[1] ?? name!;
        found.push({ file: file!, name: name!, mirroredIn: `${room}/${path.replace(/js$/, 'ts')}`, as });
      }
    }
  }
  return found;
}

/** `kernel/sched/fair.c: place_entity` */
export const mirrorKey = (mirror: Pick<Mirror, 'file' | 'name'>): string => `${mirror.file}: ${mirror.name}`;

/** The texts of the mirrored functions in a tree, as hashes by mirrorKey(); what the tree lacks is left out. */
export function mirroredHashes(tree: KernelTree, list: readonly Mirror[]): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const file of new Set(list.map((mirror) => mirror.file))) {
    const path = join(tree.dir, file);
    if (!existsSync(path)) continue;
    const texts = functionTexts(readFileSync(path, 'utf8'));
    for (const mirror of list) {
      const text = mirror.file === file ? texts.get(mirror.name) : undefined;
      if (text === undefined) continue;
      hashes.set(mirrorKey(mirror), createHash('sha256').update(text).digest('hex').slice(0, 16));
    }
  }
  return hashes;
}

/** What a tree did to the mirrored functions since they were mirrored. */
export interface Drift {
  readonly same: number;
  readonly changed: readonly Mirror[];
  /** renamed, moved or removed */
  readonly gone: readonly Mirror[];
  /** mirrored, but not in the record: the record wants to be made anew */
  readonly unrecorded: readonly Mirror[];
}

/** Compares hashes of a tree with the recorded ones of the pin. */
export function driftOf(
  list: readonly Mirror[],
  recorded: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): Drift {
  const changed: Mirror[] = [];
  const gone: Mirror[] = [];
  const unrecorded: Mirror[] = [];
  let same = 0;
  for (const mirror of list) {
    const key = mirrorKey(mirror);
    const [then, today] = [recorded.get(key), now.get(key)];
    if (then === undefined) unrecorded.push(mirror);
    else if (today === undefined) gone.push(mirror);
    else if (today !== then) changed.push(mirror);
    else same++;
  }
  return { same, changed, gone, unrecorded };
}

/** The release that the mirrors were written from. */
export const PIN = '6.12.117';

/** Beside the sources in the repository, and at the same path in an installed package. */
export function recordPath(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const path = join(dir, 'src/native/mirrored', `${PIN}.json`);
    if (existsSync(path) || dir === dirname(dir)) return path;
  }
}

/** The hashes recorded from the pin. */
export function recordedHashes(): Map<string, string> {
  return new Map(Object.entries(JSON.parse(readFileSync(recordPath(), 'utf8')) as Record<string, string>));
}
