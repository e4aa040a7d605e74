// SPDX-License-Identifier: GPL-2.0-only
/**
 * Compiles the scheduler of a kernel tree, unmodified, into a user-space program.
 *
 * No Kbuild: the tree's own headers, a miniature architecture and a configuration of ours (src/native/c), four
 * translation units, a linker script made from the tree's own macros. What stays undefined becomes an address that
 * nothing is mapped to, so that whoever calls or reads it ends with its name.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDir, exclusively } from './cache-dir.js';
import type { KernelTree } from './find-tree.js';
import { NativeError } from './native-error.js';

/** `O2` for comparing, `ubsan` reports undefined arithmetic, `cov` counts lines. */
export type Variant = 'O2' | 'ubsan' | 'cov';

/** A finished build. */
export interface Build {
  /** the directory with the program `engine`, its objects and its notes for gcov */
  readonly dir: string;
  readonly program: string;
  readonly tree: KernelTree;
  readonly variant: Variant;
  /** symbols that the link left undefined: calling one ends the run with its name */
  readonly traps: readonly string[];
}

const LIB = ['rbtree', 'find_bit', 'cpumask', 'hweight', 'plist', 'llist', 'math/div64'];
const TRAP_BASE = 0x7000_0000;
const TRAP_STEP = 0x4000;
const JOBS = 2;

const VARIANT_FLAGS: Readonly<Record<Variant, readonly string[]>> = {
  O2: ['-O2', '-fno-strict-overflow'],
  // WHY without -fno-strict-overflow: it would define the overflows away that are looked for.
  ubsan: ['-O2', '-fsanitize=signed-integer-overflow,shift,integer-divide-by-zero,bounds'],
  // WHY -O1: at -O0 the kernel's always_inline functions and dead branches do not compile. A branch that is made
  // an expression would have no line.
  cov: [
    '-O1',
    '-fno-ssa-phiopt',
    '-fno-if-conversion',
    '-fno-strict-overflow',
    '--coverage',
    '-fprofile-update=single',
  ],
};

/** Our C sources; beside the TypeScript in the repository, at the same path in an installed package. */
export function sourcesDir(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const candidate = join(dir, 'src/native/c');
    if (existsSync(join(candidate, 'native.h'))) return candidate;
    if (dir === dirname(dir)) throw new NativeError('compile', "the engine's C sources (src/native/c) are missing");
  }
}

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function tool(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd, maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C' } },
      (error, stdout, stderr) => {
        if (error !== null && (error as NodeJS.ErrnoException).code === 'ENOENT') {
          reject(new NativeError('no-compiler', `no ${command} on PATH: apt-get install gcc binutils libc6-dev`));
        } else {
          resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
        }
      },
    );
  });
}

/** At most two at a time. */
async function inParallel(work: readonly (() => Promise<unknown>)[]): Promise<void> {
  const queue = [...work];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next();
  };
  await Promise.all(Array.from({ length: JOBS }, worker));
}

/** `path:line: message` of every error, with paths as the tree's owner knows them. */
function compilerErrors(stderr: string, tree: string): string[] {
  return stderr
    .split('\n')
    .filter((line) => /: (fatal )?error: /.test(line))
    .map((line) => line.replaceAll(`${tree}/`, ''));
}

class Builder {
  private readonly gen: string;
  private readonly c = sourcesDir();

  constructor(
    private readonly tree: KernelTree,
    private readonly variant: Variant,
    private readonly dir: string,
  ) {
    this.gen = join(dir, 'gen');
  }

  private include(): string[] {
    const t = this.tree.dir;
    const dirs = [
      `${this.c}/arch`,
      this.gen,
      `${t}/include`,
      `${this.c}/arch/uapi`,
      `${this.gen}/uapi`,
      `${t}/include/uapi`,
    ];
    return ['-nostdinc', ...dirs.map((d) => `-I${d}`), '-D__KERNEL__'];
  }

  private flags(): string[] {
    const t = this.tree.dir;
    const first = ['compiler-version', 'kconfig', 'compiler_types'].flatMap((h) => [
      '-include',
      `${t}/include/linux/${h}.h`,
    ]);
    return [
      ...['-std=gnu11', '-fms-extensions', ...this.include(), ...first, `-I${t}`, `-I${t}/kernel/sched`, `-I${this.c}`],
      ...['MODNAME', 'BASENAME', 'MODFILE'].map((name) => `-DKBUILD_${name}="native"`),
      ...['-D__DISABLE_EXPORTS', '-fno-strict-aliasing', '-fno-common', '-fshort-wchar', '-fno-pie', '-mcmodel=small'],
      ...['-fno-delete-null-pointer-checks', '-fno-stack-protector', '-ffunction-sections', '-fdata-sections', '-g1'],
      ...['-Wno-address-of-packed-member', '-Werror=implicit-function-declaration'],
      ...['-Werror=incompatible-pointer-types', '-Werror=int-conversion'],
    ];
  }

