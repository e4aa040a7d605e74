// SPDX-License-Identifier: GPL-2.0-only
/**
 * Who may import whom: one row a room, as (from, to).
 *
 * Values follow this table. Types may come from any room but the doors (`cli`, `web`, `native`) and tests: what a mirrored
 * file knows of its neighbours is their types, and they meet in the table of functions.
 */
import { importsOf, resolved, type SourceFile } from './source-file.js';

const MIRRORED = ['sched', 'locking', 'irq', 'kvm', 'lapic', 'arch'] as const;

/** room: rooms whose values it may import, besides itself */
export const FLOORS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  lib: ['base'],
  trace: ['base', 'lib'],
  sched: ['base', 'lib', 'trace'],
  locking: ['base', 'lib', 'trace'],
  irq: ['base', 'lib', 'trace'],
  kvm: ['base', 'lib', 'trace'],
  lapic: ['base', 'lib', 'trace'],
  arch: ['base', 'lib', 'trace'],
  // the one list of the mirrored modules; below it they are known by type
  vmlinux: ['base', 'lib', 'trace', ...MIRRORED],
  series: ['base', 'lib', 'vmlinux', 'trace', ...MIRRORED],
  guest: ['base', 'lib', 'trace'],
  scenario: ['base', 'lib', 'vmlinux', 'series', 'guest'],
  machine: ['base', 'lib', 'vmlinux', 'trace', ...MIRRORED, 'series', 'guest', 'scenario'],
  explore: ['base', 'lib', 'vmlinux', 'trace', ...MIRRORED, 'series', 'guest', 'scenario', 'machine', 'report'],
  // campaigns: what is run next, what is kept, what is one finding; threads and files are others' work
  fuzz: [
    ...['base', 'lib', 'vmlinux', 'trace', ...MIRRORED, 'series', 'guest', 'scenario', 'machine', 'explore', 'report'],
  ],
  races: ['base', 'lib', 'vmlinux', 'trace', ...MIRRORED, 'series', 'guest', 'scenario', 'machine'],
  operation: ['base', 'lib'],
  native: ['base', 'lib', 'operation'],
  conform: ['base', 'lib', 'vmlinux', 'operation', 'trace', ...MIRRORED, 'series', 'guest', 'machine', 'native'],
  report: ['base', 'lib', 'vmlinux', 'operation', 'trace', 'series', 'guest', 'scenario', 'machine', 'races'],
  step: ['base', 'lib', 'vmlinux', 'trace', ...MIRRORED, 'series', 'guest', 'scenario', 'machine', 'explore', 'report'],
  // traces of real kernels as runs
  import: ['base', 'lib', 'vmlinux', 'sched', 'series', 'guest', 'scenario', 'machine'],
  properties: [...['base', 'lib', 'vmlinux', 'trace', ...MIRRORED, 'series', 'guest', 'scenario', 'machine', 'races']],
  // what a user names: files, series, counterexamples
  loader: [
    'entry',
    'base',
    'lib',
    'vmlinux',
    'series',
    'guest',
    'scenario',
    'machine',
    'properties',
    'explore',
    'fuzz',
    // where things are kept
    'native',
  ],
  workers: [
    ...['base', 'lib', 'vmlinux', 'series', 'scenario', 'machine', 'properties', 'explore', 'fuzz', 'report', 'loader'],
    // what is asked of states is an expression
    'step',
  ],
  cli: [
    'base',
    'lib',
    'vmlinux',
    'operation',
    'trace',
    ...MIRRORED,
    'series',
    'guest',
    'scenario',
    'machine',
    'explore',
    'fuzz',
    'races',
    'native',
    'conform',
    'report',
    'properties',
    'loader',
    'workers',
    'step',
    'import',
  ],
  web: [
    ...['base', 'lib', 'vmlinux', 'trace', ...MIRRORED, 'series', 'guest', 'scenario', 'machine', 'explore', 'report'],
    ...['races', 'properties', 'step'],
  ],
  // src/index.ts: what a user's patch imports
  entry: ['lib', 'vmlinux', 'sched', 'series', 'properties', 'guest', 'machine', 'scenario', 'kvm', 'arch'],
};

/** Files that mirror a header: constants and factories, which the rooms beside may use. */
export const HEADERS: readonly string[] = [
  'src/sched/sched.ts',
  'src/sched/features.ts',
  'src/irq/preempt.ts',
  'src/kvm/kvm_host.ts',
  'src/kvm/guest-memory.ts',
  'src/arch/x86/kvm_host.ts',
  'src/arch/arm64/kvm_host.ts',
  'src/arch/s390/kvm_host.ts',
  'src/lapic/apicdef.ts',
];

/** Rooms that every architecture shares: they know none, not even by type. */
export const SHARED: readonly string[] = ['lib', 'sched', 'locking', 'irq', 'kvm', 'guest'];

