// SPDX-License-Identifier: GPL-2.0-only
/**
 * Compiles files of a kernel tree, unmodified, into a user-space program: the part that every engine shares.
 *
 * No Kbuild: the tree's own headers and a configuration of ours. What stays undefined becomes an address that nothing
 * is mapped to, so that whoever calls or reads it ends with its name.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { noRoomIn } from './cannot-write.js';
import type { KernelTree } from './find-tree.js';
import { configLines } from './kconfig.js';
import { NativeError } from './native-error.js';
import { cachedObject, type Roots } from './object-cache.js';

/**
 * `O2` for comparing, `ubsan` reports undefined arithmetic, `cov` counts lines as far as they are left after optimising, `lines`
 * counts every line, slowly, `probe` tells of calls.
 */
export type Variant = 'O2' | 'ubsan' | 'cov' | 'lines' | 'probe';

/** Whether a build of the variant counts what it executes. */
export const isCounting = (variant: Variant): boolean => variant === 'cov' || variant === 'lines';

/** A finished build. */
export interface Build {
  /** the directory with the program `engine`, its objects and its notes for gcov */
  readonly dir: string;
  readonly program: string;
  readonly tree: KernelTree;
  readonly variant: Variant;
  /** symbols that the link left undefined: calling one ends the run with its name */
  readonly traps: readonly string[];
  /** trees that objects of it were compiled from: their paths stand in what it reports */
  readonly origins: readonly string[];
}

/** What stands for the tree and for the build's directory in debugging notes and __FILE__. */
export const TREE_ROOT = '/kvmodel-tree';
const BUILD_ROOT = '/kvmodel-build';

const TRAP_BASE = 0x7000_0000;
const TRAP_STEP = 0x4000;

export const VARIANT_FLAGS: Readonly<Record<Variant, readonly string[]>> = {
  O2: ['-O2', '-fno-strict-overflow'],
  // WHY without -fno-strict-overflow: it would define the overflows away that are looked for.
  ubsan: ['-O2', '-fsanitize=signed-integer-overflow,shift,integer-divide-by-zero,bounds'],
  // WHY -O1: it takes a third of the time of -O0. A branch that is made an expression would have no line.
  cov: [
    '-O1',
    '-fno-ssa-phiopt',
    '-fno-if-conversion',
    '-fno-strict-overflow',
    '--coverage',
    '-fprofile-update=single',
  ],
  // WHY the macros: the kernel's `inline` says that nobody may look at the function, with the one it says so of another mechanism;
  // assertions that hold where all is inlined are no assertions without the other.
  probe: [
    '-O1',
    '-fno-strict-overflow',
    '-pg',
    '-mfentry',
    '-fno-inline',
    '-fno-optimize-sibling-calls',
    '-fno-partial-inlining',
    '-fno-ipa-pure-const',
    '-fno-ipa-modref',
    '-fno-ipa-sra',
    '-fno-ipa-cp',
    '-fno-ipa-icf',
    '-fno-ipa-ra',
    '-fno-tree-tail-merge',
    '-DCC_USING_PATCHABLE_FUNCTION_ENTRY',
    '-U__OPTIMIZE__',
  ],
  lines: ['-O0', '-fno-strict-overflow', '--coverage', '-fprofile-update=single'],
};

const PROVING = ['-O1', '-ftree-vrp', '-fno-strict-overflow', '-g0', '-w'];

/** Our C sources; beside the TypeScript in the repository, at the same path in an installed package. */
export function sourcesDir(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const candidate = join(dir, 'src/native/c');
    if (existsSync(join(candidate, 'native.h'))) return candidate;
    if (dir === dirname(dir)) throw new NativeError('compile', "the engine's C sources (src/native/c) are missing");
  }
}

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Tools of all builds of this process run at most so many at a time. */
const JOBS = Math.max(2, availableParallelism());
const waiting: (() => void)[] = [];
let free = JOBS;

export async function tool(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  if (free === 0) await new Promise<void>((wake) => waiting.push(wake));
  else free--;
  try {
    return await spawned(command, args, cwd);
  } finally {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }
}

function spawned(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd, maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C' } },
      (error, stdout, stderr) => {
        if (error !== null && (error as NodeJS.ErrnoException).code === 'ENOENT') {
          reject(new NativeError('no-compiler', `no ${command} on PATH: apt-get install gcc binutils libc6-dev`));
          return;
        }
        const full = error === null ? null : noRoomIn(stderr, cwd);
        if (full !== null) reject(full);
        else resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      },
    );
  });
}

