// SPDX-License-Identifier: GPL-2.0-only
/** Does a fresh build schedule? A clock that stands still, for one, agrees with everything and schedules nothing. */

import type { Operation } from '../operation/sched.js';
import type { NativeEngine } from './engine.js';
import { NativeError } from './native-error.js';

const SECONDS = 100;
const TICKS_PER_BATCH = 10_000;

const operation = (op: Operation['op'], a = 0, b = 0): Operation => ({ op, cpu: 0, id: 0, a, b, flags: 0 });
const tick = [operation('ADVANCE', 1_000_000), operation('TICK'), operation('RESCHED')];

/** Each task's share of the CPU after 100 s of ticks. */
function shares(engine: NativeEngine, setup: readonly Operation[]): number[] {
  engine.reset();
  const batch = Array.from({ length: TICKS_PER_BATCH }, () => tick).flat();
  engine.run([...setup, operation('SCHEDULE')], 'return');
  for (let ticks = 0; ticks < SECONDS * 1000; ticks += TICKS_PER_BATCH) {
    const { ending } = engine.run(batch, 'return');
    if (ending !== null)
      throw new NativeError('smoke', `the build ends in ${ending.kind}: ${ending.what}`, ending.stack);
  }
  const [last] = engine.run([operation('RESCHED')], 'state').results;
  const column = engine.schema.task.length + engine.schema.se.indexOf('sum_exec_runtime');
  return engine.decode(last!).t.map((row) => Number(row[column]) / (SECONDS * 1e9));
}

/** Nice 0, 5 and -5 share as their weights do, and two groups halve the CPU. NativeError `smoke` when not. */
export function smokeTest(engine: NativeEngine): void {
  const fork = (a: number, b = 0) => operation('FORK', a, b);
  const group = operation('GROUP');
  const cases: readonly (readonly [what: string, setup: readonly Operation[], expected: readonly number[]])[] = [
    ['nice 0, 5, -5', [fork(0), fork(5), fork(-5)], [0.2286, 0.0748, 0.6966]],
    ['two groups', [group, group, fork(0, 1), fork(0, 1), fork(0, 2), fork(0, 2)], [0.25, 0.25, 0.25, 0.25]],
  ];
  for (const [what, setup, expected] of cases) {
    const got = shares(engine, setup);
    if (got.length !== expected.length || got.some((share, i) => Math.abs(share - expected[i]!) > 0.001)) {
      const numbers = got.map((share) => share.toFixed(4)).join(' ');
      throw new NativeError(
        'smoke',
        `${engine.name} does not schedule fairly (${what}): ${numbers}, not ${expected.join(' ')}`,
      );
    }
  }
  engine.reset();
}
