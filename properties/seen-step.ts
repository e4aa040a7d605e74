// SPDX-License-Identifier: GPL-2.0-only
import type { Step } from './vocabulary.js';

/**
 * A step as a monitor inside another sees it: the real one's, with a say of its own.
 *
 * WHY not Object.create(step) or a spread: V8 gives an object that becomes a prototype a hidden class of its own, and with it whoever runs
 * events compiles for none.
 */
export class SeenStep implements Step {
  constructor(
    private readonly real: Step,
    private readonly says: Pick<Step, 'fail' | 'reach'>,
  ) {}

  get index(): Step['index'] {
    return this.real.index;
  }

  get event(): Step['event'] {
    return this.real.event;
  }

  get m(): Step['m'] {
    return this.real.m;
  }

  get kernel(): Step['kernel'] {
    return this.real.kernel;
  }

  get traces(): Step['traces'] {
    return this.real.traces;
  }

  get guestTraces(): Step['guestTraces'] {
    return this.real.guestTraces;
  }

  fail(message: string): void {
    this.says.fail(message);
  }

  reach(what?: string): void {
    this.says.reach(what);
  }

  near(left: number): void {
    this.real.near(left);
  }
}
