// SPDX-License-Identifier: GPL-2.0-only
/** An expression of the machine as a question with yes or no. */
import { BadInput } from '../base/faults.js';
import type { machine } from '../machine/state.js';
import type { Kernel } from '../vmlinux/bind.js';
import { isTrue, parseExpression } from './expression.js';

/** Throws BadInput where it is none, on this machine first. */
export function predicateOf(text: string, kernel: Kernel, m: machine): (m: machine) => boolean {
  const fault = (thrown: unknown): never => {
    const got = thrown instanceof Error ? thrown.message : String(thrown);
    throw new BadInput('command line', [
      { code: 'expression', place: text, expected: 'an expression of the machine', got },
    ]);
  };
  try {
    const tree = parseExpression(text);
    const holds = (at: machine): boolean => isTrue(tree, { m: at, kernel, locals: new Map() });
    holds(m);
    return (at) => {
      try {
        return holds(at);
      } catch (thrown) {
        return fault(thrown);
      }
    };
  } catch (thrown) {
    return fault(thrown);
  }
}
