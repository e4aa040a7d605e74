// SPDX-License-Identifier: GPL-2.0-only
/** Loops of the kernel that are counted: for a process or a thread that runs code of a user's. */
import { register } from 'node:module';
import { installLoopGuard } from '../loader/loop-guard.js';

let guarded = false;

/** From here on: modules that are loaded already go on as they are. */
export function guardKernelLoops(): void {
  if (guarded) return;
  guarded = true;
  installLoopGuard();
  // WHY only compiled: tests run the sources, which Node does not load
  if (import.meta.url.endsWith('.js')) register(new URL('./guard-hook.js', import.meta.url));
}

/** Commands that run kernels in their own process. */
const RUNNING = ['check', 'run', 'replay', 'step', 'bisect', 'races', 'fuzz', 'explore'];

/** Whether a command line names a file of the user's code; a token may name one as well, which replay sees. */
export function bringsCode([command = '', ...rest]: readonly string[]): boolean {
  return RUNNING.includes(command) && rest.some((word) => /\.[cm]?[jt]s$/.test(word));
}