/** Packages with a place: only these rooms may import them. Others may be imported above `lib`. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  immer: ['machine', 'web'],
  jsep: ['step'],
  protobufjs: ['report'],
  xstate: ['web'],
  'fast-check': ['properties', 'explore', 'fuzz', 'entry'],
  preact: ['web'],
  'd3-scale': ['web'],
  'd3-selection': ['web'],
  'd3-zoom': ['web'],
  valibot: ['scenario', 'loader', 'native'],
  'web-tree-sitter': ['native'],
  'cli-table3': ['base'],
  'cli-progress': ['cli'],
  commander: ['cli'],
  jiti: ['loader'],
  typescript: ['loader', 'races'],
};

/** The rooms in which the host's own clock, files and streams do not exist. */
export const PURE: readonly string[] = [
  'base',
  'lib',
  'trace',
  ...MIRRORED,
  'series',
  'guest',
  'vmlinux',
  'scenario',
  'machine',
  'explore',
  'fuzz',
  'report',
  'import',
  'properties',
  'entry',
];

/** The room of a file: `sched` for src/sched/fair.ts. */
export function roomOf(path: string): string | null {
  const [top, room] = path.split('/');
  if (top === 'properties') return 'properties';
  if (top === 'test') return 'test';
  if (top !== 'src') return null;
  return room.endsWith('.ts') ? 'entry' : room;
}

/** Every import that goes where the table does not let it go. */
export function floorFaults(file: SourceFile): string[] {
  const from = roomOf(file.path);
  if (from === null || from === 'test') return [];
  const allowed = FLOORS[from];
  if (allowed === undefined) return [`${file.path}: the room ${from} has no row in FLOORS`];
  return importsOf(file).flatMap((i) => {
    const at = `${file.path}:${i.line}`;
    const target = resolved(file.path, i.specifier);
    if (target === null) return packageFault(at, from, i.specifier, i.typeOnly);
    const to = roomOf(target);
    if (to === null || to === from) return to === null && !target.endsWith('.json') ? [`${at}: imports ${target}`] : [];
    if (to === 'test') return [`${at}: ${from} imports a test`];
    const ofOne = ['arch', 'lapic'].includes(to) || /^src\/vmlinux\/\w+-(x86|arm64|s390)\.ts$/.test(target);
    if (SHARED.includes(from) && ofOne) return [`${at}: ${from} is for every architecture, ${target} for one`];
    if (i.typeOnly && !['cli', 'web', 'native'].includes(to)) return [];
    if (allowed.includes(to) || (HEADERS.includes(target) && isAbove(from))) return [];
    return [`${at}: ${from} may not import ${i.typeOnly ? 'types' : 'values'} from ${to}`];
  });
}

/** Headers of the kernel are for everything that knows kernels. */
const isAbove = (room: string): boolean => !['base', 'lib', 'vmlinux', 'operation', 'native'].includes(room);

function packageFault(at: string, from: string, specifier: string, typeOnly: boolean): string[] {
  if (specifier.startsWith('node:')) return PURE.includes(from) ? [`${at}: ${from} may not import ${specifier}`] : [];
  const name = specifier.split('/')[0];
  const rooms = PACKAGES[name];
  if (rooms === undefined) return [`${at}: the package ${name} has no row in PACKAGES`];
  return rooms.includes(from) || typeOnly ? [] : [`${at}: ${from} may not import ${name}`];
}

/** The same table as a graph for graphviz. */
export function floorsDot(): string {
  const edges = Object.entries(FLOORS).flatMap(([from, to]) => to.map((t) => `  ${from} -> ${t};`));
  return `digraph floors {\n${edges.join('\n')}\n}\n`;
}

/** A room's floor: all rooms under it. */
const under = (room: string): string[] => [...new Set(FLOORS[room].flatMap((it) => [it, ...under(it)]))];

/** Rooms in words: `r and below` for a room with everything under it. */
function inWords(rooms: readonly string[]): string {
  const left = new Set(rooms);
  const words: string[] = [];
  const gain = (room: string): number => [room, ...under(room)].filter((it) => left.has(it)).length;
  const whole = (room: string): boolean => under(room).every((it) => rooms.includes(it));
  for (;;) {
    const best = [...left].filter((room) => whole(room) && gain(room) > 2).sort((a, b) => gain(b) - gain(a))[0];
    if (best === undefined) break;
    words.push(`${best} and below`);
    for (const room of [best, ...under(best)]) left.delete(room);
  }
  return [...words, ...left].join(', ') || 'nothing of ours';
}

/** The same table for docs/architecture.md, padded as the formatter has it. */
export function floorsTable(): string {
  const rows = Object.entries(FLOORS).map(([room, below]) => [room, inWords(below)]);
  const width = (column: number): number => Math.max(...rows.map((row) => row[column].length));
  const row = ([a, b]: string[], by: string): string => `| ${a.padEnd(width(0), by)} | ${b.padEnd(width(1), by)} |`;
  return [row(['room', 'may import'], ' '), row(['', ''], '-'), ...rows.map((it) => row(it, ' '))].join('\n');
}
