// SPDX-License-Identifier: GPL-2.0-only
/** A kernel that stops at its races, a series' functions included. */
import { readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { FunctionTable, Kernel } from '../vmlinux/bind.js';
import { everyModule, importsOf, moduleOf, ROOT, STEPPED, textOf } from './every-module.js';
import type { StepTable } from './one-order.js';
import { type Modules, stepTable } from './stepped-kernel.js';

const NO_STEPS = ['sched/kernel-stack'];

const isScheduler = (path: string): boolean => path.startsWith('sched/') && !NO_STEPS.includes(path);

/** What the scheduler does it does under the run queue's lock, in whichever kernel. */
function lockedNames(modules: Modules, stops: readonly string[]): Set<string> {
  const scheduler = Object.entries(modules).filter(([path]) => isScheduler(path));
  const names = scheduler.flatMap(([, module]) => Object.keys(module));
  return new Set(names.filter((name) => !stops.includes(name)));
}

/**
 * The stepped table of a kernel of the registry: overrides stop at their races as the functions do that they replace. `stops`: see
 * Litmus.
 */
export async function steppedTableOf(kernel: Kernel, stops: readonly string[] = []): Promise<StepTable> {
  const tables = made.get(kernel.table) ?? new Map<string, StepTable>();
  made.set(kernel.table, tables);
  const known = tables.get(stops.join());
  if (known !== undefined) return known;
  const table = await newTable(kernel, stops);
  tables.set(stops.join(), table);
  return table;
}

const made = new WeakMap<FunctionTable, Map<string, StepTable>>();

async function newTable(kernel: Kernel, stops: readonly string[]): Promise<StepTable> {
  const mirrored = await everyModule();
  const modules: Record<string, object> = { ...mirrored };
  const stepped = [...STEPPED];
  for (const [path, module] of Object.entries(mirrored)) {
    if (!isScheduler(path) || !stops.some((name) => name in module)) continue;
    stepped.push(path);
    for (const key of importsOf(path)) modules[key] ??= await moduleOf(key);
  }
  for (const path of seriesFiles(join(ROOT, 'series'))) {
    const module = await moduleOf(path);
    if (!overrides(module, kernel.table)) continue;
    modules[path] = module;
    stepped.push(path);
    for (const key of importsOf(path)) modules[key] ??= await moduleOf(key);
  }
  return stepTable(kernel.table, stepped, modules, lockedNames(mirrored, stops));
}

/** The texts of the full barriers that stepped code stops at, a series' not among them. */
export function barriers(): string[] {
  return STEPPED.flatMap((path) => [...textOf(path).matchAll(/RACE: (\(smp_mb\).*)/g)].map(([, text]) => text));
}

/** Modules below a folder by their path under src, without extension. */
function seriesFiles(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) return seriesFiles(path);
      const module = /^(.+?)(?<!\.d)\.(?:ts|js)$/.exec(name);
      return module === null ? [] : [relative(ROOT, join(folder, module[1])).split(sep).join('/')];
    });
}

const overrides = (module: object, table: FunctionTable): boolean =>
  Object.entries(module).some(([name, fn]) => typeof fn === 'function' && table[name] === fn);
