// SPDX-License-Identifier: GPL-2.0-only
/** What cannot happen unless we are wrong. Bad input is never asserted: it is reported as faults. */

/** A mistake of ours. */
export class AssertionFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AssertionFailed';
  }
}

/** Throws AssertionFailed with `message` unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailed(message);
}

/** For the default branch of a switch over a closed union: does not compile while a case is missing. */
export function unreachable(x: never): never {
  throw new AssertionFailed(`a case that the types rule out: ${JSON.stringify(x)}`);
}
