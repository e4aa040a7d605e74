// SPDX-License-Identifier: GPL-2.0-only
/**
 * Compiles the local APIC of a kernel tree's KVM, unmodified, into a user-space program.
 *
 * On the tree's own x86 headers, of which few are replaced: what would touch the machine. The files of KVM come whole;
 * of arch/x86/kvm/x86.c, whose definitions give way to ours, only what the APICs reach is linked.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cachedBuild } from './build-cache.js';
import type { KernelTree } from './find-tree.js';
import type { Prover } from './folded-lines.js';
import {
  type Build,
  inParallel,
  KernelProgram,
  PROGRAM_MODULE,
  sourcesDir,
  VARIANT_FLAGS,
  type Variant,
} from './kernel-program.js';

const KVM = ['irq_comm', 'irq', 'ioapic'];
const LIB = ['find_bit', 'hweight', 'math/div64'];
/** Headers of arch/x86 that Kbuild would make; nothing of them is needed. */
const EMPTY = ['unistd_64', 'unistd_32_ia32', 'unistd_64_x32'];

class Lapic extends KernelProgram {
  protected readonly own = join(this.c, 'lapic');
  protected readonly about = 'arch/x86/kvm/lapic.c';

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
    return [this.tree.dir, `${this.tree.dir}/arch/x86/kvm`, this.own];
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

  /** Everything writable in one piece for the reset. */
  protected async linkerScript(): Promise<string> {
    const script = join(this.dir, 'native.lds');
    writeFileSync(
      script,
      `SECTIONS
{
  .native_rw : ALIGN(4096) {
    native_rw_start = .;
    *k_*.o(.data .data.* .bss .bss.[!_]* .bss._[!_]* .bss.__[!g]* .bss.__g[!c]*)
    native_rw_end = .;
  }
}
INSERT AFTER .data;
`,
    );
    return script;
  }

  protected async objects(): Promise<void> {
    const freestanding = ['-mno-sse', '-mno-mmx', '-mno-80387'];
    const kernel = [...this.flags(), ...freestanding, ...VARIANT_FLAGS[this.variant]];
    const plain = [...this.flags(), ...freestanding, ...VARIANT_FLAGS.O2];
    const host = ['-O2', '-g1', '-fno-pie', `-I${this.c}`];
    await inParallel([
      async () => {
        await this.compile('k_drv_x86.o', join(this.own, 'drv_x86.c'), kernel);
        await this.weaken('k_drv_x86.o');
      },
      () => this.compile('k_drv_lapic.o', join(this.own, 'drv_lapic.c'), kernel),
      ...['shims', 'dump'].map((name) => () => this.compile(`k_${name}.o`, join(this.own, `${name}.c`), plain)),
      ...KVM.map((name) => () => this.compile(`k_${name}.o`, join(this.tree.dir, `arch/x86/kvm/${name}.c`), kernel)),
      ...LIB.map(
        (name) => () => this.compile(`k_${name.replace('/', '_')}.o`, join(this.tree.dir, `lib/${name}.c`), plain),
      ),
      async () => {
        await this.compile('k_stubs.o', join(this.own, 'stubs.c'), [
          ...host,
          '-ffreestanding',
          '-ffunction-sections',
          '-w',
        ]);
        await this.weaken('k_stubs.o');
      },
      ...['main', 'ubsan'].map((name) => () => this.compile(`${name}.o`, join(this.c, `${name}.c`), host)),
    ]);
  }
}

/** For what no run can reach. */
export const lapicProver: Prover = {
  unitsOf(_, file) {
    const name = /^arch\/x86\/kvm\/(\w+)\.c$/.exec(file)?.[1];
    if (name === undefined) return ['drv_lapic', 'drv_x86'];
    if (name === 'lapic' || name === 'x86') return [`drv_${name}`];
    return KVM.includes(name) ? [name] : [];
  },
  async assembly(built, dir, units) {
    const made = new Lapic({ ...built.tree, dir }, 'O2', built.dir);
    const sourceOf = (unit: string) =>
      KVM.includes(unit) ? join(dir, `arch/x86/kvm/${unit}.c`) : join(sourcesDir(), `lapic/${unit}.c`);
    return (await Promise.all(units.map((unit) => made.assembly(sourceOf(unit))))).join('\n');
  },
};

/** The program of a tree's local APIC, from the cache when it is current. NativeError as for the scheduler's. */
export function buildLapic(tree: KernelTree, variant: Variant): Promise<Build> {
  const recipe = {
    name: 'lapic-',
    uses: (path: string) =>
      path.startsWith('lapic') ||
      path.startsWith('arch') ||
      !/^(drv_|stubs|autoconf|probe|kvm-lapic|extract|machine)/.test(path),
    modules: [import.meta.url, PROGRAM_MODULE],
    program: (...made: ConstructorParameters<typeof Lapic>) => new Lapic(...made),
  };
  return cachedBuild(recipe, tree, variant);
}
