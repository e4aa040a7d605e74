// SPDX-License-Identifier: GPL-2.0-only
/** Recordings of a real 6.12.117 that the tests hold, and their other spellings. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Imported } from '../../src/import/difference.js';
import { type Recording, readTrace } from '../../src/import/read-trace.js';
import { importTrace } from '../../src/import/rebuild.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import type { Kernel } from '../../src/vmlinux/bind.js';

export const pathOf = (name: string): string => new URL(`../vectors/traces/${name}.txt.gz`, import.meta.url).pathname;
export const textOf = (name: string): string => gunzipSync(readFileSync(pathOf(name))).toString('utf8');

export function imported(text: string, kernel: Kernel = linux_6_12): Imported & { recording: Recording } {
  const recording = readTrace(text);
  return { ...importTrace(kernel, recording, 'test'), recording };
}

/** The tracepoints alone, as a kernel without our kprobes gives them. */
export const tracepoints = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.startsWith('#') || /: (?:sched_(?!stat_[ws])\w+|kvm_\w+): /.test(line))
    .join('\n');

/** As `perf script` prints them: no flags, the system before the event. */
export const asPerf = (text: string): string =>
  tracepoints(text)
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/^ *(.*)-(\d+) +\[(\d+)\] \S+ +([\d.]+): /, '$1 $2 [$3] $4: sched:'))
    .join('\n');
