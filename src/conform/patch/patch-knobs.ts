// SPDX-License-Identifier: GPL-2.0-only
/** Knobs that a patch adds, and what it does when they are set otherwise than it sets them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { activeLines, type Configuration } from '../../native/extract/active-lines.js';
import type { KernelTree } from '../../native/find-tree.js';
import { type AddedLine, changedTree } from '../../native/patch.js';
import { checkPatch, type PatchCheck, type PatchCheckOptions, type ReachedLine } from '../sched/patch-check.js';

/** A SCHED_FEAT or a variable outside of functions. */
export interface Knob {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** as the patch has it, and what is tried instead */
  readonly was: string;
  readonly tried: string;
}

/** What a patch does with a knob set otherwise. UBSan is not asked. */
export interface KnobCheck extends Knob {
  readonly check: PatchCheck;
}

const FEATURE = /^SCHED_FEAT\((\w+), *(true|false)\)/;
/** Column 0 is outside of functions; what is const is no knob. */
const VARIABLE =
  /^(?:static\s+)?(?:(?:__read_mostly|const_debug|unsigned|signed|int|long|short|bool|[us](?:8|16|32|64)|u?int(?:8|16|32|64)_t)\s+)+(\w+)\s*(?:__read_mostly\s*)?=\s*([^;{}"]+?)\s*;/;
/** More than that are named, not tried: each is another check. */
const MOST_TRIED = 2;

/** Off where it is on, on where it is off, then far beyond. */
function otherValues(was: string): string[] {
  if (was === 'true' || was === 'false') return [was === 'true' ? 'false' : 'true'];
  if (/^\(?0(?:x0+)?[uUlL]*\)?$/.test(was)) return ['1'];
  return /^\(?1[uUlL]*\)?$/.test(was) ? ['0'] : ['0', `(${was}) * 16`];
}

/** Of added lines, those that define a knob: features first, and every first other value before a second one. */
export function knobsOf(added: readonly AddedLine[], isBuilt: (line: AddedLine) => boolean): Knob[] {
  const found = added.filter(isBuilt).flatMap((line) => {
    const { file, text } = line;
    const feature = FEATURE.exec(text);
    const [, name, was] = feature ?? (/\bconst\b/.test(text) ? null : VARIABLE.exec(text)) ?? [];
    if (name === undefined || was === undefined || !file.startsWith('kernel/sched/')) return [];
    return otherValues(was).map((tried, nth) => ({
      order: nth * 2 + (feature === null ? 1 : 0),
      knob: { name, file, line: line.line, was, tried },
    }));
  });
  return found.sort((a, b) => a.order - b.order).map(({ knob }) => knob);
}

/** The tree with the knob set otherwise. */
function withKnob(tree: KernelTree, { file, line, was, tried }: Knob): Promise<KernelTree> {
  const lines = readFileSync(join(tree.dir, file), 'utf8').split('\n');
  const at = lines[line - 1]!.lastIndexOf(was);
  lines[line - 1] = `${lines[line - 1]!.slice(0, at)}${tried}${lines[line - 1]!.slice(at + was.length)}`;
  return changedTree(tree, new Map([[file, lines.join('\n')]]));
}

/** The tree with knobs that a patch adds set as the user says, and which of them it has. */
export async function knobsSet(
  tree: KernelTree,
  added: readonly AddedLine[],
  values: Readonly<Record<string, string>>,
): Promise<{ tree: KernelTree; names: string[] }> {
  const names: string[] = [];
  let changed = tree;
  for (const [name, tried] of Object.entries(values)) {
    const knob = knobsOf(added, () => true).find((one) => one.name === name);
    if (knob === undefined) continue;
    names.push(name);
    changed = await withKnob(changed, { ...knob, tried });
  }
  return { tree: changed, names };
}

/** Every knob of a patch set otherwise, one at a time; which were too many. */
export async function checkKnobs(
  base: KernelTree,
  tree: KernelTree,
  added: readonly AddedLine[],
  isBuilt: (line: AddedLine) => boolean,
  options: PatchCheckOptions,
): Promise<{ knobs: KnobCheck[]; untried: Knob[] }> {
  const all = knobsOf(added, isBuilt);
  const knobs: KnobCheck[] = [];
  const parts = (options.parts ?? ['lock-step', 'properties', 'added lines']).filter((part) => part !== 'UBSan');
  for (const knob of all.slice(0, MOST_TRIED)) {
    const progress = (what: string) => options.progress?.(`${knob.name}=${knob.tried}: ${what}`);
    const other = await withKnob(tree, knob);
    knobs.push({ ...knob, check: await checkPatch(base, other, added, { ...options, parts, progress }) });
  }
  return { knobs, untried: all.slice(MOST_TRIED) };
}

/** The added lines with what ran with other values as well. */
export function reachedWith(added: readonly ReachedLine[], knobs: readonly KnobCheck[]): ReachedLine[] {
  return added.map((line, i) => {
    if ((line.count ?? 0) > 0) return line;
    const other = knobs.find(({ check }) => (check.added[i]?.count ?? 0) > 0);
    if (other === undefined) return line;
    return { ...line, count: other.check.added[i]!.count, absent: null, with: `${other.name}=${other.tried}` };
  });
}

/** What is drawn by an operation of its own. */
const DRAWN = new Set(['sysctl_sched_base_slice', 'sysctl_sched_features']);

/** Variables of added lines that only a sysctl writes: constants where CONFIG_SYSCTL is off. */
export function constantsIn(tree: KernelTree, added: readonly AddedLine[], configuration: Configuration): string[] {
  const all = added.flatMap(({ text }) => [...text.matchAll(/((?<!&)&(?!&)\s*)?\b(sysctl_\w+)/g)]);
  const names = new Set(all.filter(([, address]) => address === undefined).map(([, , name]) => name!));
  if (configuration.has('CONFIG_SYSCTL') || names.size === 0) return [];
  const dir = join(tree.dir, 'kernel/sched');
  const files = readdirSync(dir).filter((name) => name.endsWith('.c'));
  const texts = files.map((name) => readFileSync(join(dir, name), 'utf8'));
  const using = texts.filter((source) => [...names].some((name) => source.includes(name)));
  const text = using.map((source) => activeLines(source, configuration)).join('\n');
  // written by code, not by its definition: behind a blank
  const isWritten = (name: string) => new RegExp(`^[ \\t].*\\b${name}\\s*(?:[-+|&^]?=(?!=)|\\+\\+|--)`, 'm').test(text);
  return [...names].filter((name) => !DRAWN.has(name) && !isWritten(name)).sort();
}
