// SPDX-License-Identifier: GPL-2.0-only
/** Constants of the model against the `#define`s and enums of their names in a kernel tree, as far as both are plain arithmetic. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SourceFile } from './source-file.js';

export interface Constant {
  path: string;
  name: string;
  /** the expression as it is written */
  text: string;
}

/** Where the kernel defines what the model uses. */
const ROOMS = ['include', 'kernel/sched', 'kernel/locking', 'virt/kvm', 'arch/x86', 'arch/arm64', 'arch/s390'];
/** A flag that is 4 for x86 and 3 for s390, in a release that the tree is not. */
const OF_ANOTHER_RELEASE = ['TIF_NEED_RESCHED_LAZY'];

/** Constants of the mirrored rooms whose names are a kernel's. */
export function constantsOf(files: readonly SourceFile[]): Constant[] {
  const rooms = /^src\/(arch|guest|irq|kvm|lapic|locking|sched|series|vmlinux)\//;
  return files
    .filter(({ path }) => rooms.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]+)(?:: \w+)? = ([^;{[]+);/gm)].map(([, name, value]) => ({
        path,
        name,
        text: value,
      })),
    )
    .filter(({ name }) => !OF_ANOTHER_RELEASE.includes(name));
}

/** Every body that the tree gives each of these names, and the names in those. */
export function definesOf(tree: string): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const room of ROOMS) {
    for (const entry of readdirSync(join(tree, room), { recursive: true, encoding: 'utf8' })) {
      if (!/\.[ch]$/.test(entry)) continue;
      const text = readFileSync(join(tree, room, entry), 'utf8').replaceAll('\\\n', ' ');
      const add = (name: string, body: string): void => {
        const all = out.get(name);
        if (all === undefined) out.set(name, [body]);
        else if (!all.includes(body)) all.push(body);
      };
      for (const [, name, body] of text.matchAll(/^[ \t]*#[ \t]*define[ \t]+([A-Z_][A-Z0-9_]+)[ \t]+(.+)$/gm)) {
        add(name, withoutComments(body).trim());
      }
      for (const [, members] of text.matchAll(/\benum\b[^{};()]*\{([^{}]*)\}/g))
        for (const [name, body] of enumBodies(members)) add(name, body);
    }
  }
  return out;
}

const withoutComments = (text: string): string => text.replace(/\/\*.*?(\*\/|$)|\/\/.*/g, '');

/** Members of an enum; none where the preprocessor decides how many come before. */
function enumBodies(members: string): [name: string, body: string][] {
  const plain = members.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  if (plain.includes('#')) return [];
  let [base, after] = ['0', 0];
  return plain.split(',').flatMap((member): [string, string][] => {
    const found = /^\s*([A-Za-z_]\w*)\s*(?:=\s*([\s\S]*?))?\s*$/.exec(member);
    if (found === null) return [];
    if (found[2] !== undefined) [base, after] = [found[2], 0];
    return [[found[1], `(${base}) + ${after++}`]];
  });
}

const TOKEN = /\s*(0x[0-9a-f_]+|\d[\d_]*|[A-Za-z_]\w*|<<|>>>?|[()|&^~+\-*/,])[nul]*/iy;
const CALLS: Readonly<Record<string, (...args: bigint[]) => bigint>> = {
  BIT: (n) => 1n << n,
  BIT_ULL: (n) => 1n << n,
  _BITUL: (n) => 1n << n,
  UL: (n) => n,
  ULL: (n) => n,
  GENMASK: (high, low) => (1n << (high + 1n)) - (1n << low),
  GENMASK_ULL: (high, low) => (1n << (high + 1n)) - (1n << low),
  // arch/x86/include/asm/kvm_host.h, include/linux/arm-smccc.h: macros that are more than one name
  KVM_ARCH_REQ: (nr, flags = 0n) => (nr + 8n) | flags,
  KVM_ARCH_REQ_FLAGS: (nr, flags) => (nr + 8n) | flags,
  ARM_SMCCC_CALL_VAL: (type, convention, owner, nr) => (type << 31n) | (convention << 30n) | (owner << 24n) | nr,
  u64: (n) => n,
  s64: (n) => n,
  to_u32: (n) => n,
  to_s32: (n) => n,
};
const BINARY: readonly Readonly<Record<string, (a: bigint, b: bigint) => bigint>>[] = [
  { '|': (a, b) => a | b },
  { '^': (a, b) => a ^ b },
  { '&': (a, b) => a & b },
  { '<<': (a, b) => a << b, '>>': (a, b) => a >> b, '>>>': (a, b) => BigInt.asUintN(32, a) >> b },
  { '+': (a, b) => a + b, '-': (a, b) => a - b },
  { '*': (a, b) => a * b, '/': (a, b) => a / b },
];