  /** asm/x.h for every header that the miniature architecture leaves to asm-generic. */
  private writeWrappers(): void {
    for (const [from, ours, to] of [
      ['include/asm-generic', 'arch/asm', 'asm'],
      ['include/uapi/asm-generic', 'arch/uapi/asm', 'uapi/asm'],
    ] as const) {
      mkdirSync(join(this.gen, to), { recursive: true });
      for (const name of readdirSync(join(this.tree.dir, from))) {
        if (!name.endsWith('.h') || existsSync(join(this.c, ours, name))) continue;
        writeFileSync(join(this.gen, to, name), `#include <asm-generic/${name}>\n`);
      }
    }
  }

  /** Constants that only the compiler knows, read back from assembly as Kbuild does. */
  private async writeOffsets(source: string, header: string): Promise<void> {
    if (!existsSync(join(this.tree.dir, source))) return;
    const done = await tool('gcc', [...this.flags(), '-O2', '-S', '-o', '-', join(this.tree.dir, source)], this.dir);
    if (done.status !== 0) throw this.compileError(source, done);
    const lines = [...done.stdout.matchAll(/->(\w+) [$#]?(-?\d+)/g)].map(
      ([, name, value]) => `#define ${name} ${value}\n`,
    );
    writeFileSync(join(this.gen, 'generated', header), lines.join(''));
  }

  private compileError(what: string, done: Outcome): NativeError {
    const errors = compilerErrors(done.stderr, this.tree.dir);
    const details = errors.length > 0 ? errors : done.stderr.trim().split('\n');
    return new NativeError('compile', `${what} does not compile: ${details[0]}`, details);
  }

  private async writeGenerated(): Promise<void> {
    const generated = join(this.gen, 'generated');
    mkdirSync(generated, { recursive: true });
    this.writeWrappers();
    writeFileSync(join(generated, 'autoconf.h'), readFileSync(join(this.c, 'autoconf.h')));
    for (const empty of ['timeconst.h', 'asm-offsets.h', 'bounds.h', 'rq-offsets.h'])
      writeFileSync(join(generated, empty), '');
    writeFileSync(join(generated, 'utsrelease.h'), `#define UTS_RELEASE "${this.tree.version}"\n`);
    await this.writeOffsets('kernel/bounds.c', 'bounds.h');
    await this.writeOffsets('kernel/sched/rq-offsets.c', 'rq-offsets.h');
  }

  /** Which members and functions the tree has: one compilation, read from the lines that fail. */
  private async probe(): Promise<void> {
    const source = join(this.c, 'probe.c');
    const args = [...this.flags(), '-fmax-errors=0', '-ftrack-macro-expansion=0', '-fsyntax-only', source];
    const done = await tool('gcc', args, this.dir);
    const failed = new Set([...done.stderr.matchAll(/probe\.c:(\d+):\d+: error:/g)].map((m) => Number(m[1])));
    const elsewhere = compilerErrors(done.stderr, this.tree.dir).filter((line) => !line.includes('probe.c:'));
    if (elsewhere.length > 0) {
      throw new NativeError('compile', `kernel/sched/fair.c does not compile: ${elsewhere[0]}`, elsewhere);
    }
    const has = readFileSync(source, 'utf8')
      .split('\n')
      .flatMap((line, i) => {
        const name = /^PROBE_(?:MEMBER|CALL)\((\w+)/.exec(line)?.[1];
        return name === undefined || failed.has(i + 1) ? [] : [`#define NATIVE_HAVE_${name} 1\n`];
      });
    writeFileSync(join(this.gen, 'native-probe.h'), has.join(''));
  }

  /** The classes in the tree's order, per-CPU data, and everything writable in one piece for the reset. */
  private async linkerScript(): Promise<string> {
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

  private async compile(object: string, source: string, flags: readonly string[]): Promise<void> {
    const done = await tool('gcc', [...flags, '-MD', '-c', '-o', object, source], this.dir);
    if (done.status !== 0) throw this.compileError(relative(this.tree.dir, source).replace(/^(\.\.\/.*\/)/, ''), done);
  }

  private async objects(): Promise<void> {
    const kernel = [...this.flags(), ...VARIANT_FLAGS[this.variant]];
    const plain = [...this.flags(), ...VARIANT_FLAGS.O2];
    const host = ['-O2', '-g1', '-fno-pie', `-I${this.c}`];
    const libs = LIB.filter((name) => existsSync(join(this.tree.dir, `lib/${name}.c`)));
    await inParallel([
      ...['drv_policy', 'drv_fair', 'drv_core'].map(
        (name) => () => this.compile(`k_${name}.o`, join(this.c, `${name}.c`), kernel),
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

  private async link(script: string): Promise<string[]> {
    const objects = readdirSync(this.dir).filter((name) => name.endsWith('.o'));
    const attempt = (traps: readonly string[], extra: readonly string[]) => {
      const names = traps.map((name) => `  "${name}",\n`).join('');
      const table = `const char *const native_trap_names[] = {\n${names}  0\n};\nconst int native_nr_traps = ${traps.length};\n`;
      writeFileSync(join(this.dir, 'traps.c'), table);
      const coverage = this.variant === 'cov' ? ['--coverage', '-Wl,-u,__gcov_dump,-u,__gcov_reset'] : [];
      const args = [
        '-no-pie',
        '-Wl,--gc-sections',
        `-Wl,-T,${script}`,
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

  async build(): Promise<string[]> {
    await this.writeGenerated();
    await this.probe();
    const script = await this.linkerScript();
    await this.objects();
    return this.link(script);
  }
}

// ---- cache ---------------------------------------------------------------------------------------------------------

interface Manifest {
  readonly traps: readonly string[];
  /** what was read: path, size, time of change, sha256 */
  readonly files: readonly (readonly [path: string, size: number, mtimeMs: number, sha256: string])[];
}

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Every file that the compiler says it read, from its .d files, outside of the build itself. */
function filesRead(dir: string): Manifest['files'] {
  const paths = new Set<string>();
  for (const name of readdirSync(dir).filter((n) => n.endsWith('.d'))) {
    const text = readFileSync(join(dir, name), 'utf8')
      .replace(/\\\n/g, ' ')
      .replace(/^[^:]*:/, '');
    for (const path of text.split(/\s+/)) if (path.startsWith('/') && !path.startsWith(dir)) paths.add(path);
  }
  return [...paths].sort().map((path) => {
    const { size, mtimeMs } = statSync(path);
    return [path, size, mtimeMs, sha256(path)] as const;
  });
}

/** Size and time decide when they are the same, content when they are not. */
function isCurrent(manifest: Manifest): boolean {
  return manifest.files.every(([path, size, mtimeMs, hash]) => {
    if (!existsSync(path)) return false;
    const now = statSync(path);
    return now.size === size && (now.mtimeMs === mtimeMs || sha256(path) === hash);
  });
}

function ownSources(): string {
  const dir = sourcesDir();
  const hash = createHash('sha256');
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(dir, name);
    if (statSync(path).isFile()) hash.update(`${name}\0`).update(readFileSync(path));
  }
  // How it is compiled stands in this file.
  return hash.update(readFileSync(fileURLToPath(import.meta.url))).digest('hex');
}

/**
 * The engine of a tree, from the cache when nothing it was made from has changed; otherwise compiled (5 to 15 s).
 * NativeError `no-compiler`, `compile` (with the compiler's lines), `link`, `unsupported-machine`.
 */
export async function build(tree: KernelTree, variant: Variant): Promise<Build> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new NativeError(
      'unsupported-machine',
      `the native engine runs on Linux on x86_64, this is ${process.platform} on ${process.arch}`,
    );
  }
  const compiler = (await tool('gcc', ['--version'], '/')).stdout.split('\n')[0];
  const key = createHash('sha256')
    .update([tree.dir, variant, compiler, ownSources()].join('\0'))
    .digest('hex')
    .slice(0, 20);
  const dir = cacheDir('native', `${tree.version}-${variant}-${key}`);
  const finished = (manifest: Manifest): Build => ({
    dir,
    program: join(dir, 'engine'),
    tree,
    variant,
    traps: manifest.traps,
  });
  return exclusively(`native-${key}`, async () => {
    const manifestPath = join(dir, 'manifest.json');
    if (existsSync(manifestPath)) {
      const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest;
      if (isCurrent(manifest)) return finished(manifest);
    }
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    try {
      const traps = await new Builder(tree, variant, dir).build();
      const manifest: Manifest = { traps, files: filesRead(dir) };
      for (const name of readdirSync(dir)) if (/\.(d|in)$/.test(name)) rmSync(join(dir, name));
      const unfinished = `${manifestPath}.${process.pid}`;
      writeFileSync(unfinished, JSON.stringify(manifest));
      renameSync(unfinished, manifestPath);
      return finished(manifest);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  });
}
