// SPDX-License-Identifier: GPL-2.0-only
/** Compiles functions cut out of a tree. What does not compile is left out, by name, with the compiler's own words. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourcesDir } from '../build.js';
import { cacheDir, exclusively } from '../cache-dir.js';
import { noRoomIn } from '../cannot-write.js';
import type { KernelTree } from '../find-tree.js';
import { withOptions } from '../kconfig.js';
import { NativeError } from '../native-error.js';
import { unfinished } from '../scratch.js';
import type { Architecture } from './architecture.js';
import { type CFile, type CFunction, indexFile, withoutComments } from './c-index.js';
import { argumentKinds, type CField, emit } from './emit.js';
import { memberFields } from './members.js';
import { type Cut, type Held, type Slice, slice } from './slice.js';

/** What is to be held, and against which state. */
export interface Wanted {
  readonly architecture: Architecture;
  readonly held: readonly Held[];
  readonly fields: readonly CField[];
  readonly absent: ReadonlyMap<string, string>;
  /** assignments for every vCPU `i`: what the model takes for granted */
  readonly constants: readonly string[];
  modelName(file: string, name: string): string | null;
  /** functions that are stand-ins beside those of the model, as `file: name` */
  readonly apart?: ReadonlySet<string>;
  /** every integer that the functions use in the tree's structures is state as well */
  readonly wholeState?: boolean;
}

/** A parameter of a held function, as the caller has to know it. */
export interface Taken {
  readonly name: string;
  /** `number`, `vcpu`, `kvm`, `task` ..., `opaque` */
  readonly kind: string;
  readonly type: string;
}

export interface HeldFunction extends Held {
  readonly takes: readonly Taken[];
  /** stand-ins that it can call, directly or by helpers */
  readonly callees: readonly string[];
  /** identifiers in it and its helpers */
  readonly mentions: readonly string[];
}

export interface CalledFunction {
  readonly as: string;
  readonly mirrored: boolean;
  readonly takes: readonly string[];
}

/** A finished build, and what it is made of. */
export interface ExtractBuild {
  readonly dir: string;
  readonly program: string;
  readonly held: readonly HeldFunction[];
  readonly calls: readonly CalledFunction[];
  /** functions that are not in it, and why: `not in the tree`, or the compiler's words */
  readonly left: readonly { readonly held: Held; readonly why: string }[];
  /** state, in the order of the program */
  readonly fields: readonly CField[];
  /** fields that the tree's structures do not have */
  readonly lackingFields: readonly string[];
}

/** Of these files only structures are taken. */
const STRUCTURES = ['include/linux/sched.h'];

const FLAGS = [
  ...['-std=gnu11', '-fms-extensions', '-fno-strict-aliasing', '-fno-strict-overflow', '-fwrapv', '-O1', '-g1'],
  ...['-fno-ssa-phiopt', '-fno-if-conversion', '-fno-inline', '--coverage', '-fprofile-update=single', '-fno-pie'],
  '-Werror=implicit-function-declaration',
];

const PLAIN = new Set(['READ_ONCE', 'return', 'likely', 'unlikely', 'if']);

const ROUNDS = 12;

function gcc(args: readonly string[], cwd: string): Promise<{ status: number; stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile(
      'gcc',
      [...args],
      { cwd, maxBuffer: 1 << 27, env: { ...process.env, LC_ALL: 'C' } },
      (error, _, stderr) => {
        if (error !== null && (error as NodeJS.ErrnoException).code === 'ENOENT')
          reject(new NativeError('no-compiler', 'no gcc on PATH: apt-get install gcc binutils libc6-dev'));
        else {
          const full = error === null ? null : noRoomIn(stderr, cwd);
          if (full !== null) reject(full);
          else resolve({ status: error === null ? 0 : Number(error.code ?? 1), stderr });
        }
      },
    );
  });
}