/** Reads one expression of C or TypeScript; null where it is more than arithmetic on what `lookup` knows. */
export function evaluated(text: string, lookup: (name: string) => bigint | null): bigint | null {
  const tokens: string[] = [];
  const spaced = text.trim().replace(/\((?:unsigned |signed )?(?:__)?(?:[us](?:8|16|32|64)|int|long|long long)\)/g, '');
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < spaced.length) {
    const found = TOKEN.exec(spaced);
    if (found === null) return null;
    tokens.push(found[1]);
  }
  let at = 0;
  class More extends Error {}
  const primary = (): bigint => {
    const token = tokens[at++];
    if (token === '-') return -primary();
    if (token === '~') return ~primary();
    if (token === '(') return closed(level(0));
    if (token === undefined) throw new More();
    if (/^\d/.test(token)) return BigInt(octal(token.replaceAll('_', '')));
    if (Object.hasOwn(CALLS, token) && tokens[at] === '(') {
      at++;
      const args = [level(0)];
      for (; tokens[at] === ','; args.push(level(0))) at++;
      return closed(CALLS[token](...args));
    }
    const value = lookup(token);
    if (value === null) throw new More();
    return value;
  };
  const closed = (value: bigint): bigint => {
    if (tokens[at++] !== ')') throw new More();
    return value;
  };
  const level = (depth: number): bigint => {
    if (depth === BINARY.length) return primary();
    let left = level(depth + 1);
    for (; Object.hasOwn(BINARY[depth], tokens[at] ?? ''); ) left = BINARY[depth][tokens[at++]](left, level(depth + 1));
    return left;
  };
  try {
    const value = level(0);
    return at === tokens.length ? value : null;
  } catch (error) {
    if (error instanceof More) return null;
    throw error;
  }
}

const octal = (digits: string): string => (/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);

export interface Comparison {
  compared: number;
  faults: string[];
}

/** A width is no fault: -1 is 0xffffffff. Of a name that several headers define one has to agree. */
export function compareConstants(constants: readonly Constant[], defines: ReadonlyMap<string, string[]>): Comparison {
  // a local one may be a short name for this file alone
  const model = new Map(constants.map(({ name, text }) => [name, text]));
  const inModel = lookupOf((name) => [model.get(name)].filter((text) => text !== undefined));
  const inTree = lookupOf((name) => defines.get(name) ?? []);
  const faults: string[] = [];
  let compared = 0;
  for (const { path, name, text } of constants) {
    if (!name.includes('_')) continue;
    const ours = evaluated(text, (word) => inModel(word)[0] ?? null);
    const theirs = inTree(name);
    if (ours === null || theirs.length === 0) continue;
    compared++;
    const same = (it: bigint): boolean =>
      [32, 64].some((bits) => BigInt.asUintN(bits, it) === BigInt.asUintN(bits, ours));
    if (!theirs.some(same)) faults.push(`${path}: ${name} is ${ours}, the kernel's ${theirs.join(' or ')}`);
  }
  return { compared, faults };
}

/** All values that a name may have. */
function lookupOf(textsOf: (name: string) => readonly string[]): (name: string, depth?: number) => bigint[] {
  const known = new Map<string, bigint[]>();
  const lookup = (name: string, depth = 0): bigint[] => {
    const before = known.get(name);
    if (before !== undefined || depth > 8) return before ?? [];
    const values = textsOf(name)
      .map((text) => evaluated(text, (word) => lookup(word, depth + 1)[0] ?? null))
      .filter((value) => value !== null);
    known.set(name, values);
    return values;
  };
  return lookup;
}
