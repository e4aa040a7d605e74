// SPDX-License-Identifier: GPL-2.0-only
/**
 * Compiles the scheduler of a kernel tree, unmodified, into a user-space program.
 *
 * A miniature architecture and a configuration of ours (src/native/c), four translation units, a linker script made
 * from the tree's own macros.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cachedBuild } from './build-cache.js';
import type { KernelTree } from './find-tree.js';
import type { Prover } from './folded-lines.js';
import { builtIn } from './kbuild.js';
import { configurationOf } from './kconfig.js';
import {
  type Build,
  inParallel,
  KernelProgram,
  PROGRAM_MODULE,
  sourcesDir,
  tool,
  VARIANT_FLAGS,
  type Variant,
} from './kernel-program.js';

import { NativeError } from './native-error.js';

export { type Build, sourcesDir, type Variant } from './kernel-program.js';

/** Of kernel/sched, what is compiled under a driver of ours, or as it is. */
const DRIVEN = ['core', 'fair', 'build_policy', 'build_utility'];
const LIB = ['rbtree', 'find_bit', 'cpumask', 'hweight', 'plist', 'llist', 'math/div64', 'bitmap'];

class Scheduler extends KernelProgram {
  protected readonly own = this.c;
  protected readonly about = 'kernel/sched/fair.c';

  protected includeDirs(): string[] {
    const t = this.tree.dir;
    return [`${this.c}/arch`, this.gen, `${t}/include`, `${this.c}/arch/uapi`, `${this.gen}/uapi`, `${t}/include/uapi`];
  }

  protected sourceDirs(): string[] {
    return [this.tree.dir, `${this.tree.dir}/kernel/sched`, this.c];
  }

  /** beside the driven files */
  private more: readonly string[] = [];

  protected async writeGenerated(): Promise<void> {
    this.more = this.moreObjects();
    this.writeHeaders();
    this.writeWrappers([
      ['include/asm-generic', [join(this.c, 'arch/asm')], 'asm'],
      ['include/uapi/asm-generic', [join(this.c, 'arch/uapi/asm')], 'uapi/asm'],
    ]);
    await this.writeOffsets('kernel/bounds.c', 'bounds.h');
    await this.writeOffsets('kernel/sched/rq-offsets.c', 'rq-offsets.h');
  }

  protected linkerScript(): Promise<string> {
    return this.schedulerScript();
  }

  /** What the tree's Makefile builds in kernel/sched beside the driven files: mostly what a patch adds. */
  private moreObjects(): string[] {
    const path = join(this.tree.dir, 'kernel/sched/Makefile');
    if (!existsSync(path)) return [];
    const on = configurationOf(readFileSync(join(this.own, 'autoconf.h'), 'utf8'));
    for (const [name, value] of Object.entries(this.tree.config ?? {}))
      if (value === 'n') on.delete(name);
      else on.set(name, value);
    const objects = builtIn(readFileSync(path, 'utf8'), (name) => on.get(name));
    const without = DRIVEN.filter((name) => !objects.includes(name));
    const others = objects.filter((name) => !DRIVEN.includes(name));
    if (without.length > 0 && objects.length > 0) {
      const [instead, lost] = [others, without].map((names) => names.map((name) => `${name}.c`).join(', '));
      const why = `as configured, kernel/sched is built of ${instead || 'nothing'} and without ${lost}`;
      throw new NativeError('other-scheduler', `${why}; the drivers here are of those`);
    }
    return others.filter((name) => existsSync(join(this.tree.dir, `kernel/sched/${name}.c`)));
  }

  protected async objects(): Promise<void> {
    const counted = this.variant === 'lines' ? ['-include', join(this.c, 'lines.h')] : [];
    const kernel = [...this.flags(), ...VARIANT_FLAGS[this.variant], ...counted];
    const plain = [...this.flags(), ...VARIANT_FLAGS.O2];
    const host = ['-O2', '-g1', '-fno-pie', `-I${this.c}`];
    const libs = LIB.filter((name) => existsSync(join(this.tree.dir, `lib/${name}.c`)));
    await inParallel([
      ...['drv_policy', 'drv_fair', 'drv_core'].map(
        (name) => () => this.compile(`k_${name}.o`, join(this.c, `${name}.c`), kernel),
      ),
      ...this.more.map(
        (name) => () => this.compile(`k_sched_${name}.o`, join(this.tree.dir, `kernel/sched/${name}.c`), kernel),
      ),
      () => this.compile('k_utility.o', join(this.tree.dir, 'kernel/sched/build_utility.c'), kernel),
      ...libs.map(
        (name) => () => this.compile(`k_${name.replace('/', '_')}.o`, join(this.tree.dir, `lib/${name}.c`), plain),
      ),
      async () => {
        const freestanding = ['-ffreestanding', '-ffunction-sections', '-fdata-sections', '-w'];
        await this.compile('k_stubs.o', join(this.c, 'stubs.c'), [...host, ...freestanding]);
        // WHY weak: what a newer tree brings in one of the files above wins over our stand-in.
        await tool('objcopy', ['--weaken', 'k_stubs.o'], this.dir);
      },
      ...['main', 'ubsan'].map((name) => () => this.compile(`${name}.o`, join(this.c, `${name}.c`), host)),
    ]);
  }
}

/** Of our translation units, those that compile the file. */
function unitsOf(tree: string, file: string): string[] {
  const name = file.slice(file.lastIndexOf('/') + 1);
  if (!file.endsWith('.c')) return ['drv_fair', 'drv_core', 'drv_policy'];
  const includes = (path: string) => existsSync(path) && readFileSync(path, 'utf8').includes(`"${name}"`);
  if (includes(join(tree, 'kernel/sched/build_utility.c'))) return ['build_utility'];
  if (includes(join(tree, 'kernel/sched/build_policy.c'))) return ['drv_policy'];
  return ['drv_fair', 'drv_core'].filter((unit) => unit === `drv_${name.replace(/\.c$/, '')}`);
}

/** For what no run can reach. */
export const schedulerProver: Prover = {
  unitsOf,
  async assembly(built, dir, units) {
    const made = new Scheduler({ ...built.tree, dir }, 'O2', built.dir);
    const sourceOf = (unit: string) =>
      unit.startsWith('build_') ? join(dir, `kernel/sched/${unit}.c`) : join(sourcesDir(), `${unit}.c`);
    return (await Promise.all(units.map((unit) => made.assembly(sourceOf(unit))))).join('\n');
  },
};

/**
 * The scheduler's engine of a tree, from the cache when nothing it was made from has changed; otherwise compiled
 * (5 to 15 s). NativeError `no-compiler`, `compile` (with the compiler's lines), `link`, `unsupported-machine`.
 */
export function build(tree: KernelTree, variant: Variant): Promise<Build> {
  const recipe = {
    name: '',
    uses: (path: string) => !/^(lapic|extract|kvm-lapic|machine)/.test(path),
    modules: [import.meta.url, PROGRAM_MODULE],
    program: (...made: ConstructorParameters<typeof Scheduler>) => new Scheduler(...made),
  };
  return cachedBuild(recipe, tree, variant);
}