/** Names that base.h and world.h give; a structure's with its keyword. */
function baseNames(dir: string): Set<string> {
  const text = ['base.h', 'world.h'].map((name) => readFileSync(join(dir, name), 'utf8')).join('\n');
  const plain = text.replace(/\/\*[\s\S]*?\*\//g, ' ');
  const names = new Set<string>();
  for (const [, name] of plain.matchAll(/^#define (\w+)/gm)) names.add(name!);
  for (const [, name] of plain.matchAll(/^(?:static |extern )[\w *]*?\b(\w+)\(/gm)) names.add(name!);
  for (const [, list] of plain.matchAll(/^typedef [^;{]*?([\w, ]+);/gm))
    for (const name of list!.split(/[, ]+/)) names.add(name);
  for (const [, list] of plain.matchAll(/^typedef struct \{[^}]*\} ([\w, ]+);/gm))
    for (const name of list!.split(/[, ]+/)) names.add(name);
  for (const [, name] of plain.matchAll(/^(struct \w+) \{/gm)) names.add(name!);
  for (const [, name] of plain.matchAll(/\b(extract_\w+)\b/g)) names.add(name!);
  return names;
}

/** What the world and the driver touch of the kernel's structures. */
const WORLD: Readonly<Record<Architecture['name'], string>> = {
  x86:
    'struct task_struct; struct kvm; struct kvm_vcpu; struct vcpu_vmx; struct vcpu_svm; struct vmcb; struct kvm_lapic; struct kvm_run; ' +
    'x->vcpu; x->vmcb; x->arch; x->apic; x->run; x->kvm; x->vcpu_id; x->vcpu_idx; x->vcpu_array; x->online_vcpus; ' +
    'x->preempt_notifier; x->wait; x->pi_desc; x->control; x->save;',
  arm64:
    'struct task_struct; struct kvm; struct kvm_vcpu; struct kvm_run; x->arch; x->run; x->kvm; x->vcpu_id; x->vcpu_idx; x->vcpu_array; ' +
    'x->online_vcpus; x->preempt_notifier; x->wait;',
  s390:
    'struct task_struct; struct kvm; struct kvm_vcpu; struct kvm_run; struct kvm_s390_sie_block; x->sie_block; x->arch; x->run; x->kvm; ' +
    'x->vcpu_id; x->vcpu_idx; x->vcpu_array; x->online_vcpus; x->preempt_notifier; x->wait; x->gpsw; x->mask;',
};

interface Attempt {
  readonly cut: Slice;
  readonly held: readonly Held[];
  readonly fields: readonly CField[];
}

class Extractor {
  private readonly c = join(sourcesDir(), 'extract');
  private readonly base = baseNames(this.c);
  private readonly files = new Map<string, CFile>();
  private readonly left: { held: Held; why: string }[] = [];
  private readonly lackingFields: string[] = [];
  private readonly structures: CFile[] = [];
  private constants: string[];

  constructor(
    private readonly tree: KernelTree,
    private readonly wanted: Wanted,
    private readonly dir: string,
  ) {
    this.constants = [...wanted.constants];
  }

  private attempt(held: readonly Held[], fields: readonly CField[]): Attempt {
    const { architecture, absent, modelName, apart } = this.wanted;
    const cut: Cut = {
      structures: this.structures,
      leaves: this.wanted.wholeState === true ? this.leaves() : new Map(),
      files: this.files,
      order: architecture.order.filter((file) => this.files.has(file)),
      held,
      modelName: (file, name) => modelName(file, name) ?? (apart?.has(`${file}: ${name}`) === true ? name : null),
      absent: new Map([...absent].map(([name, value]) => [name.replace(/\(.*/, ''), value])),
      base: this.base,
      accessed: [
        WORLD[architecture.name],
        ...fields.map((f) => `${f.lvalue}; ${f.read ?? ''}; ${f.write ?? ''}`),
        ...this.constants,
      ],
    };
    const sliced = slice(cut);
    const { text } = emit(sliced, this.files, held, fields, architecture.name.toUpperCase(), absent, this.constants);
    writeFileSync(join(this.dir, 'held.c'), text);
    return { cut: sliced, held, fields };
  }

  /** Functions that only read members: whoever calls them has to see what they read. */
  private leaves(): Map<string, CFunction> {
    const functions = this.structures.flatMap((file) => [...file.functions.values()]);
    const isLeaf = (f: CFunction) =>
      [...withoutComments(f.text.slice(f.bodyAt)).matchAll(/\b(\w+)\s*\(/g)].every(([, name]) => PLAIN.has(name!));
    return new Map(functions.filter((f) => /\breturn\b/.test(f.text) && isLeaf(f)).map((f) => [f.name, f]));
  }

  /** Who is to blame for an error at `file:line`: held functions, fields, or nobody in particular. */
  private blame(attempt: Attempt, file: string, line: number): { held: Held[]; field: CField | null } {
    if (file === 'fields') return { held: [], field: attempt.fields[line - 1] ?? null };
    const within = (f: { file: string; line: number; text: string }) =>
      f.file === file && line >= f.line && line < f.line + f.text.split('\n').length;
    const direct = attempt.held.filter((h) => within(this.files.get(h.file)!.functions.get(h.name)!));
    if (direct.length > 0) return { held: direct, field: null };
    const helper = attempt.cut.helpers.find(within);
    if (helper === undefined) return { held: [], field: null };
    const key = `c:${helper.file}:${helper.name}`;
    return { held: attempt.held.filter((h) => attempt.cut.reaches.get(h.as)?.has(key)), field: null };
  }

  /** The given fields, and those that the tree's own structures bring. */
  private stateOf(held: readonly Held[]): readonly CField[] {
    const { fields, wholeState, architecture } = this.wanted;
    if (wholeState !== true) return fields;
    return [...fields, ...memberFields(this.attempt(held, fields).cut, fields, architecture.name)];
  }

  private async compile(): Promise<Attempt> {
    let { held } = this.wanted;
    for (const h of held.filter((one) => !this.files.get(one.file)?.functions.has(one.name)))
      this.left.push({ held: h, why: 'not in the tree' });
    held = held.filter((one) => this.files.get(one.file)?.functions.has(one.name));
    let fields = this.stateOf(held);
    const includes = [`-I${this.c}`];
    for (let round = 0; round < ROUNDS; round++) {
      const attempt = this.attempt(held, fields);
      const args = [...FLAGS, ...includes, '-fmax-errors=0', '-ftrack-macro-expansion=0', '-fsyntax-only', 'held.c'];
      const done = await gcc(args, this.dir);
      if (done.status === 0) return attempt;
      const all = [...done.stderr.matchAll(/^([^\s:][^:\n]*):(\d+):\d+: (?:fatal )?error: (.*)$/gm)];
      // WHY not these: a function that does not parse makes the compiler take the following ones for nested
      const errors = all.filter((e) => !/invalid storage class|nested function/.test(e[3]!));
      const out = new Set<Held>();
      const gone = new Set<CField>();
      const moot = new Set(errors.filter((e) => e[1] === 'constants').map((e) => Number(e[2]) - 1));
      this.constants = this.constants.filter((_, i) => !moot.has(i));
      for (const [, file, line, words] of errors) {
        const { held: blamed, field } = this.blame(attempt, file!, Number(line));
        for (const h of blamed) {
          if (!out.has(h)) this.left.push({ held: h, why: `${file}:${line}: ${words}` });
          out.add(h);
        }
        if (field !== null) gone.add(field);
      }
      if (out.size + gone.size + moot.size === 0) {
        const words = all.map((e) => e[0]);
        throw new NativeError(
          'compile',
          `functions cut out of the tree do not compile: ${words[0] ?? done.stderr}`,
          words,
        );
      }
      for (const field of gone) this.lackingFields.push(field.name);
      held = held.filter((h) => !out.has(h));
      fields = fields.filter((f) => !gone.has(f));
    }
    throw new NativeError('compile', 'functions cut out of the tree do not compile');
  }

  private get configuration(): Map<string, string> {
    return withOptions(this.wanted.architecture.configuration, this.tree.config);
  }

  async build(): Promise<Omit<ExtractBuild, 'dir' | 'program'>> {
    for (const file of this.wanted.architecture.order) {
      const found = await indexFile(this.tree.dir, file, this.configuration);
      if (found !== null) this.files.set(file, found);
    }
    for (const file of STRUCTURES) {
      const found = await indexFile(this.tree.dir, file, this.configuration);
      if (found !== null) this.structures.push(found);
    }
    const { cut, held, fields } = await this.compile();
    const host = ['-O2', '-fno-pie', '-c', join(this.c, 'host.c')];
    for (const args of [
      [...FLAGS, `-I${this.c}`, '-c', 'held.c'],
      host,
      ['-no-pie', '--coverage', '-Wl,-u,__gcov_dump,-u,__gcov_reset', '-o', 'held', 'held.o', 'host.o'],
    ]) {
      const done = await gcc(args, this.dir);
      if (done.status !== 0) {
        const words = done.stderr.trim().split('\n');
        throw new NativeError('compile', `functions cut out of the tree do not compile: ${words[0]}`, words);
      }
    }
    return {
      held: held.map((h) => this.heldFunction(h, cut)),
      calls: cut.standIns.map(({ as, mirrored, prototype }) => ({
        as,
        mirrored,
        takes: prototype === null ? [] : argumentKinds(prototype.parameters),
      })),
      left: this.left,
      fields,
      lackingFields: this.lackingFields,
    };
  }

  private heldFunction(h: Held, cut: Slice): HeldFunction {
    const f = this.files.get(h.file)!.functions.get(h.name)!;
    const kinds = argumentKinds(f.parameters);
    const takes = f.parameters.map((p, i) => ({ name: p.name, kind: kinds[i]!, type: p.text.replace(/\s+/g, ' ') }));
    return { ...h, takes, callees: cut.callees.get(h.as) ?? [], mentions: [...(cut.mentions.get(h.as) ?? [])] };
  }
}

const hashOf = (paths: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${path}\0`).update(existsSync(path) ? readFileSync(path) : '');
  return hash.digest('hex');
};

/** The build of a tree, from the cache when no file that it is cut from has changed; otherwise 2 to 5 s. */
export async function buildExtract(tree: KernelTree, wanted: Wanted): Promise<ExtractBuild> {
  const own = [join(sourcesDir(), 'extract'), join(fileURLToPath(import.meta.url), '..')].flatMap((dir) =>
    readdirSync(dir)
      .map((name) => join(dir, name))
      .filter((path) => statSync(path).isFile()),
  );
  const sources = [...wanted.architecture.order, ...STRUCTURES].map((file) => join(tree.dir, file));
  const what = JSON.stringify([
    wanted.held,
    wanted.fields,
    wanted.constants,
    [...wanted.absent],
    [...withOptions(wanted.architecture.configuration, tree.config)],
    [...(wanted.apart ?? [])],
    wanted.wholeState === true,
  ]);
  const key = createHash('sha256')
    .update([hashOf([...own, ...sources]), what, wanted.architecture.name].join('\0'))
    .digest('hex')
    .slice(0, 20);
  const dir = cacheDir('native', `${tree.version}-held-${wanted.architecture.name}-${key}`);
  return exclusively(`native-${key}`, async () => {
    const manifest = join(dir, 'manifest.json');
    if (existsSync(manifest))
      return { ...(JSON.parse(readFileSync(manifest, 'utf8')) as ExtractBuild), dir, program: join(dir, 'held') };
    const making = unfinished(dir);
    rmSync(making, { recursive: true, force: true });
    mkdirSync(making, { recursive: true });
    try {
      const made = await new Extractor(tree, wanted, making).build();
      writeFileSync(join(making, 'manifest.json'), JSON.stringify(made));
      rmSync(dir, { recursive: true, force: true });
      renameSync(making, dir);
      return { ...made, dir, program: join(dir, 'held') };
    } finally {
      if (process.env['KVMODEL_KEEP'] === undefined) rmSync(making, { recursive: true, force: true });
    }
  });
}
