// SPDX-License-Identifier: GPL-2.0-only
/** Builds are kept by what they were made from, and made again when a file that they read has changed. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDir, exclusively } from './cache-dir.js';
import type { KernelTree } from './find-tree.js';
import { type Build, type KernelProgram, sourcesDir, tool, type Variant } from './kernel-program.js';
import { NativeError } from './native-error.js';
import { unfinished } from './scratch.js';

interface Manifest {
  readonly traps: readonly string[];
  readonly origins: readonly string[];
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

/** Our C sources that `uses` says yes to, and how they are compiled: these modules. */
function ownSources(uses: (path: string) => boolean, modules: readonly string[]): string {
  const dir = sourcesDir();
  const hash = createHash('sha256');
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(dir, name);
    if (uses(name) && statSync(path).isFile()) hash.update(`${name}\0`).update(readFileSync(path));
  }
  for (const url of [...modules, import.meta.url]) hash.update(readFileSync(fileURLToPath(url)));
  return hash.digest('hex');
}

/** What a build is, beside its tree and variant. */
export interface Recipe {
  /** stands in the name of its directory */
  readonly name: string;
  /** of our C sources, by path below them, those that it is made of */
  readonly uses: (path: string) => boolean;
  /** URLs of the modules that say how */
  readonly modules: readonly string[];
  readonly program: (tree: KernelTree, variant: Variant, dir: string) => KernelProgram;
}

/**
 * A program of a tree, from the cache when nothing it was made from has changed; otherwise compiled (5 to 15 s).
 * NativeError `no-compiler`, `compile` (with the compiler's lines), `link`, `unsupported-machine`.
 */
export async function cachedBuild(recipe: Recipe, tree: KernelTree, variant: Variant): Promise<Build> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new NativeError(
      'unsupported-machine',
      `the native engine runs on Linux on x86_64, this is ${process.platform} on ${process.arch}`,
    );
  }
  const compiler = (await tool('gcc', ['--version'], '/')).stdout.split('\n')[0];
  const key = createHash('sha256')
    .update([tree.dir, variant, compiler, ownSources(recipe.uses, recipe.modules)].join('\0'))
    .update(JSON.stringify(tree.config ?? {}))
    .digest('hex')
    .slice(0, 20);
  const dir = cacheDir('native', `${tree.version}-${recipe.name}${variant}-${key}`);
  const finished = (manifest: Manifest): Build => ({
    dir,
    program: join(dir, 'engine'),
    tree,
    variant,
    traps: manifest.traps,
    origins: manifest.origins,
  });
  return exclusively(`native-${key}`, async () => {
    const manifestPath = join(dir, 'manifest.json');
    if (existsSync(manifestPath)) {
      const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest;
      if (isCurrent(manifest)) return finished(manifest);
    }
    const making = unfinished(dir);
    rmSync(making, { recursive: true, force: true });
    mkdirSync(making, { recursive: true });
    try {
      const program = recipe.program(tree, variant, making);
      const traps = await program.build();
      const manifest: Manifest = { traps, origins: [...program.origins], files: filesRead(making) };
      for (const name of readdirSync(making)) if (/\.(d|in)$/.test(name)) rmSync(join(making, name));
      writeFileSync(join(making, 'manifest.json'), JSON.stringify(manifest));
      rmSync(dir, { recursive: true, force: true });
      renameSync(making, dir);
      return finished(manifest);
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  });
}
