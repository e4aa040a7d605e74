// SPDX-License-Identifier: GPL-2.0-only
/** Finds the kernel tree: the one the user names, or the one that Debian's package installs. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir, exclusively } from './cache-dir.js';
import { noRoomIn } from './cannot-write.js';
import { NativeError } from './native-error.js';
import { unfinished } from './scratch.js';

const run = promisify(execFile);

/** The package that holds the pinned release. */
export const DEBIAN_PACKAGE = 'linux-source-6.12';
/** The package that would hold a release: linux-source-6.1 for v6.1. */
export const packageOf = (kernel: string): string => `linux-source-${/^v(\d+\.\d+)/.exec(kernel)?.[1] ?? ''}`;

/** What is taken from an archive: what the engine compiles, and what the mirrored functions are looked up in. */
const NEEDED = [
  ...['Makefile', 'include', 'kernel', 'lib', 'io_uring', 'virt/kvm'],
  ...['arch/x86/kvm', 'arch/x86/include', 'arch/x86/lib', 'arch/x86/kernel/kvm.c'],
  ...[
    'arch/arm64/kvm',
    'arch/arm64/include',
    'arch/s390/kvm',
    'arch/s390/include',
    'arch/s390/kernel/smp.c',
    'arch/s390/lib',
  ],
  // the boot of a kernel in a guest
  ...['init/main.c', 'arch/arm64/kernel/setup.c', 'arch/arm64/kernel/time.c', 'arch/arm64/kernel/smp.c'],
];

/** A kernel tree on disk. */
export interface KernelTree {
  readonly dir: string;
  /** `6.12.117` */
  readonly version: string;
  /** options that differ from the configuration of every build: `{ SCHED_BORE: 'y' }`; see kconfig.ts */
  readonly config?: Readonly<Record<string, string>>;
}

/** Where a copy of a tree keeps `config`. */
export const CONFIG_FILE = '.kvmodel-config.json';

/** Whatever lacks one of these is no kernel tree, or only a part of one. */
const MARKS = [
  ...['Makefile', 'kernel/sched/fair.c', 'include/linux/sched.h'],
  ...['kernel/bounds.c', 'include/linux/kconfig.h', 'include/asm-generic', 'include/uapi/asm-generic', 'lib/rbtree.c'],
];

/** What the drivers here include; kernel/sched was compiled file by file before it. */
const DRIVEN_AS_ONE = 'kernel/sched/build_policy.c';

/** Reads the version from the tree's Makefile; NativeError when `dir` is not a kernel tree or too old a one. */
export function readTree(dir: string): KernelTree {
  const missing = MARKS.find((f) => !existsSync(join(dir, f)));
  if (missing !== undefined) {
    const whole = existsSync(join(dir, MARKS[1])) ? 'a whole' : 'a';
    const what = !existsSync(dir) ? 'does not exist' : `is not ${whole} kernel tree: it has no ${missing}`;
    throw new NativeError('not-a-tree', `${dir} ${what}`);
  }
  const makefile = readFileSync(join(dir, 'Makefile'), 'utf8');
  const field = (name: string) => new RegExp(`^${name} *= *(\\S*)`, 'm').exec(makefile)?.[1] ?? '';
  if (!(Number(field('VERSION')) > 0)) throw new NativeError('not-a-tree', `${dir}/Makefile names no kernel version`);
  const version = `${field('VERSION')}.${field('PATCHLEVEL')}.${field('SUBLEVEL') || '0'}${field('EXTRAVERSION')}`;
  if (!existsSync(join(dir, DRIVEN_AS_ONE))) {
    throw new NativeError(
      'tree-too-old',
      `${dir} is Linux ${version}, without ${DRIVEN_AS_ONE}: it came with 5.18, earlier trees are not supported`,
    );
  }
  const config = join(dir, CONFIG_FILE);
  if (!existsSync(config)) return { dir, version };
  return { dir, version, config: JSON.parse(readFileSync(config, 'utf8')) as Record<string, string> };
}

/** Names an archive by its content: the ends and the size, because hashing 150 MB takes longer than a build. */
function archiveKey(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const size = fstatSync(fd).size;
    const block = Buffer.alloc(1 << 20);
    const hash = createHash('sha256').update([size, ...NEEDED].join('\n'));
    for (const at of [0, Math.max(0, size - block.length)]) {
      hash.update(block.subarray(0, readSync(fd, block, 0, block.length, at)));
    }
    return hash.digest('hex').slice(0, 16);
  } finally {
    closeSync(fd);
  }
}

/** Unpacks what is needed of /usr/src/linux-source-*.tar.xz, once. */
async function extract(archive: string): Promise<string> {
  const top = basename(archive).replace(/\.tar\.\w+$/, '');
  const dir = cacheDir('trees', `${top}-${archiveKey(archive)}`);
  return exclusively(`tree-${top}`, async () => {
    if (existsSync(dir)) return dir;
    const unpacking = unfinished(dir);
    mkdirSync(unpacking, { recursive: true });
    try {
      await run('tar', ['-xf', archive, '-C', unpacking, '--strip-components=1', ...NEEDED.map((f) => `${top}/${f}`)]);
      renameSync(unpacking, dir);
    } catch (error) {
      rmSync(unpacking, { recursive: true, force: true });
      const words = String((error as { stderr?: string }).stderr ?? error)
        .trim()
        .split('\n');
      const full = noRoomIn(words.join('\n'), unpacking);
      if (full !== null) throw full;
      throw new NativeError('not-a-tree', `${archive} cannot be unpacked: ${words[0]}`, words);
    }
    return dir;
  });
}

/** What a package of Debian's has installed: its tree, unpacked or as an archive; null when it is not there. */
export function installed(name: string, sourceDir = '/usr/src'): string | null {
  if (!existsSync(sourceDir)) return null;
  const names = readdirSync(sourceDir).filter((n) => n === name || n.startsWith(`${name}.tar.`));
  const unpacked = names.find((n) => n === name && statSync(join(sourceDir, n)).isDirectory());
  const found = unpacked ?? names.find((n) => /\.tar\.\w+$/.test(n));
  return found === undefined ? null : join(sourceDir, found);
}

/**
 * The tree at `path`, or the installed package's, unpacked or as an archive (which is then unpacked into the cache).
 * `sourceDir` is where the package puts it. NativeError `no-tree`, `not-a-tree`, `tree-too-old`.
 */
export async function findTree(path?: string, sourceDir = '/usr/src'): Promise<KernelTree> {
  const found = path === undefined ? installed(DEBIAN_PACKAGE, sourceDir) : resolve(path);
  if (found === null) {
    throw new NativeError('no-tree', `no kernel tree: name one with --tree PATH, or apt-get install ${DEBIAN_PACKAGE}`);
  }
  const isArchive = /\.tar\.\w+$/.test(found) && existsSync(found);
  return readTree(isArchive ? await extract(found) : found);
}
