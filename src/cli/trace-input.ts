// SPDX-License-Identifier: GPL-2.0-only
/** Traces of real kernels as commands are given them: text, gzipped text, or a trace.dat that trace-cmd reads. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { reject } from '../base/faults.js';
import type { Imported } from '../import/difference.js';
import type { Recording } from '../import/read-trace.js';
import { readBytes } from '../loader/files.js';
import { traceKind } from '../loader/trace-text.js';
import type { Kernel } from '../vmlinux/bind.js';
import type { Io } from './io.js';

/** Of text; a minute of a busy machine */
const TEXT_MAX = 256 << 20;
const HEAD = 1 << 16;
const WHAT = 'a trace: text of ftrace, trace-cmd, perf script or Perfetto, or a trace.dat';

/** Whether a file holds a trace: by its first bytes. One that cannot be read holds none. */
export function isTraceFile(name: string, io: Io): boolean {
  let bytes: Buffer;
  try {
    bytes = readBytes(name, io.cwd, WHAT, TEXT_MAX);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes, { maxOutputLength: TEXT_MAX });
  } catch {
    return false;
  }
  return traceKind(bytes.subarray(0, HEAD).toString('latin1')) !== null;
}

/** The text of a trace, whatever holds it. Throws BadInput. */
async function traceTextOf(trace: string, io: Io): Promise<string> {
  if (trace === '-') return io.stdin();
  const bytes = readBytes(trace, io.cwd, WHAT, TEXT_MAX);
  const kind = traceKind(bytes.subarray(0, 64).toString('latin1'));
  if (kind === 'a trace.dat of trace-cmd') return reported(trace, io);
  if (kind === 'a perf.data')
    reject(trace, 'trace', trace, `${WHAT}; perf script -i FILE prints a perf.data`, 'a perf.data');
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString('utf8');
  try {
    return gunzipSync(bytes, { maxOutputLength: TEXT_MAX }).toString('utf8');
  } catch (e) {
    const big = (e as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    reject(trace, 'file', trace, WHAT, big ? 'more than 256 MiB when unpacked' : 'a damaged gzip file');
  }
}

/** What trace-cmd report prints of it, in ns and with the kernel's own field names. */
function reported(trace: string, io: Io): string {
  const args = ['report', '-t', '-N', '-i', resolve(io.cwd, trace)];
  const run = spawnSync('trace-cmd', args, { encoding: 'utf8', maxBuffer: TEXT_MAX });
  if (run.error !== undefined) {
    const { code } = run.error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'a trace.dat, and trace-cmd is not installed' : `trace-cmd: ${code}`;
    reject(trace, 'trace', trace, `${WHAT}; trace-cmd report reads the latter`, why);
  }
  if (run.status !== 0) {
    const said = run.stderr.trim().split('\n').at(-1) ?? '';
    reject(
      trace,
      'trace',
      trace,
      'a trace.dat that trace-cmd reads',
      said === '' ? 'one that it does not' : said.slice(0, 100),
    );
  }
  return run.stdout;
}

/** The trace, run on the kernel. Throws BadInput where it has no event of the scheduler. */
export async function importedFrom(
  trace: string,
  kernel: Kernel,
  io: Io,
): Promise<{ recording: Recording; imported: Imported }> {
  const { readTrace } = await import('../import/read-trace.js');
  const { importTrace } = await import('../import/rebuild.js');
  const text = await traceTextOf(trace, io);
  const recording = readTrace(text);
  const sched = recording.events.filter(({ is }) => is !== 'kvm' && is !== 'standing');
  if (sched.length === 0) {
    const [first] = recording.notes;
    const why = first === undefined ? '' : ` (line ${first.line}: ${first.says})`;
    reject(
      trace,
      'trace',
      trace,
      `${WHAT}, with events of the scheduler`,
      `${recording.lines} lines of other events${why}`,
    );
  }
  const name = trace === '-' ? 'standard input' : trace;
  return { recording, imported: importTrace(kernel, recording, name) };
}