/** All of it; tool() sees to how much runs at a time. The first failure counts when the rest has ended. */
export async function inParallel(work: readonly (() => Promise<unknown>)[]): Promise<void> {
  const done = await Promise.allSettled(work.map((one) => one()));
  const failed = done.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** `path:line: message` of every error, with paths as the tree's owner knows them. */
export function compilerErrors(stderr: string, tree: string): string[] {
  return stderr
    .split('\n')
    .filter((line) => /: (fatal )?error: /.test(line))
    .map((line) => line.replaceAll(`${tree}/`, ''));
}

/** This module, for a build's key. */
export const PROGRAM_MODULE = import.meta.url;

/** A program made of a tree's files and ours; engines say which, with which architecture and which data to reset. */
export abstract class KernelProgram {
  protected readonly gen: string;
  /** trees that objects were compiled from */
  readonly origins = new Set<string>();
  /** our C sources */
  protected readonly c = sourcesDir();
  /** of `c`, what this engine's are: main.c and native.h stand above */
  protected abstract readonly own: string;
  /** more options for the linker */
  protected readonly linked: readonly string[] = [];
  /** the file of `own` whose lines ask the tree what it has */
  protected readonly probed: string = 'probe.c';
  /** the kernel file that is named when the probe fails on anything else */
  protected abstract readonly about: string;

  constructor(
    protected readonly tree: KernelTree,
    protected readonly variant: Variant,
    protected readonly dir: string,
  ) {
    this.gen = join(dir, 'gen');
  }

  /** Directories of headers, in order. */
  protected abstract includeDirs(): string[];
  /** Where the kernel's files and ours include from beside them. */
  protected abstract sourceDirs(): string[];
  protected abstract writeGenerated(): Promise<void>;
  protected abstract linkerScript(): Promise<string>;
  protected abstract objects(): Promise<void>;

  protected include(): string[] {
    return ['-nostdinc', ...this.includeDirs().map((d) => `-I${d}`), '-D__KERNEL__'];
  }

  protected flags(): string[] {
    const t = this.tree.dir;
    const first = ['compiler-version', 'kconfig', 'compiler_types'].flatMap((h) => [
      '-include',
      `${t}/include/linux/${h}.h`,
    ]);
    return [
      ...['-std=gnu11', '-fms-extensions', ...this.include(), ...first, ...this.sourceDirs().map((d) => `-I${d}`)],
      ...['MODNAME', 'BASENAME', 'MODFILE'].map((name) => `-DKBUILD_${name}="native"`),
      ...['-D__DISABLE_EXPORTS', '-fno-strict-aliasing', '-fno-common', '-fshort-wchar', '-fno-pie', '-mcmodel=small'],
      ...['-fno-delete-null-pointer-checks', '-fno-stack-protector', '-ffunction-sections', '-fdata-sections', '-g1'],
      ...['-Wno-address-of-packed-member', '-Werror=implicit-function-declaration'],
      ...['-Werror=incompatible-pointer-types', '-Werror=int-conversion'],
    ];
  }

  /** asm/x.h for every header of asm-generic that the architecture does not have: [from, where it may be had, to]. */
  protected writeWrappers(kinds: readonly (readonly [string, readonly string[], string])[]): void {
    for (const [from, had, to] of kinds) {
      mkdirSync(join(this.gen, to), { recursive: true });
      for (const name of readdirSync(join(this.tree.dir, from))) {
        if (!name.endsWith('.h') || had.some((dir) => existsSync(join(dir, name)))) continue;
        writeFileSync(join(this.gen, to, name), `#include <asm-generic/${name}>\n`);
      }
    }
  }

  /** Headers that Kbuild would generate, most of them empty. */
  protected writeHeaders(): void {
    const generated = join(this.gen, 'generated');
    mkdirSync(generated, { recursive: true });
    const autoconf = readFileSync(join(this.own, 'autoconf.h'), 'utf8');
    writeFileSync(join(generated, 'autoconf.h'), autoconf + configLines(this.tree.config ?? {}));
    for (const empty of ['timeconst.h', 'asm-offsets.h', 'bounds.h', 'rq-offsets.h'])
      writeFileSync(join(generated, empty), '');
    writeFileSync(join(generated, 'utsrelease.h'), `#define UTS_RELEASE "${this.tree.version}"\n`);
  }

  /** Constants that only the compiler knows, read back from assembly as Kbuild does. */
  protected async writeOffsets(source: string, header: string): Promise<void> {
    if (!existsSync(join(this.tree.dir, source))) return;
    const done = await tool('gcc', [...this.flags(), '-O2', '-S', '-o', '-', join(this.tree.dir, source)], this.dir);
    if (done.status !== 0) throw this.compileError(source, done);
    const lines = [...done.stdout.matchAll(/->(\w+) [$#]?(-?\d+)/g)].map(
      ([, name, value]) => `#define ${name} ${value}\n`,
    );
    writeFileSync(join(this.gen, 'generated', header), lines.join(''));
  }

  protected compileError(what: string, done: Outcome): NativeError {
    const errors = compilerErrors(done.stderr, this.tree.dir);
    return this.notCompiled(what, errors.length > 0 ? errors : done.stderr.trim().split('\n'));
  }

  /** A header that only the real architecture has is our lack, and no word about the tree. */
  private notCompiled(what: string, details: string[]): NativeError {
    const headers = details.map((line) => /fatal error: ([\w/.-]+): No such file/.exec(line)?.[1] ?? '');
    const lacking = headers.find((name) => name !== '' && existsSync(join(this.tree.dir, 'arch/x86/include', name)));
    if (lacking === undefined) return new NativeError('compile', `${what} does not compile: ${details[0]}`, details);
    const said = `${what} cannot be built here: it needs ${lacking}, and kvmodel's stand-ins for the machine lack that header`;
    return new NativeError('lacks-header', said, details);
  }

  /** Which members and functions the tree has: one compilation, read from the lines that fail. */
  protected async probe(): Promise<void> {
    const source = join(this.own, this.probed);
    const args = [...this.flags(), '-fmax-errors=0', '-ftrack-macro-expansion=0', '-fsyntax-only', source];
    const done = await tool('gcc', args, this.dir);
    const failed = new Set([...done.stderr.matchAll(/probe\.c:(\d+):\d+: error:/g)].map((m) => Number(m[1])));
    const elsewhere = compilerErrors(done.stderr, this.tree.dir).filter((line) => !line.includes('probe.c:'));
    if (elsewhere.length > 0) throw this.notCompiled(this.about, elsewhere);
    const has = readFileSync(source, 'utf8')
      .split('\n')
      .flatMap((line, i) => {
        const name = /^PROBE_(?:MEMBER|CALL)\((\w+)/.exec(line)?.[1];
        if (name === undefined) return [];
        const there = !failed.has(i + 1);
        return [
          there ? `#define NATIVE_HAVE_${name} 1\n` : '',
          `#define NATIVE_IF_${name}(...) ${there ? '__VA_ARGS__' : ''}\n`,
          `#define NATIVE_UNLESS_${name}(...) ${there ? '' : '__VA_ARGS__'}\n`,
        ];
      });
    writeFileSync(join(this.gen, 'native-probe.h'), has.join(''));
  }

  private namesOfHeaders: string | null = null;

  /** Changes with every header that comes or goes where the compiler looks: it may read that one instead. */
  private headers(): string {
    if (this.namesOfHeaders !== null) return this.namesOfHeaders;
    const hash = createHash('sha256');
    for (const dir of [...this.includeDirs(), ...this.sourceDirs(), this.gen]) {
      if (!existsSync(dir)) continue;
      for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort())
        if (/\.[ch]$/.test(name)) hash.update(`${name}\0`);
    }
    this.namesOfHeaders = hash.digest('hex');
    return this.namesOfHeaders;
  }

  /** An object, from the cache when the compiler would read the same. Paths in it do not depend on where the tree lies. */
  protected async compile(object: string, source: string, flags: readonly string[]): Promise<void> {
    const roots: Roots = [
      [this.dir, '$build'],
      [this.tree.dir, '$tree'],
      [this.c, '$own'],
    ];
    const maps = [`-ffile-prefix-map=${this.dir}=${BUILD_ROOT}`, `-ffile-prefix-map=${this.tree.dir}=${TREE_ROOT}`];
    const args = [...flags, ...maps];
    const compiler = (await tool('gcc', ['--version'], '/')).stdout.split('\n')[0]!;
    // Up to GCC 11 the notes for gcov carry the tree's own path.
    const bound =
      Number(/(\d+)\.\d+\.\d+/.exec(compiler)?.[1] ?? 0) < 12
        ? [createHash('md5').update(this.tree.dir).digest('hex')]
        : [];
    const origin = await cachedObject(
      [compiler, object, source, ...args, ...bound, this.headers()],
      join(this.dir, object),
      roots,
      this.tree.dir,
      async () => {
        const done = await tool('gcc', [...args, '-MD', '-c', '-o', object, source], this.dir);
        if (done.status !== 0)
          throw this.compileError(relative(this.tree.dir, source).replace(/^(\.\.\/.*\/)/, ''), done);
      },
    );
    this.origins.add(origin);
  }

  /** Assembly of one source, optimised far enough to know which statements are never reached, and no further. */
  async assembly(source: string): Promise<string> {
    const done = await tool('gcc', [...this.flags(), ...PROVING, '-S', '-o', '-', source], this.dir);
    if (done.status !== 0) throw this.compileError(source, done);
    return done.stdout;
  }

  /** The classes in the tree's order, per-CPU data, and everything writable in one piece for the reset. */
  protected async schedulerScript(): Promise<string> {
    const input = join(this.dir, 'native.lds.in');
    writeFileSync(
      input,
      `#include <asm-generic/vmlinux.lds.h>
NATIVE_BEGIN
SECTIONS
{
  .native_percpu : ALIGN(4096) { PERCPU_INPUT(64) . = ALIGN(4096); }
  .native_classes : ALIGN(64) { SCHED_DATA }
  .native_rw : ALIGN(4096) {
    native_rw_start = .;
    *k_*.o(.data .data.* .bss .bss.[!_]* .bss._[!_]* .bss.__[!g]* .bss.__g[!c]*)
    native_rw_end = .;
  }
}
INSERT AFTER .data;
`,
    );
    const args = ['-E', '-P', '-undef', '-D__ASSEMBLY__', '-D__ASSEMBLER__', '-DLINKER_SCRIPT', '-DPAGE_SIZE=4096'];
    const kconfig = ['-include', `${this.tree.dir}/include/linux/kconfig.h`];
    const done = await tool(
      'gcc',
      [...args, ...this.include(), ...kconfig, '-x', 'assembler-with-cpp', input],
      this.dir,
    );
    if (done.status !== 0) throw this.compileError('include/asm-generic/vmlinux.lds.h', done);
    const body = done.stdout.slice(done.stdout.indexOf('NATIVE_BEGIN') + 'NATIVE_BEGIN'.length);
    const script = join(this.dir, 'native.lds');
    writeFileSync(script, body.replace(/\*\((__\w+_sched_class)\)/g, 'KEEP(*($1))'));
    return script;
  }

  /** What an object defines (of these names) gives way to what another defines; what it needs, it still needs. */
  protected async weaken(object: string, only = /^/): Promise<void> {
    const symbols = await tool('nm', ['-g', '--defined-only', object], this.dir);
    const names = symbols.stdout
      .trim()
      .split('\n')
      .map((line) => `${line.split(' ').at(-1)}\n`)
      .filter((name) => only.test(name));
    writeFileSync(join(this.dir, `${object}.weak`), names.join(''));
    await tool('objcopy', [`--weaken-symbols=${object}.weak`, object], this.dir);
  }

  protected async link(script: string): Promise<string[]> {
    const objects = readdirSync(this.dir).filter((name) => name.endsWith('.o'));
    const attempt = (traps: readonly string[], extra: readonly string[]) => {
      const names = traps.map((name) => `  "${name}",\n`).join('');
      const table = `const char *const native_trap_names[] = {\n${names}  0\n};\nconst int native_nr_traps = ${traps.length};\n`;
      writeFileSync(join(this.dir, 'traps.c'), table);
      const coverage = isCounting(this.variant) ? ['--coverage', '-Wl,-u,__gcov_dump,-u,__gcov_reset'] : [];
      const args = [
        '-no-pie',
        '-Wl,--gc-sections',
        `-Wl,-T,${script}`,
        ...this.linked,
        ...extra,
        '-o',
        'engine',
        ...objects,
        'traps.c',
      ];
      return tool('gcc', [...args, ...coverage], this.dir);
    };
    const first = await attempt([], []);
    const missing = [...first.stderr.matchAll(/undefined reference to [`'](\w+)'/g)].map((m) => m[1]!);
    const traps = [...new Set(missing)].sort();
    const addresses = traps.map((name, i) => `-Wl,--defsym=${name}=${TRAP_BASE + i * TRAP_STEP}`);
    const second = await attempt(traps, addresses);
    if (second.status !== 0) {
      const words = second.stderr.trim().split('\n');
      throw new NativeError('link', `the engine does not link: ${words[0]}`, words);
    }
    return traps;
  }

  /** Makes `engine` in the directory; which symbols became traps. */
  async build(): Promise<string[]> {
    await this.writeGenerated();
    await this.probe();
    const script = await this.linkerScript();
    await this.objects();
    return this.link(script);
  }
}
