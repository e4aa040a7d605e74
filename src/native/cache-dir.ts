// SPDX-License-Identifier: GPL-2.0-only
/** Where builds and extracted trees are kept, and how two processes keep out of each other's way there. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { NativeError } from './native-error.js';

/** `${XDG_CACHE_HOME:-~/.cache}/kvmodel` */
export function cacheDir(...below: string[]): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'kvmodel', ...below);
}

function holderIsAlive(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
    return true;
  } catch (error) {
    // WHY ENOENT is alive: the holder has made the directory and not yet written its number.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** mkdir -p. WHY not Node's own: it never returns where directories cannot be made and the error says "no such file". */
function makeDirs(dir: string): void {
  if (existsSync(dir)) return;
  makeDirs(dirname(dir));
  mkdirSync(dir);
}

function cannotWrite(dir: string, error: unknown): NativeError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return new NativeError(
    'no-cache',
    `${dir} cannot be written (${code}): XDG_CACHE_HOME names another place for builds`,
  );
}

/** Runs `work` while no other process does so under the same name. NativeError `no-cache` where nothing can be kept. */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  const lock = cacheDir('locks', name);
  try {
    makeDirs(cacheDir('locks'));
  } catch (error) {
    if (!existsSync(cacheDir('locks'))) throw cannotWrite(cacheDir(), error);
  }
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw cannotWrite(cacheDir(), error);
      if (!holderIsAlive(lock)) rmSync(lock, { recursive: true, force: true });
      else await new Promise((wake) => setTimeout(wake, 100));
    }
  }
  try {
    writeFileSync(join(lock, 'pid'), String(process.pid));
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}
