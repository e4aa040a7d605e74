// SPDX-License-Identifier: GPL-2.0-only
/**
 * Compiles the scheduler, KVM and the local APICs of a kernel tree, unmodified, into one user-space program.
 *
 * On the tree's own x86 headers, of which few are replaced: what would touch the machine. kernel/sched, kvm_main.c,
 * entry/kvm.c and the files of the local APIC come whole, x86.c as far as these reach it; kvm_intel and kvm_amd are stand-ins.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cachedBuild } from './build-cache.js';
import type { KernelTree } from './find-tree.js';
import {
  type Build,
  inParallel,
  KernelProgram,
  PROGRAM_MODULE,
  VARIANT_FLAGS,
  type Variant,
} from './kernel-program.js';

const SCHED = ['drv_policy', 'drv_fair', 'drv_core'];
/** Beside these: kernel/exit.c and kernel/rcu/update.c have the wake-up of an rcuwait and its end. */
const KERNEL = [
  'kernel/sched/build_utility',
  'kernel/entry/kvm',
  'kernel/exit',
  'kernel/rcu/update',
  ...['lapic', 'irq_comm', 'irq', 'regs'].map((name) => `arch/x86/kvm/${name}`),
];
const LIB = ['rbtree', 'find_bit', 'cpumask', 'hweight', 'plist', 'llist', 'math/div64', 'bitmap'];
/** Headers of arch/x86 that Kbuild would make; nothing of them is needed. */
const EMPTY = ['unistd_64', 'unistd_32_ia32', 'unistd_64_x32'];

class Machine extends KernelProgram {
  protected readonly own = join(this.c, 'machine');
  protected readonly about = 'virt/kvm/kvm_main.c';
  protected override readonly probed = '../probe.c';
  protected override readonly linked = ['-Wl,--wrap=schedule'];

  protected includeDirs(): string[] {
    const t = this.tree.dir;
    return [
      `${this.own}/arch`,
      `${t}/arch/x86/include`,
      this.gen,
      `${t}/include`,
      `${t}/arch/x86/include/uapi`,
      `${this.gen}/uapi`,
      `${t}/include/uapi`,
    ];
  }

  protected sourceDirs(): string[] {
    const t = this.tree.dir;
    return [t, `${t}/kernel/sched`, `${t}/arch/x86/kvm`, `${t}/virt/kvm`, this.own, this.c];
  }

  protected override flags(): string[] {
    return [...super.flags(), '-DNATIVE_MACHINE', '-mno-sse', '-mno-mmx', '-mno-80387'];
  }

  protected async writeGenerated(): Promise<void> {
    const x86 = join(this.tree.dir, 'arch/x86/include');
    this.writeHeaders();
    this.writeWrappers([
      ['include/asm-generic', [`${this.own}/arch/asm`, `${x86}/asm`], 'asm'],
      ['include/uapi/asm-generic', [`${x86}/uapi/asm`], 'uapi/asm'],
    ]);
    for (const name of EMPTY) writeFileSync(join(this.gen, `asm/${name}.h`), '');
    await this.writeOffsets('kernel/bounds.c', 'bounds.h');
    await this.writeOffsets('kernel/sched/rq-offsets.c', 'rq-offsets.h');
  }

  protected linkerScript(): Promise<string> {
    return this.schedulerScript();
  }

  protected async objects(): Promise<void> {
    const kernel = [...this.flags(), ...VARIANT_FLAGS[this.variant]];
    const plain = [...this.flags(), ...VARIANT_FLAGS.O2];
    const host = ['-O2', '-g1', '-fno-pie', `-I${this.c}`, '-DNATIVE_MACHINE'];
    const freestanding = ['-ffreestanding', '-ffunction-sections', '-fdata-sections', '-w'];
    const t = this.tree.dir;
    const object = (path: string) => `k_${path.slice(path.lastIndexOf('/') + 1)}.o`;
    const there = (path: string) => existsSync(join(t, `${path}.c`));
    await inParallel([
      async () => {
        await this.compile('k_drv_x86.o', join(this.own, 'drv_x86.c'), kernel);
        // WHY these alone: kvm_main.c has weak definitions, too, which x86.c's own have to replace.
        await this.weaken('k_drv_x86.o', /^__SCT__/);
      },
      () => this.compile('k_drv_kvm.o', join(this.own, 'drv_kvm.c'), kernel),
      ...SCHED.map((name) => () => this.compile(`k_${name}.o`, join(this.c, `${name}.c`), kernel)),
      ...KERNEL.filter(there).map(
        (path) => () =>
          this.compile(path === 'kernel/entry/kvm' ? 'k_entry.o' : object(path), join(t, `${path}.c`), kernel),
      ),
      ...['drv_machine', 'vendor', 'stacks', 'shims'].map(
        (name) => () => this.compile(`k_${name}.o`, join(this.own, `${name}.c`), plain),
      ),
      ...LIB.filter((name) => there(`lib/${name}`)).map(
        (name) => () => this.compile(object(`lib/${name}`), join(t, `lib/${name}.c`), plain),
      ),
      ...[
        ['k_stubs.o', join(this.c, 'stubs.c')],
        ['k_more_stubs.o', join(this.own, 'stubs.c')],
      ].map(([name, source]) => async () => {
        await this.compile(name!, source!, [...host, ...freestanding]);
        // WHY weak: what the tree brings in one of the files above wins over our stand-in.
        await this.weaken(name!);
      }),
      ...[join(this.c, 'main'), join(this.c, 'ubsan'), join(this.own, 'swap')].map(
        (path) => () => this.compile(`${path.slice(path.lastIndexOf('/') + 1)}.o`, `${path}.c`, host),
      ),
    ]);
  }
}

/** The program of a tree's whole machine, from the cache when it is current. NativeError as for the scheduler's. */
export function buildMachine(tree: KernelTree, variant: Variant): Promise<Build> {
  const recipe = {
    name: 'machine-',
    uses: (path: string) => !/^(lapic|extract|kvm-lapic)/.test(path),
    modules: [import.meta.url, PROGRAM_MODULE],
    program: (...made: ConstructorParameters<typeof Machine>) => new Machine(...made),
  };
  return cachedBuild(recipe, tree, variant);
}
