// SPDX-License-Identifier: GPL-2.0-only
/** What functions of a tree take and return, as far as it decides how a register is read: from their text. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { functionTexts } from './c-functions.js';

/** How the value in a register is meant. */
export type ValueKind = 'bool' | 's32' | 'u32' | 's64' | 'u64' | 'pointer' | 'void';

export interface Prototype {
  readonly args: readonly ValueKind[];
  readonly result: ValueKind;
}

const WIDE_UNSIGNED = /\b(u64|size_t|gfn_t|gpa_t|unsigned long|uint64_t)\b/;
const WIDE_SIGNED = /\b(s64|ktime_t|long|int64_t)\b/;
const UNSIGNED = /\b(u8|u16|u32|uint|unsigned)\b/;

function kindOf(type: string): ValueKind {
  if (type.includes('*') || type.includes('[')) return 'pointer';
  if (/\bbool\b/.test(type)) return 'bool';
  if (WIDE_UNSIGNED.test(type)) return 'u64';
  if (UNSIGNED.test(type)) return 'u32';
  if (WIDE_SIGNED.test(type)) return 's64';
  return /\bvoid\b/.test(type) ? 'void' : 's32';
}

/** Parameters between the brackets, apart from each other at the commas of the outermost level. */
function parameters(text: string): string[] {
  const out = [''];
  let depth = 0;
  for (const token of text.split(' ')) {
    if (token === '(') depth++;
    else if (token === ')') depth--;
    if (token === ',' && depth === 0) out.push('');
    else out[out.length - 1] += ` ${token}`;
  }
  return out.map((one) => one.trim()).filter((one) => one !== '' && one !== 'void');
}

/** What stands behind the opening bracket at `from`, up to the one that closes it. */
function bracketed(text: string, from: number): string {
  const tokens = text.slice(from).trim().split(' ').slice(1);
  let depth = 1;
  const end = tokens.findIndex((token) => {
    if (token === '(') depth++;
    else if (token === ')') depth--;
    return depth === 0;
  });
  return tokens.slice(0, end).join(' ');
}

/** Of a function's text, or of a tracepoint's: null where there is nothing to read. */
function prototypeOf(name: string, text: string): Prototype | null {
  const proto = text.indexOf('TP_PROTO (');
  if (proto >= 0) return { args: parameters(bracketed(text, proto + 9)).map(kindOf), result: 'void' };
  const at = text.indexOf(` ${name} (`);
  if (at < 0) return null;
  return { args: parameters(bracketed(text, at + name.length + 2)).map(kindOf), result: kindOf(text.slice(0, at)) };
}

/** Where functions of the machine stand. */
const DIRS = ['kernel/sched', 'virt/kvm', 'arch/x86/kvm', 'include/trace/events'];
const FILES = ['include/linux/kvm_host.h', 'include/linux/sched.h'];

/** Of the functions with these names, those that the tree defines. */
export function prototypes(tree: string, names: readonly string[]): ReadonlyMap<string, Prototype> {
  const wanted = new Set(names);
  const found = new Map<string, Prototype>();
  const dirs = DIRS.filter((dir) => existsSync(join(tree, dir)));
  const files = [
    ...dirs.flatMap((dir) => readdirSync(join(tree, dir)).map((file) => `${dir}/${file}`)),
    ...FILES,
  ].filter((file) => /\.[ch]$/.test(file) && existsSync(join(tree, file)));
  for (const file of files) {
    const text = readFileSync(join(tree, file), 'utf8');
    if (![...wanted].some((name) => text.includes(name.replace(/^trace_/, '')))) continue;
    for (const [name, body] of functionTexts(text)) {
      const known = wanted.has(name) ? prototypeOf(name, body) : null;
      if (known !== null && !found.has(name)) found.set(name, known);
    }
  }
  return found;
}
