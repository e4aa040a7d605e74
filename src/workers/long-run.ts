// SPDX-License-Identifier: GPL-2.0-only
/** What is worth it when a process goes on for minutes. */
import { setFlagsFromString } from 'node:v8';

/** From here on compiling more for longer pays: seconds. */
export const LONG_RUN_SECONDS = 120;
/** The same in operations of the scheduler. */
export const LONG_RUN_OPERATIONS = 2_000_000;

/**
 * Has V8 inline four times as much into what it compiles from now on: the scheduler runs a third faster then, and
 * takes half as long again until it is compiled. For this process and its workers; to be called before kernels run.
 */
export function expectLongRun(): void {
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=4000');
}
