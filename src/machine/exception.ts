// SPDX-License-Identifier: GPL-2.0-only
/** An exception out of the middle of a kernel: a patch that is wrong kills the kernel that it is in, and that is a result. */
import { BadInput } from '../base/faults.js';
import { KernelBug, NotModelled } from '../lib/bug.js';

/** Thrown by what watches a kernel from inside it, so not the kernel's: `inner` is to go on as it is. */
export class WatcherThrew extends Error {
  constructor(readonly inner: unknown) {
    super('a probe threw');
  }
}

/** A call on the stack: `at Object.yield_task_fair (/tmp/my-patch.ts:5:9)`, or without the name. */
const FRAME =
  /^ +at (?:(?:async )?(?:Object\.|Proxy\.)?([\w$.]+)(?: \[as \w+\])? \()?(?:file:\/\/)?(\/[^():\n]+):(\d+):(\d+)\)?$/gm;
const OURS = /\/(?:dist\/)?(?:src|properties)\/[\w.-]+\/|\/node_modules\//;

/** `yield_task_fair() at my-patch.ts:5:9`: the innermost call in a file outside of kvmodel, or else the innermost function. */
function placeOf(stack: string): string {
  const frames = [...stack.matchAll(FRAME)].map(([, name, path, line, column]) => ({ name, path, line, column }));
  const theirs = frames.find((frame) => !OURS.test(frame.path));
  const { name } = theirs ?? frames.find((frame) => frame.name !== undefined) ?? {};
  const call = name === undefined ? 'the kernel' : `${name.split('.').pop()}()`;
  if (theirs === undefined) return call;
  return `${call} at ${theirs.path.split('/').pop()}:${theirs.line}:${theirs.column}`;
}

/** No call of it lies in a file outside of kvmodel. */
export const isOurs = (error: Error): boolean =>
  [...(error.stack ?? '').matchAll(FRAME)].every(([, , path]) => OURS.test(path));

/** What an exception out of a kernel stands for: itself where the kernel or the model throws it, or else the kernel's death. */
export function asBug(thrown: unknown): unknown {
  if (thrown instanceof KernelBug || thrown instanceof NotModelled || thrown instanceof BadInput) return thrown;
  if (typeof thrown === 'symbol') return thrown;
  if (thrown instanceof WatcherThrew) return thrown.inner;
  if (!(thrown instanceof Error)) return new KernelBug('exception', `the kernel: ${String(thrown)} was thrown`);
  const [first] = thrown.message.split('\n');
  return new KernelBug('exception', `${placeOf(thrown.stack ?? '')}: ${thrown.name}: ${first}`);
}
